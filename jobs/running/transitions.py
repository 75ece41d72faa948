"""Every write of a job's state: one verb for each arrow, each a single UPDATE whose WHERE is the guard.

A guard that matches no row means that the race was lost: somebody else moved the job first, and nothing is written.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from jobs.database import sql
from jobs.models import (
    FINISHED_STATES,
    HOLDS_ITS_KEY,
    REQUEST_FIELDS,
    UNFINISHED_STATES,
    WAITING_STATES,
    EventType,
    Job,
    JobState,
    Schedule,
    sealed_json_field,
)
from jobs.outgoing import callback_bodies
from jobs.queues import limits
from jobs.running import evidence, expiry, held_runs
from jobs.specs import JobEdit, JobSpec

KEY_TRIES = 5
# The column has room for 32,767, and a retry gives a hundred more at most.
MOST_ATTEMPTS = 32_000


@dataclass(frozen=True, slots=True)
class Scheduled:
    job: Job
    is_new: bool


def schedule(spec: JobSpec, *, user_id: UUID, now: datetime) -> Scheduled:
    """() -> scheduled. With an idempotency key that a job which has not started holds, that job instead."""
    job = new_job(spec, user_id=user_id, scheduled_at=spec.scheduled_at, now=now)
    # Two round trips are spared where no key can be held; to SQLite there are none, but a wait for each that writes.
    is_one_step = job.queue_id is None or (job.idempotency_key is None and sql.is_postgresql())
    with nullcontext() if is_one_step else transaction.atomic():
        scheduled = insert(job)
        if scheduled.is_new:
            limits.touch([(job.queue_id, job.scheduled_at)])
    return scheduled


def insert(job: Job) -> Scheduled:
    """Inserts `job`, unless one that has not started holds its idempotency key: answers that one instead."""
    key = job.idempotency_key
    if key is None:
        job.save(force_insert=True)
        return Scheduled(job, is_new=True)
    for _ in range(KEY_TRIES):
        try:
            with transaction.atomic():
                job.save(force_insert=True)
        except IntegrityError:
            holder = Job.objects.filter(HOLDS_ITS_KEY, user_id=job.user_id, idempotency_key=key).first()
            if holder is not None:
                return Scheduled(holder, is_new=False)
            # It was started between the two: the key is free again.
        else:
            return Scheduled(job, is_new=True)
    raise IntegrityError(f"idempotency key {key!r}: neither free nor held, {KEY_TRIES} times over")


def new_job(template: JobSpec | Schedule, *, user_id: UUID, scheduled_at: datetime, now: datetime) -> Job:
    """A job that asks for what `template` does, not saved yet."""
    wanted = {name: getattr(template, name) for name in REQUEST_FIELDS}
    due_at = max(scheduled_at, now)
    expires_at = expiry.moment(template.args, due_at=due_at, now=now)
    return Job(user_id=user_id, inserted_at=now, scheduled_at=due_at, expires_at=expires_at, **wanted)


def cancel(job: Job, *, now: datetime) -> Job | None:
    """scheduled | retryable | executing -> cancelled. None if it had ended already, or is a schedule's upcoming run.

    A request that is on the wire is broken off within seconds; what has come by then is logged and changes nothing.
    """
    with transaction.atomic():
        won = Job.objects.filter(id=job.id, state__in=UNFINISHED_STATES, is_upcoming=False).update(**_cancelled(now))
        if not won:
            return None
        job = Job.objects.get(id=job.id)
        limits.touch([(job.queue_id, now)])
        log_cancellations([job], reason="cancelled", now=now)
        held_runs.let_go([job.schedule_id] if job.schedule_id is not None else [], now=now)
    return job


def _cancelled(now: datetime) -> dict[str, Any]:
    return {
        "state": JobState.CANCELLED,
        "cancelled_at": now,
        "worker_id": None,
        "is_upcoming": False,
        "event_count": F("event_count") + 1,
    }


def cancel_runs(jobs: QuerySet[Job], *, reason: str, now: datetime) -> list[Job]:
    """scheduled -> cancelled, for runs of schedules that are not to be. Inside the transaction that locks those."""
    ids = list(jobs.filter(state=JobState.SCHEDULED).values_list("id", flat=True))
    Job.objects.filter(id__in=ids, state=JobState.SCHEDULED).update(**_cancelled(now))
    cancelled = list(Job.objects.filter(id__in=ids, state=JobState.CANCELLED, cancelled_at=now))
    log_cancellations(cancelled, reason=reason, now=now)
    return cancelled


def cancel_locked(ids: Sequence[int], *, reason: str, now: datetime) -> list[Job]:
    """scheduled | retryable | executing -> cancelled. Inside the transaction that has locked them as unfinished, and
    the schedules of those that are upcoming."""
    if not ids:
        return []
    return _cancel_locked(Job.objects.filter(id__in=ids, state__in=UNFINISHED_STATES), ids, reason=reason, now=now)


def _cancel_locked(jobs: QuerySet[Job], ids: Sequence[int], *, reason: str, now: datetime) -> list[Job]:
    """`jobs` is the guard: those of `ids` that may be cancelled still."""
    jobs.update(**_cancelled(now))
    needed = ("uuid", "user_id", "schedule_id", "queue_id", "webhook_url", "tags", "attempt", "event_count")
    cancelled = list(Job.objects.filter(id__in=ids, state=JobState.CANCELLED, cancelled_at=now).only(*needed))
    limits.touch((job.queue_id, now) for job in cancelled)
    log_cancellations(cancelled, reason=reason, now=now)
    held_runs.let_go({job.schedule_id for job in cancelled if job.schedule_id is not None}, now=now)
    return cancelled


def expire(*, limit: int, now: datetime) -> list[Job]:
    """scheduled | retryable -> cancelled, for up to `limit` jobs that expired before their first attempt.

    One query where there are none. Neither a success nor a failure, and no end of a schedule.
    """
    if not _expired(now).exists():
        return []
    with transaction.atomic():
        due = _expired(now).order_by("expires_at", "id").select_for_update(skip_locked=True)
        ids = list(due.values_list("id", flat=True)[:limit])
        return _cancel_locked(_expired(now).filter(id__in=ids), ids, reason="expired", now=now) if ids else []


def _expired(now: datetime) -> QuerySet[Job]:
    return Job.objects.filter(state__in=WAITING_STATES, is_upcoming=False, attempt=0, expires_at__lte=now)


def log_cancellations(jobs: Sequence[Job], *, reason: str, now: datetime) -> None:
    finished = {"state": JobState.CANCELLED.value}
    evidence.insert(
        [evidence.event(job, EventType.CANCELLED, {"reason": reason}, now) for job in jobs],
        [
            callback_bodies.webhook(job, "job.finished", sequence=job.event_count, payload=finished, now=now)
            for job in jobs
            if job.webhook_url
        ],
    )
    evidence.count_ends([JobState.CANCELLED] * len(jobs))


def run_now(job: Job, *, now: datetime) -> Job | None:
    """scheduled | retryable -> the same, due now. None if it is not waiting."""
    won = Job.objects.filter(id=job.id, state__in=WAITING_STATES).update(
        scheduled_at=now, handed_back=0, expires_at=None
    )
    return _moved(job) if won else None


def edit(job: Job, edited: Callable[[Job], JobEdit], *, queue_id: int | None, now: datetime) -> Job | None:
    """scheduled | retryable -> the same, asking for what `edited` makes of it. None if it is not waiting.

    `edited` is asked under the lock of the row, so that of two edits at once none is lost; `queue_id` is of the queue
    that the edit names. A claim sees all of it or nothing: it passes over a row that is locked, and the columns change
    in one UPDATE.
    """
    with transaction.atomic():
        waiting = Job.objects.filter(id=job.id, state__in=WAITING_STATES)
        locked = waiting.select_for_update(no_key=True).first()
        if locked is None:
            return None
        change = edited(locked)
        spec = replace(change.spec, queue_id=queue_id)
        fields = {"args": sealed_json_field.as_before(change.args, locked.args)} | {
            name: getattr(spec, name) for name in change.columns
        }
        if change.scheduled_at is not None:
            fields["scheduled_at"] = max(change.scheduled_at, now)
        fields |= _expiring(locked, change, due_at=fields.get("scheduled_at", locked.scheduled_at), now=now)
        won = waiting.update(**fields)
    return _moved(job) if won else None


def _expiring(job: Job, change: JobEdit, *, due_at: datetime, now: datetime) -> dict[str, datetime | None]:
    """The new expiry, if the edit asks for one or moves the one there is. What `run` has cleared stays so."""
    is_moved = change.scheduled_at is not None and job.expires_at is not None
    if not change.is_expiry_given and not is_moved:
        return {}
    return {"expires_at": expiry.moment(change.args, due_at=due_at, now=now)}


def _moved(job: Job) -> Job:
    job = Job.objects.get(id=job.id)
    if not job.is_upcoming:
        limits.touch([(job.queue_id, job.scheduled_at)])
    return job


def retry(job: Job, *, now: datetime) -> Job | None:
    """completed | discarded | cancelled -> retryable, due now, with all its attempts before it again.

    None from another state, or after MOST_ATTEMPTS. A cancelled job is left alone as well if it is a run of a schedule
    that never started, or if another job holds its idempotency key by now.
    """
    won = retriable(Job.objects.filter(id=job.id)).update(**_retried(job.args.get("max_attempts"), now=now))
    return _moved(job) if won else None


def retry_locked(ids: Sequence[int], *, now: datetime) -> list[int | None]:
    """The same for those of `ids` that it may be done to, inside the transaction that has locked them.

    Answers the queue, or None, of each that is retried. A query for each number of attempts that their owner gave.
    """
    asked = sql.json_text("args", "max_attempts")
    rows = list(retriable(Job.objects.filter(id__in=ids)).values_list("id", "queue_id", asked))
    for attempts in {row[2] for row in rows}:
        Job.objects.filter(id__in=[row[0] for row in rows if row[2] == attempts]).update(**_retried(attempts, now=now))
    limits.touch((row[1], now) for row in rows)
    return [row[1] for row in rows]


def retriable(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """The rows of `jobs` that `retry` takes."""
    never_started = Q(state=JobState.CANCELLED, schedule__isnull=False, attempt=0)
    holder = Job.objects.filter(HOLDS_ITS_KEY, user_id=OuterRef("user_id"), idempotency_key=OuterRef("idempotency_key"))
    ended = jobs.filter(state__in=FINISHED_STATES, attempt__lt=MOST_ATTEMPTS)
    return ended.exclude(never_started).filter(~Q(state=JobState.CANCELLED) | ~Exists(holder))


def _retried(attempts: Any, *, now: datetime) -> dict[str, Any]:
    """`attempts` is what its owner gave for `max_attempts`, if anything; text too, as forms send it."""
    return {
        "state": JobState.RETRYABLE,
        "scheduled_at": now,
        "handed_back": 0,
        "max_attempts": F("attempt") + int(float(attempts or settings.DEFAULT_MAX_ATTEMPTS)),
        "completed_at": None,
        "discarded_at": None,
        "cancelled_at": None,
        "expires_at": None,
    }


def run_locked(ids: Sequence[int], *, now: datetime) -> list[int | None]:
    """scheduled | retryable -> the same, due now, inside the transaction that has locked them as waiting.

    Answers the queue, or None, of each.
    """
    waiting = Job.objects.filter(id__in=ids, state__in=WAITING_STATES, is_upcoming=False)
    queue_ids: list[int | None] = list(waiting.values_list("queue_id", flat=True))
    waiting.update(scheduled_at=now, handed_back=0, expires_at=None)
    limits.touch((queue_id, now) for queue_id in queue_ids)
    return queue_ids
