"""Gives an enabled schedule that lost its upcoming run, or its entry in beat, a new one."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from booper.timing import recurrence
from jobs.models import Job, Schedule
from jobs.recurring import beat_entries, firing
from jobs.recurring.schedules import lock

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many schedules got an upcoming run again, or were ended; `last` is where to go on, None at the end."""

    restored: int
    last: UUID | None


def without_upcoming(*, after: UUID | None = None, limit: int) -> tuple[list[UUID], UUID | None]:
    """Finds schedules without an upcoming run among the next `limit` enabled ones by id, and the last one looked at.

    That is None when these were the last ones.
    """
    enabled = Schedule.objects.filter(disabled_at__isnull=True, id__gt=after or UUID(int=0)).order_by("id")
    ids = list(enabled.values_list("id", flat=True)[:limit])
    upcoming = Job.objects.filter(schedule_id__in=ids, is_upcoming=True).values_list("schedule_id", flat=True)
    bare = set(ids).difference(upcoming)
    return sorted(bare), ids[-1] if len(ids) == limit else None


def restore_upcoming(*, after: UUID | None = None, limit: int, now: datetime) -> Swept:
    """Writes the upcoming run of enabled schedules that have none: the sweep for what fell through. Two queries."""
    bare, last = without_upcoming(after=after, limit=limit)
    return Swept(sum(_restore(schedule_id, now=now) for schedule_id in bare), last)


def _restore(schedule_id: UUID, *, now: datetime) -> bool:
    """The run after the latest there was: should its time be past, beat fires it late, as after an outage."""
    extra = {"schedule_id": schedule_id}
    try:
        with transaction.atomic():
            schedule = (
                Schedule.objects.select_for_update(no_key=True).filter(id=schedule_id, disabled_at__isnull=True).first()
            )
            runs = Job.objects.filter(schedule_id=schedule_id)
            if schedule is None or runs.filter(is_upcoming=True).exists():
                return False
            latest = runs.aggregate(latest=Max("occurrence_at"))["latest"]
            is_over = schedule.max_runs is not None and schedule.run_count >= schedule.max_runs
            at = None if is_over else _next_after(schedule, latest)
            if at is None:
                firing.end([schedule_id], reason=firing.ALL_DONE if is_over else firing.why_over(schedule), now=now)
            else:
                firing.insert_upcoming([(schedule, at)], now=now)
    except IntegrityError:
        logger.warning("schedule %s has no upcoming run, and another job holds its key", schedule_id, extra=extra)
        return False
    logger.warning("schedule %s had no upcoming run, the next one is at %s", schedule_id, at, extra=extra)
    return True


def _next_after(schedule: Schedule, latest: datetime | None) -> datetime | None:
    just_before = schedule.enabled_at - timedelta(microseconds=1)
    after = just_before if latest is None else max(latest, just_before)
    return recurrence.next_run(schedule.rule, after=after, starts_at=schedule.starts_at, ends_at=schedule.ends_at)


def write_entry(schedule: Schedule) -> None:
    """Writes its entry in django-celery-beat anew, if it is enabled and has none."""
    with transaction.atomic():
        locked = lock(schedule)
        if locked is not None and locked.disabled_at is None and locked.periodic_task_id is None:
            beat_entries.write(locked)
            locked.save(update_fields=["periodic_task", "beat_frequency"])
