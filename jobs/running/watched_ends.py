"""What has ended of users who have alerts, noted to be judged, in the transaction that records it: none is lost.

Of others nothing is written, and nothing is asked: the UPDATE that records an attempt says whether its user has any.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from jobs.database import sql
from jobs.database.claimed_job import AnyJob
from jobs.models import AlertWatch, JobState
from jobs.running.ended import Ended

IS_WATCHED = "EXISTS (SELECT 1 FROM jobs_alertwatch WHERE jobs_alertwatch.user_id = jobs_job.user_id)"
"""What an UPDATE of jobs is to return of each."""

_COLUMNS = {
    "user_id": "uuid",
    "job_id": "bigint",
    "schedule_id": "uuid",
    "url": "text",
    "name": "text",
    "tags": "text",
    "queue": "text",
    "state": "text",
    "error_code": "text",
    "ended_at": "timestamptz",
    "late_seconds": "double precision",
}
"""What is noted of an end, in the order of `_row`."""

_JUDGED = (JobState.COMPLETED, JobState.DISCARDED)

End = tuple[AnyJob, JobState, str | None]
"""A job, how it ended, and the code of its error if that is a failure."""


def of(item: Ended) -> End:
    """What a recorded attempt came to."""
    return item.job, item.state, None if item.error is None else item.error["code"]


def note(ends: Iterable[End], *, now: datetime) -> None:
    """Notes those that were completed or discarded. All are of users who have alerts."""
    rows = [_row(job, state, code, now) for job, state, code in ends if state in _JUDGED]
    sql.insert_rows("jobs_alertedend", rows, **_COLUMNS)


def note_watched(ends: Sequence[End], *, now: datetime) -> None:
    """The same where it is not known who has alerts. One query more, where any was completed or discarded."""
    judged = [end for end in ends if end[1] in _JUDGED]
    if not judged:
        return
    watched = set(
        AlertWatch.objects.filter(user_id__in={job.user_id for job, _, _ in judged}).values_list("user_id", flat=True)
    )
    note([end for end in judged if end[0].user_id in watched], now=now)


def _row(job: AnyJob, state: JobState, code: str | None, now: datetime) -> sql.Row:
    queue = job.args.get("queue")
    late = 0.0 if job.attempted_at is None else (job.attempted_at - job.scheduled_at).total_seconds()
    return (
        job.user_id.hex,
        job.id,
        None if job.schedule_id is None else job.schedule_id.hex,
        job.url,
        job.name,
        job.tags,
        queue if isinstance(queue, str) else None,
        state.value,
        code if state == JobState.DISCARDED else None,
        sql.time_text(now),
        max(0.0, late),
    )
