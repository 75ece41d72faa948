"""What an owner may have done to their jobs: cancelled, retried, run now. One, or many, by what the API does it by."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction

from jobs.actions import bulk_cancel
from jobs.actions import job as job_actions
from jobs.models import FINISHED_STATES, UNFINISHED_STATES, WAITING_STATES, Job
from jobs.models.job import JobQuerySet
from jobs.waking import announcements

# One after the other: as many as an answer may be waited for.
MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Act:
    """`states` are those of the jobs that it can be done to; `most` is how many it is done to at once, if not all."""

    verb: str
    done: str
    states: tuple[str, ...]
    refusal: str
    most: int | None


ACTS: Mapping[str, Act] = {
    "cancel": Act("Cancel", "cancelled", UNFINISHED_STATES, "It has ended already, so it can't be cancelled.", None),
    "retry": Act(
        "Retry",
        "retried",
        FINISHED_STATES,
        "It can't be retried: it has not ended, another job holds its idempotency key by now, or it is a run that "
        "never started.",
        MOST_AT_ONCE,
    ),
    "run": Act("Run now", "run now", WAITING_STATES, "It can't be run now: it is not waiting.", MOST_AT_ONCE),
}


def cancel(job: Job, *, ends_schedule: bool, now: datetime) -> bool:
    """False if it has ended already."""
    cancelled = job_actions.cancel_job(job, ends_schedule=ends_schedule, now=now)
    if cancelled is not None:
        _announce_end(bool(cancelled.webhook_url), cancelled.queue_id is not None, now=now)
    return cancelled is not None


def retry(job: Job, *, now: datetime) -> bool:
    return _moved([job], job_actions.retry_job, now=now) == 1


def run(job: Job, *, now: datetime) -> bool:
    return _moved([job], job_actions.run_job, now=now) == 1


def do_to_all(act: str, jobs: JobQuerySet, *, now: datetime) -> int:
    """How many it was done to; of more than the act's `most`, the oldest."""
    if act == "cancel":
        cancelled = bulk_cancel.cancel_matching(jobs, now=now)
        _announce_end(cancelled.has_deliveries, cancelled.has_queues, now=now)
        return cancelled.count
    # An upcoming run is fired by itself: many at once would start what nobody has looked at.
    eligible = jobs.filter(state__in=ACTS[act].states, is_upcoming=False).order_by("user_id", "id")
    move = job_actions.retry_job if act == "retry" else job_actions.run_job
    return _moved(eligible[:MOST_AT_ONCE], move, now=now)


def _moved(jobs: Iterable[Job], move: Callable[..., Job | None], *, now: datetime) -> int:
    moved = [done for job in jobs if (done := move(job, now=now)) is not None]
    for announce, in_queue in ((announcements.announce_jobs, False), (announcements.announce_queues, True)):
        if instants := {job.scheduled_at for job in moved if (job.queue_id is not None) is in_queue}:
            transaction.on_commit(partial(announce, instants))
    return len(moved)


def _announce_end(has_deliveries: bool, has_queues: bool, *, now: datetime) -> None:
    if has_deliveries:
        transaction.on_commit(partial(announcements.announce_deliveries, [now]))
    if has_queues:
        # They may have had places, which are free now.
        transaction.on_commit(partial(announcements.announce_queues, [now]))
