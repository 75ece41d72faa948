"""Lets an upcoming run go that waits for the run before it to end (`overlap: queue`), as soon as that has ended."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.database.claimed_job import AnyJob
from jobs.models import FINISHED_STATES, Job, JobState, Overlap


def _has_runs_wait(overlap: Any) -> bool:
    """Whether this is the overlap `queue`, as a client spelt it."""
    return isinstance(overlap, str) and overlap.lower() == "queue"


def release(ended: Iterable[tuple[AnyJob, JobState]], *, now: datetime) -> None:
    """Makes due what waits for one of these. No query where none of their schedules has its runs wait.

    Beat looks at what waits now and then anyway: this is for it not to wait longer than it has to.
    """
    schedule_ids = [
        job.schedule_id
        for job, state in ended
        if job.schedule_id is not None and state in FINISHED_STATES and _has_runs_wait(job.args.get("overlap"))
    ]
    let_go(schedule_ids, now=now)


def let_go(schedule_ids: Collection[UUID], *, now: datetime) -> None:
    """Makes due what waits in these schedules: one query if nothing does, none without any schedule."""
    if not schedule_ids:
        return
    upcoming = Job.objects.filter(
        schedule_id__in=schedule_ids,
        schedule__overlap=Overlap.QUEUE,
        is_upcoming=True,
        scheduled_at__gt=now,
        occurrence_at__lte=now,
    )
    due = [
        job.id for job in upcoming.select_related("schedule") if job.planned_at is not None and job.planned_at <= now
    ]
    if due:
        Job.objects.filter(id__in=due, is_upcoming=True).update(scheduled_at=now)
