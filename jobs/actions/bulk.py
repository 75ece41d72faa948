"""Does one thing to many rows, however many: batch after batch, each a short transaction that waits for nobody."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from jobs.actions import erasure
from jobs.database.bites import Bites
from jobs.delivering import receivers
from jobs.delivering import transitions as delivery_transitions
from jobs.models import FINISHED_STATES, WAITING_STATES, Delivery, DeliveryState, Job, JobState
from jobs.models.job import JobQuerySet
from jobs.running import transitions
from jobs.waking import announcements

_BATCH_SIZE = 500

# What a batch of rows, locked, is to go through; it answers the queue, or None, of each row that it was done to.
Move = Callable[[Sequence[int], datetime], Sequence[int | None]]


@dataclass(slots=True)
class Done:
    """How many rows matched, to how many of them it was done, and whether some of those are in queues or in none."""

    matched: int = 0
    count: int = 0
    has_queued: bool = False
    has_unqueued: bool = False

    def add(self, queue_ids: Sequence[int | None]) -> None:
        self.count += len(queue_ids)
        self.has_queued = self.has_queued or any(queue_id is not None for queue_id in queue_ids)
        self.has_unqueued = self.has_unqueued or any(queue_id is None for queue_id in queue_ids)


@dataclass(frozen=True, slots=True)
class Act:
    """What may be done to rows in `states`, and is to those in `usual` ones where no states are asked for."""

    done: str
    states: Sequence[str]
    usual: Sequence[str]
    move: Move

    def matching(self, rows: QuerySet[Any], *, has_states: bool, now: datetime) -> QuerySet[Any]:
        """One user's `rows` that were there at `now` and that the action may be done to."""
        return rows.filter(state__in=self.states if has_states else self.usual, inserted_at__lte=now)


def do(act: Act, rows: QuerySet[Any], *, now: datetime) -> Done:
    """Does it to what `act.matching` has left of one user's rows.

    Each batch is committed by itself: what breaks off halfway has done what it has, and asked for again it goes on.
    A row that another transaction holds is passed over, and waited for at the end, alone.
    """
    done, passed_over, after, bites = Done(), [], 0, Bites(most=_BATCH_SIZE)
    ordered = rows.order_by("user_id", "id")
    while ids := list(ordered.filter(id__gt=after).values_list("id", flat=True)[: bites.size]):
        after = ids[-1]
        done.matched += len(ids)
        with bites:
            passed_over += _batch(act, rows, ids, done, is_patient=False, now=now)
    for row_id in passed_over:
        # No transaction for what is gone, as all who write to SQLite would wait for it.
        if rows.filter(id=row_id).exists():
            _batch(act, rows, [row_id], done, is_patient=True, now=now)
    return done


def _batch(
    act: Act, rows: QuerySet[Any], ids: Sequence[int], done: Done, *, is_patient: bool, now: datetime
) -> list[int]:
    """Answers which of `ids` were not had: held by others, or not what was asked for any more."""
    with transaction.atomic():
        lockable = rows.filter(id__in=ids).order_by("id").select_for_update(skip_locked=not is_patient, of=("self",))
        locked = list(lockable.values_list("id", flat=True))
        if locked:
            done.add(act.move(locked, now))
    return sorted(set(ids) - set(locked))


def announce(done: Done, *, now: datetime) -> None:
    """Wakes workers for what is due since: jobs, and the queues in which some may have a place."""
    if done.has_unqueued:
        transaction.on_commit(partial(announcements.announce_jobs, [now]))
    if done.has_queued:
        transaction.on_commit(partial(announcements.announce_queues, [now]))


def _resend(ids: Sequence[int], now: datetime) -> Sequence[int | None]:
    """All but those whose receivers are switched off."""
    deliveries = list(Delivery.objects.filter(id__in=ids).only("id", "user_id", "url"))
    receivers.look_up(deliveries)
    sendable = [delivery.id for delivery in deliveries if receivers.refusal(delivery) is None]
    return [None] * delivery_transitions.resend_locked(sendable, now=now)


RETRY = Act(
    "retried",
    FINISHED_STATES,
    (JobState.DISCARDED,),
    lambda ids, now: transitions.retry_locked(ids, now=now),
)
RUN = Act("run", WAITING_STATES, WAITING_STATES, lambda ids, now: transitions.run_locked(ids, now=now))
DELETE = Act("deleted", FINISHED_STATES, FINISHED_STATES, lambda ids, now: erasure.erase_locked(ids))
RESEND = Act("resent", (DeliveryState.DELIVERED, DeliveryState.FAILED), (DeliveryState.FAILED,), _resend)


def runnable(jobs: JobQuerySet) -> JobQuerySet:
    """Without the upcoming runs of schedules: many of those at once would start what nobody has looked at."""
    return jobs.filter(is_upcoming=False)


def retriable(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """The rows of `jobs` that a retry takes: no run that never began, and none whose key another job holds."""
    return transitions.retriable(jobs)
