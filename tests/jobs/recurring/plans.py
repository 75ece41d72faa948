"""Schedules for tests: their plans, their runs, and beat's firing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from jobs.models import Job, Schedule
from jobs.recurring import firing
from jobs.specs import JobSpec, RecurrenceSpec
from tests.factories import make_spec

MINUTE = timedelta(minutes=1)


def plan_of(schedule: Schedule, **changes: Any) -> RecurrenceSpec:
    fields: dict[str, Any] = {
        "frequency": schedule.frequency,
        "timezone": schedule.timezone,
        "first_run_at": schedule.anchor_at,
    }
    return RecurrenceSpec(**fields | changes)


def to(plan: RecurrenceSpec) -> Callable[[Schedule], tuple[JobSpec, RecurrenceSpec]]:
    return lambda _: (make_spec(), plan)


def upcoming_of(schedule: Schedule) -> Job:
    return Job.objects.get(schedule=schedule, is_upcoming=True)


def fire_all(now: datetime) -> int:
    total = 0
    while fired := firing.fire_due(limit=500, now=now):
        total += fired
    return total
