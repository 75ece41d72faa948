"""What the API says, in the words of a table: moments from here, how often, what went wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from booper.timing import cron, cron_words
from booper.timing.spans import span

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z")
_FAR = timedelta(days=30)


def moment_of(value: Any) -> datetime | None:
    """The moment that an answer has as RFC 3339 in UTC; None for anything else."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def plain(value: Any) -> Any:
    """A moment without the fractions of its second; other values as they are."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    return f"{found[1]}Z" if found else value


def from_here(moment: datetime, *, now: datetime) -> str:
    """`in 5 min`, `2 h ago`, `now`; a date for what is more than a month away."""
    distance = moment - now.replace(microsecond=0)
    if abs(distance) > _FAR:
        return f"{moment:%Y-%m-%d}"
    if abs(distance) < timedelta(seconds=1):
        return "now"
    words = _one_unit(abs(distance))
    return f"in {words}" if distance > timedelta() else f"{words} ago"


def _one_unit(distance: timedelta) -> str:
    """The length to its largest unit: who wants it exactly looks at one."""
    return " ".join(span(distance).split()[:2])


def frequency(value: Any, *, zone: str | None) -> str | None:
    """How often, as in `every 5 minutes` and `at 09:00 on weekdays, Europe/London`."""
    if not isinstance(value, Mapping):
        return None
    every = value.get("repeat_every")
    if isinstance(every, list) and len(every) == 2:
        amount, unit = every
        return f"every {str(unit).removesuffix('s')}" if amount == 1 else f"every {amount} {unit}"
    expressions = value.get("cron")
    given = expressions if isinstance(expressions, list) else [expressions]
    try:
        return cron_words.describe_all([cron.parse(str(each)) for each in given], zone_name=zone or "UTC")
    except ValueError:
        return "; ".join(str(each) for each in given)


def error(value: Any) -> str | None:
    """Why the latest attempt failed, on one line."""
    if not isinstance(value, Mapping):
        return None
    message, code = value.get("message"), value.get("code")
    return str(message or code) if message or code else None
