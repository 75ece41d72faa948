"""What a would-be job would do: when it would run, and the request it would make, with its secrets hidden."""

from collections.abc import Sequence
from datetime import timedelta, tzinfo
from typing import Any

from booper.content import redaction
from booper.timing import durations, recurrence
from booper.timing.recurrence import Run
from booper.timing.timestamps import timestamp
from jobs.models import Schedule
from jobs.outgoing import requests
from jobs.specs import JobSpec, RecurrenceSpec

UNKNOWN = "(assigned when created)"

_MICROSECOND = timedelta(microseconds=1)
_MOST_LEFT_OUT = 100


def describe(spec: JobSpec, plan: RecurrenceSpec | None) -> str:
    """How often, in words: "once", "every 5 minutes", "at 09:00 on weekdays, Europe/London"."""
    words = recurrence.describe(_rule(spec, plan))
    if plan is not None and plan.jitter_seconds:
        words = f"{words}, each later by up to {durations.parse(spec.args['jitter'])}"
    if spec.args.get("expires_in") is not None:
        words = f"{words}, cancelled if not begun within {durations.parse(spec.args['expires_in'])}"
    return words


def runs(spec: JobSpec, plan: RecurrenceSpec | None, *, count: int, zone: tzinfo) -> list[Run]:
    """The first `count` runs, or fewer if they end before."""
    first, ends_at, rule = spec.scheduled_at, None, _rule(spec, plan)
    if plan is not None:
        count, ends_at = min(count, plan.max_runs or count), plan.ends_at
        first = recurrence.at_or_after(_schedule(plan).rule, first, ends_at=ends_at) or first
    # From just before the first one on, so that daylight saving is noted for it too.
    found = list(recurrence.upcoming(rule, after=first - _MICROSECOND, count=count, ends_at=ends_at))
    if not found or found[0].at != first:
        # The client asked for a first run that is off the grid.
        found.insert(0, Run(at=first, local=first.astimezone(zone), note=None))
    return found[:count]


def left_out(plan: RecurrenceSpec | None, runs: Sequence[Run]) -> list[Run]:
    """The times that calendars leave out before the last of the `runs`, the first hundred of them."""
    if plan is None or not runs:
        return []
    after = plan.first_run_at - _MICROSECOND
    return list(recurrence.left_out(_schedule(plan).rule, after=after, until=runs[-1].at, count=_MOST_LEFT_OUT))


def request(spec: JobSpec, plan: RecurrenceSpec | None) -> dict[str, Any]:
    """The first request, its dynamic fields filled in. Raises RenderTooLargeError."""
    rendered = requests.rendered_args(
        spec.args, job=lambda: _described(spec, plan), schedule=None if plan is None else _schedule(plan)
    )
    shown = {
        "method": spec.method,
        "url": spec.url,
        "query": rendered.query,
        "headers": requests.header_texts(rendered.headers),
        "body": rendered.body,
    }
    hidden: dict[str, Any] = redaction.redacted(shown)
    return hidden


def _rule(spec: JobSpec, plan: RecurrenceSpec | None) -> recurrence.Rule:
    return recurrence.Once(spec.scheduled_at) if plan is None else _schedule(plan).rule


def _schedule(plan: RecurrenceSpec) -> Schedule:
    """One that is never saved: as it is before its first run."""
    schedule = Schedule(
        frequency=plan.frequency,
        timezone=plan.timezone,
        anchor_at=plan.first_run_at,
        skip_on=plan.skip_on,
        only_on=plan.only_on,
    )
    schedule.known_days = plan.known_days
    return schedule


def _described(spec: JobSpec, plan: RecurrenceSpec | None) -> dict[str, Any]:
    """Describes a job that has no ids yet, as outgoing.described does."""
    return {
        "id": UNKNOWN,
        "uuid": UNKNOWN,
        "schedule_id": None if plan is None else UNKNOWN,
        "name": spec.name,
        "attempt": 1,
        "scheduled_at": timestamp(spec.scheduled_at),
    }
