"""What a queue may be called, and the limits that are set for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from booper.timing.durations import Duration, InvalidDuration, shown
from jobs.intake import timing
from jobs.intake.fields import Input
from jobs.intake.refusals import FieldError, InvalidInput

FIELDS = ("concurrency", "rate", "paused")
# One path segment of plain ASCII: two names that look alike are alike. None is "." or "..", which URLs do away with.
NAME_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,254}$"
HIGHEST = 1_000_000
SHORTEST_PERIOD_SECONDS = 0.001

_RATE_FIELDS = ("limit", "period")
_NAME = re.compile(NAME_PATTERN)
_RULE = "a name is 1 to 255 letters, digits and . _ - : @ +, and begins with a letter, a digit or _"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All the limits of a queue. None is no limit; the rate is so many starts in so many seconds."""

    concurrency: int | None
    rate_limit: int | None
    rate_seconds: float | None
    is_paused: bool


def is_name(text: str) -> bool:
    return len(text) <= 255 and _NAME.fullmatch(text) is not None


def check_name(given: Input) -> None:
    """Checks the name of the queue that a job is for."""
    value = given.value("queue")
    if value is None:
        return
    if not isinstance(value, str):
        given.refuse("queue", detail=f"{shown(value)} is not a string: put it in quotes")
    elif not is_name(value):
        given.refuse("queue", detail=f"{shown(value)} is no name of a queue: {_RULE}")


def require_name(name: str) -> None:
    """Checks the name of the queue that a path means. Raises InvalidInput."""
    if not is_name(name):
        raise InvalidInput([FieldError("/name", f"{shown(name)} is no name of a queue: {_RULE}")])


def limits(fields: Mapping[str, Any]) -> Limits:
    """Reads the body of PUT /api/queues/{name}: what is left out is no limit, and not paused. Raises InvalidInput."""
    given = Input(fields, known=FIELDS)
    concurrency = given.whole_number("concurrency", lowest=1, highest=HIGHEST)
    is_paused = given.switch("paused") or False
    rate_limit, rate_seconds = _rate(given)
    given.finish()
    return Limits(concurrency=concurrency, rate_limit=rate_limit, rate_seconds=rate_seconds, is_paused=is_paused)


def _rate(given: Input) -> tuple[int | None, float | None]:
    value = given.value("rate")
    if value is None:
        return None, None
    if not isinstance(value, dict) or not all(value.get(name) is not None for name in _RATE_FIELDS):
        example = '{"limit": 10, "period": [1, "minute"]}'
        given.refuse("rate", detail=f"{shown(value)} is not a limit and a period: write {example}")
        return None, None
    rate = given.within("rate", known=_RATE_FIELDS)
    limit = rate.whole_number("limit", lowest=1, highest=HIGHEST)
    period = timing.duration(rate, "period", value=value["period"])
    seconds = None if period is None else rate.read_at("period", value=period, parse=_seconds)
    return limit, seconds


def _seconds(period: Duration) -> float:
    if period.is_calendar:
        raise InvalidDuration(f"{period} is now longer, now shorter: write it in days")
    if period.nominal_seconds < SHORTEST_PERIOD_SECONDS:
        raise InvalidDuration(f"{period} is too short: write at least {SHORTEST_PERIOD_SECONDS:g} seconds")
    return float(period.nominal_seconds)
