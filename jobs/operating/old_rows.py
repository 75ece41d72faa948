"""Batches of what is too old, for each kind of row: found by primary key, deleted in a transaction each.

Ids rise with time, so what is old lies at one end and no index on a time is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from jobs.database import log_parts, sql
from jobs.models import Delivery, DeliveryState, Job, JobState, LogEvent, Schedule
from jobs.models.identifiers import earliest_uuid7

_JOB_ENDS = {
    JobState.COMPLETED.value: "completed_at",
    JobState.DISCARDED.value: "discarded_at",
    JobState.CANCELLED.value: "cancelled_at",
}
_DELIVERY_ENDS = {DeliveryState.DELIVERED.value: "delivered_at", DeliveryState.FAILED.value: "failed_at"}
# What was made this long before it may go has ended by then, as a rule. What has not is looked at again in a while.
_ENDED_WITHIN = timedelta(minutes=15)
_ANEW_AFTER = timedelta(minutes=10)
_PARTS_AFTER = timedelta(minutes=1)
_NO_UUID = UUID(int=0)


@dataclass(slots=True)
class Places:
    """How far a process has come: what lies before was deleted, or passed by as it has not ended.

    So that a round that finds nothing reads nothing, neither what is old and waits nor what PostgreSQL's index still
    holds of rows that are gone. Each ten minutes a round begins at the beginning.
    """

    log_event: UUID = _NO_UUID
    delivery: int = 0
    job: int = 0
    _anew_at: datetime | None = None
    _parts_at: datetime | None = None

    def begin(self, *, now: datetime) -> None:
        if self._anew_at is None or now >= self._anew_at:
            self.log_event, self.delivery, self.job = _NO_UUID, 0, 0
            self._anew_at = now + _ANEW_AFTER

    def are_parts_due(self, *, now: datetime) -> bool:
        """Once a minute."""
        if self._parts_at is not None and now < self._parts_at:
            return False
        self._parts_at = now + _PARTS_AFTER
        return True


def log_events(before: datetime, batch: int, places: Places) -> Iterator[int]:
    """Row by row but for what stands in a part of its day, which goes as a whole."""
    parts = log_parts.parts()
    for part in parts:
        # Hardly anything stands in the part for the rest.
        last = _NO_UUID if part.is_rest else places.log_event
        while not part.is_day and (ids := log_parts.delete_rows(part, before=before, after=last, limit=batch)):
            last = max(ids)
            places.log_event = places.log_event if part.is_rest else last
            yield len(ids)
    if not parts:
        yield from _log_rows(before, batch, places)


def _log_rows(before: datetime, batch: int, places: Places) -> Iterator[int]:
    old = LogEvent.objects.filter(id__lt=earliest_uuid7(before)).order_by("id")
    while ids := list(old.filter(id__gt=places.log_event).values_list("id", flat=True)[:batch]):
        places.log_event = ids[-1]
        yield delete(LogEvent.objects.filter(id__gte=ids[0], id__lte=ids[-1]))


def deliveries(before: datetime, batch: int, places: Places) -> Iterator[int]:
    for ids, settled in _ended(Delivery.objects.all(), _DELIVERY_ENDS, before, batch, after=places.delivery):
        yield delete(Delivery.objects.filter(_ended_before(_DELIVERY_ENDS, before), id__in=ids)) if ids else 0
        places.delivery = max(places.delivery, settled)


def jobs(before: datetime, batch: int, places: Places) -> Iterator[int]:
    for ids, settled in _ended(Job.objects.all(), _JOB_ENDS, before, batch, after=places.job):
        yield delete_jobs(ids, before)
        places.job = max(places.job, settled)


def delete_jobs(ids: Sequence[int], before: datetime) -> int:
    """Deletes jobs with all that refers to them, most of which went before them."""
    if not ids:
        return 0
    with transaction.atomic():
        # Looked at once more: one of them may have been retried in the meantime.
        ended = Job.objects.filter(_ended_before(_JOB_ENDS, before), id__in=ids)
        locked = list(ended.select_for_update(skip_locked=True).values_list("id", flat=True))
        if not sql.is_postgresql() or settings.LOG_RETENTION_DAYS > settings.JOB_RETENTION_DAYS:
            # Else their log has gone, or goes when its own time has come: a look for it in each day is dear.
            delete(LogEvent.objects.filter(job_id__in=locked))
        delete(Delivery.objects.filter(job_id__in=locked))
        return delete(Job.objects.filter(id__in=locked))


def _ended(
    rows: QuerySet[Any], ends: dict[str, str], before: datetime, batch: int, *, after: int
) -> Iterator[tuple[list[int], int]]:
    """The ids of those that ended before then, in the windows of `batch` rows that were made before then.

    With each, up to which id all was made so long ago that what has not ended by now is passed by: a job that was
    scheduled for next year.
    """
    last = after
    while window := list(
        rows.filter(id__gt=last).order_by("id").values("id", "inserted_at", "state", *ends.values())[:batch]
    ):
        old = [row for row in window if row["inserted_at"] < before]
        settled = [row["id"] for row in old if row["inserted_at"] < before - _ENDED_WITHIN]
        ids = [row["id"] for row in old if row["state"] in ends and _is_before(row[ends[row["state"]]], before)]
        # Nothing is left before the first that there is, but what an index still holds of it.
        gone = window[0]["id"] - 1 if last == after else 0
        yield ids, max(settled, default=gone)
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


def schedules(batch: int) -> Iterator[int]:
    """Deletes the rows of deleted schedules, once the last of the jobs they ran is gone."""
    ran = Job.objects.filter(schedule_id=OuterRef("id"))
    bare = Schedule.objects.filter(~Exists(ran), deleted_at__isnull=False)
    while ids := list(bare.values_list("id", flat=True)[:batch]):
        yield delete(Schedule.objects.filter(id__in=ids))


def delete(rows: QuerySet[Any]) -> int:
    """Deletes rows by one statement: Django's own way would read all rows first, to look for what refers to them."""
    return rows._raw_delete("default") or 0
