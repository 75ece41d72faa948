"""Rows for tests, with the values that a test does not care about filled in."""

from datetime import UTC, datetime
from typing import Any

from jobs.models import Job, Schedule, User
from jobs.recurring import schedules
from jobs.running import transitions
from jobs.specs import JobSpec, RecurrenceSpec

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_user(email: str = "ada@example.com") -> User:
    return User.objects.get_or_create(email=email)[0]


def make_spec(**changes: Any) -> JobSpec:
    fields: dict[str, Any] = {
        "args": {"method": "post", "url": "https://example.com/hook", "body": {"content": "Hi"}},
        "method": "post",
        "url": "https://example.com/hook",
        "scheduled_at": NOON,
        "timeout_seconds": 30.0,
        "max_attempts": 5,
    }
    return JobSpec(**fields | changes)


def make_job(*, user: User | None = None, now: datetime = NOON, **changes: Any) -> Job:
    spec = make_spec(**changes)
    return transitions.schedule(spec, user_id=(user or make_user()).id, now=min(now, spec.scheduled_at)).job


def make_schedule(
    *, now: datetime = NOON, first: datetime = NOON, spec: dict[str, Any] | None = None, **plan: Any
) -> Schedule:
    """A schedule that runs every minute from `first`, unless `plan` says otherwise."""
    fields: dict[str, Any] = {"frequency": {"repeat_every": [1, "minutes"]}, "timezone": "UTC", "first_run_at": first}
    created = schedules.create(
        make_spec(**(spec or {})), RecurrenceSpec(**fields | plan), user_id=make_user().id, now=now
    )
    assert created.job.schedule_id is not None
    return Schedule.objects.get(id=created.job.schedule_id)
