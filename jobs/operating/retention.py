"""What is old is deleted: ended jobs, their log, deliveries, and what they leave. In small bites, by primary key.

Ids rise with time, so what is old lies at one end and no index on a time is needed. No transaction is longer than one
batch, and none waits for a row that somebody else holds.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from jobs.engine import leases
from jobs.guarding import audit
from jobs.models import AuditEvent, Delivery, DeliveryState, Job, JobState, LogEvent, Receiver, Schedule, Usage
from jobs.models.identifiers import earliest_uuid7
from jobs.telemetry import counter_rows

_PROCESS_KEPT = timedelta(hours=1)
# A window before the last one is asked for by nobody, and what is held is counted anew where no row is.
_USAGE_KEPT = timedelta(days=3)
_JOB_ENDS = {
    JobState.COMPLETED.value: "completed_at",
    JobState.DISCARDED.value: "discarded_at",
    JobState.CANCELLED.value: "cancelled_at",
}
_DELIVERY_ENDS = {DeliveryState.DELIVERED.value: "delivered_at", DeliveryState.FAILED.value: "failed_at"}


def _for_ever() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much is deleted at once, and whether to go on. In the pauses others get SQLite's one write lock."""

    batch: int = 1000
    pause_seconds: float = 0.02
    has_time: Callable[[], bool] = _for_ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows were deleted. `is_all`: the time sufficed, and nothing old is left."""

    log_events: int
    deliveries: int
    jobs: int
    schedules: int
    receivers: int
    processes: int
    is_all: bool


def prune(*, now: datetime, pace: Pace | None = None) -> Pruned:
    """By LOG_RETENTION_DAYS (the log, deliveries) and JOB_RETENTION_DAYS (jobs, by when they ended)."""
    pace = pace or Pace()
    log_before = now - timedelta(days=settings.LOG_RETENTION_DAYS)
    jobs_before = now - timedelta(days=settings.JOB_RETENTION_DAYS)
    log_events, has_all_events = _take(_log_events(log_before, pace.batch), pace)
    deliveries, has_all_deliveries = _take(_deliveries(log_before, pace.batch), pace)
    jobs, has_all_jobs = _take(_jobs(jobs_before, pace.batch), pace)
    schedules, has_all_schedules = _take(_schedules(pace.batch), pace)
    _delete(AuditEvent.objects.filter(id__lt=earliest_uuid7(now - timedelta(days=audit.KEPT_DAYS))))
    _delete(Usage.objects.filter(at__lt=now - _USAGE_KEPT))
    return Pruned(
        log_events=log_events,
        deliveries=deliveries,
        jobs=jobs,
        schedules=schedules,
        receivers=_receivers(log_before),
        processes=leases.forget_dead(silent_since=now - _PROCESS_KEPT)
        + counter_rows.close_old(gone_since=now - counter_rows.GONE_AFTER),
        is_all=has_all_events and has_all_deliveries and has_all_jobs and has_all_schedules,
    )


def _take(batches: Iterator[int], pace: Pace) -> tuple[int, bool]:
    """How many were deleted, and whether those were all."""
    count = 0
    while pace.has_time():
        deleted = next(batches, None)
        if deleted is None:
            return count, True
        count += deleted
        if deleted:
            time.sleep(pace.pause_seconds)
    return count, False


def _log_events(before: datetime, batch: int) -> Iterator[int]:
    old = LogEvent.objects.filter(id__lt=earliest_uuid7(before)).order_by("id")
    last = UUID(int=0)
    # Not from the beginning each time: PostgreSQL's index still has the rows that were just deleted there.
    while ids := list(old.filter(id__gt=last).values_list("id", flat=True)[:batch]):
        last = ids[-1]
        yield _delete(LogEvent.objects.filter(id__gte=ids[0], id__lte=last))


def _deliveries(before: datetime, batch: int) -> Iterator[int]:
    for ids in _ended(Delivery.objects.all(), _DELIVERY_ENDS, before, batch):
        yield _delete(Delivery.objects.filter(_ended_before(_DELIVERY_ENDS, before), id__in=ids))


def _jobs(before: datetime, batch: int) -> Iterator[int]:
    for ids in _ended(Job.objects.all(), _JOB_ENDS, before, batch):
        yield _delete_jobs(ids, before)


def _delete_jobs(ids: Sequence[int], before: datetime) -> int:
    """With all that refers to them, most of which went before them."""
    if not ids:
        return 0
    with transaction.atomic():
        # Looked at once more: one of them may have been retried in the meantime.
        ended = Job.objects.filter(_ended_before(_JOB_ENDS, before), id__in=ids)
        locked = list(ended.select_for_update(skip_locked=True).values_list("id", flat=True))
        _delete(LogEvent.objects.filter(job_id__in=locked))
        _delete(Delivery.objects.filter(job_id__in=locked))
        return _delete(Job.objects.filter(id__in=locked))


def _ended(rows: QuerySet[Any], ends: dict[str, str], before: datetime, batch: int) -> Iterator[list[int]]:
    """The ids of those that ended before then, in the windows of `batch` rows that were made before then.

    What is old and has not ended is passed by each time: a job that was scheduled for next year.
    """
    last = 0
    while window := list(
        rows.filter(id__gt=last).order_by("id").values("id", "inserted_at", "state", *ends.values())[:batch]
    ):
        old = [row for row in window if row["inserted_at"] < before]
        yield [row["id"] for row in old if row["state"] in ends and _is_before(row[ends[row["state"]]], before)]
        if len(old) < len(window):
            return
        last = window[-1]["id"]


def _is_before(moment: datetime | None, before: datetime) -> bool:
    return moment is not None and moment < before


def _ended_before(ends: dict[str, str], before: datetime) -> Q:
    condition = Q()
    for state, column in ends.items():
        condition |= Q(state=state, **{f"{column}__lt": before})
    return condition


def _schedules(batch: int) -> Iterator[int]:
    """Those that were deleted, once the last of the jobs they ran is gone."""
    jobs = Job.objects.filter(schedule_id=OuterRef("id"))
    bare = Schedule.objects.filter(~Exists(jobs), deleted_at__isnull=False)
    while ids := list(bare.values_list("id", flat=True)[:batch]):
        yield _delete(Schedule.objects.filter(id__in=ids))


def _receivers(before: datetime) -> int:
    """Those whose last failure is long ago. One that is off stays off until somebody switches it on."""
    return _delete(Receiver.objects.filter(last_failed_at__lt=before, disabled_at__isnull=True))


def _delete(rows: QuerySet[Any]) -> int:
    """By one statement: Django's own way would read all rows first, to look for what refers to them."""
    return rows._raw_delete("default") or 0
