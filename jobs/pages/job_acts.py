"""What an owner may have done to their jobs: cancelled, retried, run now. One, or many, by what the API does it by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction

from jobs.actions import bulk, bulk_cancel
from jobs.actions import job as job_actions
from jobs.models import FINISHED_STATES, UNFINISHED_STATES, WAITING_STATES, Job
from jobs.models.job import JobQuerySet
from jobs.specs import JobEdit
from jobs.waking import announcements


@dataclass(frozen=True, slots=True)
class Act:
    """`states` are those of the jobs that it can be done to."""

    verb: str
    done: str
    states: tuple[str, ...]
    refusal: str


ACTS: Mapping[str, Act] = {
    "cancel": Act("Cancel", "cancelled", UNFINISHED_STATES, "It has ended already, so it can't be cancelled."),
    "retry": Act(
        "Retry",
        "retried",
        FINISHED_STATES,
        "It can't be retried: it has not ended, another job holds its idempotency key by now, or it is a run that "
        "never started.",
    ),
    "run": Act("Run now", "run now", WAITING_STATES, "It can't be run now: it is not waiting."),
}


def cancel(job: Job, *, ends_schedule: bool, now: datetime) -> bool:
    """False if it has ended already."""
    cancelled = job_actions.cancel_job(job, ends_schedule=ends_schedule, now=now)
    if cancelled is not None:
        _announce_end(bool(cancelled.webhook_url), cancelled.queue_id is not None, now=now)
    return cancelled is not None


def retry(job: Job, *, now: datetime) -> bool:
    return _has_moved(job_actions.retry_job(job, now=now))


def run(job: Job, *, now: datetime) -> bool:
    return _has_moved(job_actions.run_job(job, now=now))


def edit(job: Job, edited: Callable[[Job], JobEdit], *, now: datetime) -> bool:
    """False if it does not wait any more. Raises as `edit_job` does."""
    return _has_moved(job_actions.edit_job(job, edited, now=now))


def do_to_all(act: str, jobs: JobQuerySet, *, now: datetime) -> int:
    """Does it to all of `jobs` that it can be done to, however many; how many that were."""
    if act == "cancel":
        cancelled = bulk_cancel.cancel_matching(jobs, now=now)
        _announce_end(cancelled.has_deliveries, cancelled.has_queues, now=now)
        return cancelled.count
    wanted = bulk.RETRY if act == "retry" else bulk.RUN
    done = bulk.do(wanted, wanted.matching(bulk.runnable(jobs), has_states=True, now=now), now=now)
    bulk.announce(done, now=now)
    return done.count


def _has_moved(moved: Job | None) -> bool:
    if moved is not None:
        announce = announcements.announce_jobs if moved.queue_id is None else announcements.announce_queues
        transaction.on_commit(partial(announce, [moved.scheduled_at]))
    return moved is not None


def _announce_end(has_deliveries: bool, has_queues: bool, *, now: datetime) -> None:
    if has_deliveries:
        transaction.on_commit(partial(announcements.announce_deliveries, [now]))
    if has_queues:
        # They may have had places, which are free now.
        transaction.on_commit(partial(announcements.announce_queues, [now]))
