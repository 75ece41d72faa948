"""Fills an instance's tables with enabled schedules, each with its entry and its upcoming run, through its models."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from jobs.database import clock
from jobs.models import Job, Schedule, User
from jobs.models.identifiers import uuid7
from jobs.recurring import schedules as recurring_schedules
from jobs.specs import JobSpec, RecurrenceSpec

_BATCH = 2000


def main(what: str, *arguments: str) -> dict[str, Any]:
    call: Callable[..., dict[str, Any]] = {"fill": fill, "due": due}[what]
    return call(*arguments)


def fill(count: str, in_the_wave: str, url: str) -> dict[str, Any]:
    """`count` schedules: those of the wave by cron, under url/wave; the others once a day, at any time but now."""
    wave = int(in_the_wave)
    _copies(_made({"cron": "0 3 * * *"}, f"{url}wave"), wave, timedelta(0))
    idle = int(count) - wave
    _copies(_made({"repeat_every": [1, "day"]}, f"{url}idle"), idle, timedelta(hours=12) / max(1, idle))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {}


def _made(frequency: dict[str, Any], url: str) -> Schedule:
    """One of its kind, as the API makes it."""
    user = User.objects.order_by("date_joined").first()
    assert user is not None
    now = clock.now()
    at = now + timedelta(hours=6)
    args = {"method": "get", "url": url, **frequency}
    spec = JobSpec(args=args, method="get", url=url, scheduled_at=at, timeout_seconds=30.0, max_attempts=5)
    plan = RecurrenceSpec(frequency=frequency, timezone="UTC", first_run_at=at)
    job = recurring_schedules.create(spec, plan, user_id=user.id, now=now).job
    assert job.schedule is not None
    return job.schedule


def _copies(first: Schedule, count: int, step: timedelta) -> None:
    """More of the same until there are `count`, with the same rows each; every one's first run is a `step` later."""
    task, run = first.periodic_task, Job.objects.get(schedule_id=first.id)
    assert task is not None
    for start in range(1, count, _BATCH):
        steps = [index * step for index in range(start, min(count, start + _BATCH))]
        schedules = [_copy(first, id=uuid7(), anchor_at=first.anchor_at + later) for later in steps]
        tasks = [_copy(task, id=None, name=f"{schedule.url} ({schedule.id})") for schedule in schedules]
        for kind, name in ((CrontabSchedule, "crontab"), (IntervalSchedule, "interval")):
            if getattr(task, name) is not None:
                rows = kind.objects.bulk_create([_copy(getattr(task, name), id=None) for _ in tasks])
                for entry, row in zip(tasks, rows, strict=True):
                    setattr(entry, name, row)
        for schedule, entry in zip(schedules, PeriodicTask.objects.bulk_create(tasks), strict=True):
            schedule.periodic_task = entry
        Schedule.objects.bulk_create(schedules)
        Job.objects.bulk_create(
            _copy(run, id=None, uuid=uuid7(), schedule=item, scheduled_at=item.anchor_at, occurrence_at=item.anchor_at)
            for item in schedules
        )


def _copy(row: Any, **changes: Any) -> Any:
    new = copy.copy(row)
    new._state = copy.copy(row._state)
    new._state.fields_cache = {}
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def due(at: str) -> dict[str, Any]:
    """Makes the wave due at the unix time `at`, all of it."""
    moment = datetime.fromtimestamp(float(at), UTC)
    wave = Job.objects.filter(is_upcoming=True, url__endswith="/wave")
    return {"count": wave.update(scheduled_at=moment, occurrence_at=moment)}
