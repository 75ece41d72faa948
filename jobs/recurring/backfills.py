"""Makes the runs that a schedule's grid has in a span of time that is over, but for those that ran already."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from booper.timing import recurrence
from jobs.database import sql
from jobs.models import Job, JobState, Schedule
from jobs.queues import limits
from jobs.recurring import firing, traced_runs
from jobs.recurring.schedules import lock
from jobs.running import transitions

MOST_RUNS = 1000
# Of the grid, looked through for those that are missing.
MOST_TIMES = 10_000


class TooMany(Exception):
    """The span has more than MOST_TIMES times of the grid."""


def missing(schedule: Schedule, *, since: datetime, until: datetime, limit: int) -> list[datetime]:
    """The first `limit` times of the grid from `since` to `until`, both included, for which nothing ran.

    Within the bounds of the schedule. Raises TooMany.
    """
    since = max(since, schedule.starts_at or since)
    until = min(until, schedule.ends_at or until)
    times = list(islice(recurrence.grid(schedule.rule, since=since, until=until), MOST_TIMES + 1))
    if len(times) > MOST_TIMES:
        raise TooMany
    if not times:
        return []
    held = Job.objects.filter(schedule_id=schedule.id, occurrence_at__range=(times[0], times[-1]))
    ran = set(held.exclude(_NEVER_STARTED).values_list("occurrence_at", flat=True))
    return [at for at in times if at not in ran][:limit]


# Skipped, or cancelled while it was to come: its time on the grid may be had again.
_NEVER_STARTED = Q(state=JobState.CANCELLED, attempt=0)


def make(schedule: Schedule, times: Sequence[datetime], *, now: datetime) -> list[Job]:
    """The runs for `times`, due now, in their order; without those that somebody else has made meanwhile."""
    with transaction.atomic():
        if not times or lock(schedule) is None:
            return []
        held = Job.objects.filter(schedule_id=schedule.id, occurrence_at__in=times)
        held.filter(_NEVER_STARTED).update(occurrence_at=None)
        taken = set(held.values_list("occurrence_at", flat=True))
        jobs = [_run(schedule, at=at, now=now) for at in times if at not in taken]
        made = list(_inserted(jobs))
        limits.touch((job.queue_id, now) for job in made)
        traced_runs.tell(made, name="backfill", now=now)
    return made


def _run(schedule: Schedule, *, at: datetime, now: datetime) -> Job:
    job = transitions.new_job(schedule, user_id=schedule.user_id, scheduled_at=now, now=now)
    job.schedule_id, job.occurrence_at, job.is_backfilled, job.idempotency_key = schedule.id, at, True, None
    job.expires_at = None
    return job


def _inserted(jobs: Sequence[Job]) -> QuerySet[Job]:
    sql.insert(Job, jobs, **firing.JOB_COLUMNS, is_backfilled="boolean")
    uuids: list[UUID] = [job.uuid for job in jobs]
    return Job.objects.filter(uuid__in=uuids).order_by("occurrence_at")
