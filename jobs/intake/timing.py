"""When a job runs, as clients write it: in a while or at a moment, in a zone, and how long between its attempts."""

from datetime import UTC, datetime, tzinfo
from functools import lru_cache, partial
from typing import Any

from booper.timing import durations, recurrence
from jobs.intake.fields import Input

TIMES = ("schedule_in", "scheduled_at")
FIELDS = (*TIMES, "timezone")

_MOST_BACKOFFS = 100


def zone(given: Input) -> tzinfo:
    return given.read("timezone", recurrence.zone_named) or UTC


def moment_asked_for(given: Input, *, now: datetime, zone: tzinfo) -> datetime | None:
    """Reads `schedule_in` or `scheduled_at`, never before `now`; None if neither is given."""
    if given.has("schedule_in") and given.has("scheduled_at"):
        given.refuse("scheduled_at", detail="schedule_in says when already: give one or the other")
    at = given.read("scheduled_at", partial(durations.parse_moment, now=now, zone=zone))
    if given.has("schedule_in"):
        wait = duration(given, "schedule_in", value=given.value("schedule_in"))
        at = None if wait is None else _after(wait, now, zone)
    return None if at is None else max(at, now)


# The thousand jobs of a batch share a handful of waits.
@lru_cache(maxsize=256)
def _after(wait: durations.Duration, now: datetime, zone: tzinfo) -> datetime:
    return wait.after(now, zone=zone)


def duration(given: Input, *path: str | int, value: Any) -> durations.Duration | None:
    """Reads a duration; an error points at the half of [amount, unit] that is wrong."""
    try:
        return durations.parse(value)
    except durations.InvalidDuration as refusal:
        given.refuse(*path, *_wrong_half(value), detail=str(refusal))
        return None


def _wrong_half(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) != 2:
        return ()
    amount, unit = value
    is_number = _is_duration(amount) or (isinstance(amount, int | float) and not isinstance(amount, bool))
    return (1,) if is_number and not _is_duration([0, unit]) else (0,)


def _is_duration(value: Any) -> bool:
    try:
        durations.parse(value)
    except durations.InvalidDuration:
        return False
    return True


def backoff_seconds(given: Input) -> list[float] | None:
    """The waits between attempts; months and years by their mean length."""
    value = given.value("backoff")
    if value is None:
        return None
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_BACKOFFS:
        given.refuse(
            "backoff", detail=f'it is not a list of 1 to {_MOST_BACKOFFS} durations: write [5, [1, "minutes"]]'
        )
        return None
    if len(value) == 2 and isinstance(value[1], str) and value[1].strip().isalpha():
        given.refuse("backoff", detail="it is a list of durations, not one: write it in another pair of brackets")
        return None
    waits = [duration(given, "backoff", position, value=item) for position, item in enumerate(value)]
    return [float(wait.nominal_seconds) for wait in waits if wait is not None]
