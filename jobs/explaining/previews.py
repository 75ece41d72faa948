"""What a would-be job would do: when it would run, and the request it would make, with its secrets hidden."""

import re
from datetime import timedelta, tzinfo
from typing import Any
from urllib.parse import unquote_plus

from booper.timing import recurrence
from booper.timing.recurrence import Run
from booper.timing.timestamps import timestamp
from jobs.models import Schedule
from jobs.outgoing import requests
from jobs.specs import JobSpec, RecurrenceSpec

HIDDEN = "***"
UNKNOWN = "(assigned when created)"

_MICROSECOND = timedelta(microseconds=1)
_SECRET = r"authoriz|authent|(^|[^a-z])auth([^a-z]|$)|cookie|token|secret|passw|credential|signature"
# In headers and queries a key opens a door, if it isn't this one; in a body it may be the key of anything.
_SECRET_NAME = re.compile(rf"{_SECRET}|(?<!idempotency.)key", re.IGNORECASE)
_SECRET_FIELD = re.compile(rf"{_SECRET}|(api|access|private|signing)[^a-z]?key", re.IGNORECASE)


def describe(spec: JobSpec, plan: RecurrenceSpec | None) -> str:
    """How often, in words: "once", "every 5 minutes", "at 09:00 on weekdays, Europe/London"."""
    return recurrence.describe(_rule(spec, plan))


def runs(spec: JobSpec, plan: RecurrenceSpec | None, *, count: int, zone: tzinfo) -> list[Run]:
    """The first `count` runs, or fewer if they end before."""
    first, ends_at = spec.scheduled_at, None
    if plan is not None:
        count, ends_at = min(count, plan.max_runs or count), plan.ends_at
    # From just before the first one on, so that daylight saving is noted for it too.
    found = list(recurrence.upcoming(_rule(spec, plan), after=first - _MICROSECOND, count=count, ends_at=ends_at))
    if not found or found[0].at != first:
        # The client asked for a first run that is off the grid.
        found.insert(0, Run(at=first, local=first.astimezone(zone), note=None))
    return found[:count]


def request(spec: JobSpec, plan: RecurrenceSpec | None) -> dict[str, Any]:
    """The first request, its dynamic fields filled in. Raises RenderTooLargeError."""
    rendered = requests.rendered_args(
        spec.args, job=_described(spec, plan), schedule=None if plan is None else _schedule(plan)
    )
    return {
        "method": spec.method,
        "url": _with_hidden_query(spec.url),
        "query": _hidden(rendered.query, _SECRET_NAME),
        "headers": _hidden(requests.header_texts(rendered.headers), _SECRET_NAME),
        "body": _hidden(rendered.body, _SECRET_FIELD),
    }


def _rule(spec: JobSpec, plan: RecurrenceSpec | None) -> recurrence.Rule:
    return recurrence.Once(spec.scheduled_at) if plan is None else _schedule(plan).rule


def _schedule(plan: RecurrenceSpec) -> Schedule:
    """One that is never saved: as it is before its first run."""
    return Schedule(frequency=plan.frequency, timezone=plan.timezone, anchor_at=plan.first_run_at)


def _described(spec: JobSpec, plan: RecurrenceSpec | None) -> dict[str, Any]:
    """As outgoing.described, of a job that has no ids yet."""
    return {
        "id": UNKNOWN,
        "uuid": UNKNOWN,
        "schedule_id": None if plan is None else UNKNOWN,
        "name": spec.name,
        "attempt": 1,
        "scheduled_at": timestamp(spec.scheduled_at),
    }


def _hidden(value: Any, secret: re.Pattern[str]) -> Any:
    """With the values of the keys that match `secret` hidden, at any depth; what is null or empty hides nothing."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if child not in (None, "", [], {}) and secret.search(name) else _hidden(child, secret)
            for name, child in value.items()
        }
    return [_hidden(item, secret) for item in value] if isinstance(value, list) else value


def _with_hidden_query(url: str) -> str:
    address, mark, query = url.partition("?")
    return address + mark + "&".join(_hidden_pair(pair) for pair in query.split("&"))


def _hidden_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={HIDDEN}" if equals and value and _SECRET_NAME.search(unquote_plus(name)) else pair
