"""Cancels many jobs, however many: batch after batch, each a short transaction that waits for nobody's rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from jobs.database.bites import Bites
from jobs.models import UNFINISHED_STATES, Job, Schedule
from jobs.recurring import firing, upcoming
from jobs.running import transitions

_BATCH_SIZE = 500


@dataclass(slots=True)
class Cancelled:
    """What matched and what was cancelled so far, and who is to be told of it."""

    matched: int = 0
    count: int = 0
    has_deliveries: bool = False
    has_queues: bool = False

    def add(self, jobs: Sequence[Job]) -> None:
        self.count += len(jobs)
        self.has_deliveries = self.has_deliveries or any(job.webhook_url for job in jobs)
        self.has_queues = self.has_queues or any(job.queue_id is not None for job in jobs)


def matching(jobs: QuerySet[Job], *, now: datetime) -> QuerySet[Job]:
    """The jobs that `cancel_matching` would cancel, if nothing came in between."""
    return jobs.filter(state__in=UNFINISHED_STATES, inserted_at__lte=now)


def cancel_matching(jobs: QuerySet[Job], *, now: datetime) -> Cancelled:
    """scheduled | retryable | executing -> cancelled, for those of one user's `jobs` that were there at `now`.

    Schedules end first, with whatever run of theirs is upcoming by then: one that runs each second would else have
    another one by the time that its turn comes. Each batch is committed by itself, after some hundredths of a second:
    what breaks off halfway has cancelled what it has. A row that another transaction holds is passed over, and waited
    for at the end, alone: two that each wait for a row of the other would never end.
    """
    cancelled, passed_over, bites = Cancelled(), [], Bites(most=_BATCH_SIZE)
    for schedule_ids in _schedules(jobs.filter(is_upcoming=True), bites):
        with bites:
            ended = _end(jobs, schedule_ids, now=now)
        cancelled.matched += len(ended)
        cancelled.add(ended)
    unfinished = matching(jobs, now=now).order_by("user_id", "id")
    for candidates in _batches(unfinished, bites):
        cancelled.matched += len(candidates)
        with bites:
            done = _cancel(unfinished, candidates, now=now)
        cancelled.add(done)
        passed_over += sorted({job.id for job in candidates} - {job.id for job in done})
    for job_id in passed_over:
        cancelled.add(_cancel(unfinished, list(_needed(unfinished.filter(id=job_id))), is_patient=True, now=now))
    return cancelled


def _schedules(runs: QuerySet[Job], bites: Bites) -> Iterator[list[UUID]]:
    """Finds the schedules whose upcoming runs match, in the order of their ids, without locks."""
    after = UUID(int=0)
    ordered = runs.order_by("schedule_id").values_list("schedule_id", flat=True)
    while ids := list(ordered.filter(schedule_id__gt=after)[: bites.size]):
        yield ids
        after = ids[-1]


def _end(jobs: QuerySet[Job], schedule_ids: Sequence[UUID], *, now: datetime) -> list[Job]:
    """Cancels the runs that are upcoming now, under the locks of their schedules, where nobody fires them."""
    with transaction.atomic():
        _lock(schedule_ids)
        runs = jobs.filter(is_upcoming=True, schedule_id__in=schedule_ids)
        locked = list(_needed(runs.select_for_update()))
        cancelled = transitions.cancel_locked([job.id for job in locked], reason="cancelled", now=now)
        firing.end(_schedules_of_upcoming(locked), reason=upcoming.CANCELLED, forgets=True, now=now)
    return cancelled


def _lock(schedule_ids: Sequence[UUID]) -> None:
    """Locks schedules in the order of their ids, as beat does, and whoever edits them."""
    locked = Schedule.objects.select_for_update(no_key=True).filter(id__in=schedule_ids).order_by("id")
    list(locked.values_list("id"))


def _batches(unfinished: QuerySet[Job], bites: Bites) -> Iterator[list[Job]]:
    """Finds the jobs in the order of their ids, without locks."""
    after = 0
    while candidates := list(_needed(unfinished.filter(id__gt=after))[: bites.size]):
        yield candidates
        after = candidates[-1].id


def _needed(jobs: QuerySet[Job]) -> QuerySet[Job]:
    return jobs.only("id", "schedule_id", "is_upcoming")


def _cancel(
    unfinished: QuerySet[Job], candidates: Sequence[Job], *, is_patient: bool = False, now: datetime
) -> list[Job]:
    """Cancels the candidates that still match. Locks the schedules of upcoming runs first."""
    if not candidates:
        # No transaction, which all who write to SQLite would wait for.
        return []
    upcoming_of = _schedules_of_upcoming(candidates)
    with transaction.atomic():
        if upcoming_of:
            _lock(upcoming_of)
        matching = unfinished.filter(id__in=[job.id for job in candidates])
        locked = list(_needed(matching.select_for_update(skip_locked=not is_patient)))
        cancelled = transitions.cancel_locked([job.id for job in locked], reason="cancelled", now=now)
        firing.end(_schedules_of_upcoming(locked), reason=upcoming.CANCELLED, forgets=True, now=now)
    return cancelled


def _schedules_of_upcoming(jobs: Sequence[Job]) -> list[UUID]:
    return [job.schedule_id for job in jobs if job.is_upcoming and job.schedule_id is not None]
