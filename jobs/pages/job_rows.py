"""A job as a row of a list shows it: what it is, how it stands, and why it is not done or has failed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.models import Job, JobState, tags

# Below this nobody would call it late.
_PUNCTUAL = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """`late` is from when it was due to its attempt, or to now; `took` how long its last attempt was on the wire."""

    job: Job
    state: str
    why: str
    late: timedelta | None
    took: timedelta | None

    @property
    def is_running(self) -> bool:
        return self.job.state == JobState.EXECUTING

    @property
    def tags(self) -> list[str]:
        return tags.listed(self.job.tags)

    @property
    def has_begun(self) -> bool:
        return self.job.attempt > 0


def of(jobs: Iterable[Job], *, now: datetime) -> list[Row]:
    return [Row(job, job.state_at(now), _why(job, now=now), _late(job, now=now), _took(job, now=now)) for job in jobs]


def _why(job: Job, *, now: datetime) -> str:
    failed = f"{job.error_code}: {job.error_message}" if job.error_code else ""
    if job.state in (JobState.DISCARDED, JobState.RETRYABLE):
        return failed
    is_due = job.state == JobState.SCHEDULED and job.scheduled_at <= now
    if is_due and job.queue is not None and job.queue.paused_at is not None:
        return f"its queue {job.queue.name} is paused"
    return ""


def _late(job: Job, *, now: datetime) -> timedelta | None:
    """The delay of its first attempt alone: a retry is due anew, and its first time is no longer among the columns."""
    if job.attempt == 1 and job.attempted_at is not None and job.state != JobState.RETRYABLE:
        return max(_PUNCTUAL, job.attempted_at - job.scheduled_at)
    if job.state in (JobState.SCHEDULED, JobState.RETRYABLE) and job.scheduled_at < now:
        return now - job.scheduled_at
    return None


def _took(job: Job, *, now: datetime) -> timedelta | None:
    if job.attempted_at is None:
        return None
    ended_at = job.completed_at or job.discarded_at or (now if job.state == JobState.EXECUTING else None)
    return ended_at - job.attempted_at if ended_at is not None and ended_at >= job.attempted_at else None
