"""What a door may have done to one job: create, edit, cancel, run now, retry."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import connection

from jobs.actions import batch, together
from jobs.actions.batch import Taken
from jobs.intake import secret
from jobs.models import Job
from jobs.queues import ids
from jobs.recurring.schedules import create
from jobs.recurring.upcoming import cancel_upcoming, run_upcoming
from jobs.running import transitions
from jobs.specs import JobEdit, JobSpec, OnConflict, RecurrenceSpec


def schedule_job(spec: JobSpec, plan: RecurrenceSpec | None, *, user_id: UUID, now: datetime) -> Taken:
    """A job, or with a `plan` a schedule and its first run; if the key is held, the job that holds it instead.

    Or that job as the spec's `on_conflict` has made it, or why it was refused.
    """
    # Others' commit is not to be that of a transaction which the caller is in.
    if plan is None and spec.queue_id is None and not connection.in_atomic_block:
        job = together.company.take(spec, user_id=user_id, now=now)
        if job is not None:
            return Taken(job, is_new=True)
    if spec.on_conflict != OnConflict.IGNORE:
        [taken] = batch.take([(spec, plan)], user_id=user_id, now=now)
        return taken
    scheduled = (
        transitions.schedule(spec, user_id=user_id, now=now)
        if plan is None
        else create(spec, plan, user_id=user_id, now=now)
    )
    return Taken(scheduled.job, is_new=scheduled.is_new)


def cancel_job(job: Job, *, ends_schedule: bool = True, now: datetime) -> Job | None:
    """Cancels a job; with the upcoming run of a schedule, the schedule ends too. None if it has ended already."""
    cancelled = cancel_upcoming(job, ends_schedule=ends_schedule, now=now) if job.is_upcoming else None
    # Beat may have fired it in the meantime: then it is a job like any other.
    return cancelled or transitions.cancel(job, now=now)


def run_job(job: Job, *, now: datetime) -> Job | None:
    """Runs a waiting job now, be it the upcoming run of a schedule or not. None if it is not waiting."""
    fired = run_upcoming(job, now=now) if job.is_upcoming else None
    return fired or transitions.run_now(job, now=now)


def edit_job(job: Job, edited: Callable[[Job], JobEdit], *, now: datetime) -> Job | None:
    """Makes a waiting job ask for what `edited` makes of it. None if it is not waiting.

    Raises InvalidInput for secrets that are not there, LimitReached for a queue too many, and whatever `edited` does.
    """
    # Once before the row is locked: bad input locks nothing, and queues are not made inside a transaction.
    asked = edited(job).spec
    secret.check(asked, user_id=job.user_id)
    [spec] = ids.placed([asked], user_id=job.user_id, now=now)
    return transitions.edit(job, edited, queue_id=spec.queue_id, now=now)


def retry_job(job: Job, *, now: datetime) -> Job | None:
    """Runs an ended job again, with all its attempts before it. None from another state, or if `is_worn_out`."""
    return transitions.retry(job, now=now)


def is_worn_out(job: Job) -> bool:
    """Whether its attempts can't be counted any further, so that it is not retried."""
    return job.attempt >= transitions.MOST_ATTEMPTS
