"""The schedules of whoever reads, and the last runs of each, in as many queries for a page of them as for one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import Http404

from booper.timing import recurrence
from jobs.database import sql
from jobs.models import Job, Schedule
from jobs.models.schedule import ScheduleQuerySet
from jobs.pages import job_rows
from jobs.pages.job_rows import Row

SHOWN = 25
ON_THE_TAPE = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A schedule, how often it runs in words, when next, and its last runs, the latest last."""

    schedule: Schedule
    words: str
    next_run_at: datetime | None
    tape: Sequence[Row] = field(default_factory=list)


def of_user(user_id: UUID) -> ScheduleQuerySet:
    return Schedule.objects.existing().filter(sql.owned_by(user_id))


def find(user_id: UUID, name: str) -> Schedule:
    """The owner's schedule by uuid or key. Raises Http404 for what is not there (any more) or somebody else's."""
    mine = Schedule.objects.existing().select_related("queue").filter(user_id=user_id)
    try:
        found = mine.filter(id=UUID(name)).first()
    except ValueError:
        found = mine.filter(key=name[:128]).first()
    if found is None:
        raise Http404("there is no such schedule of yours")
    return found


def shown(rows: Sequence[Schedule], *, now: datetime) -> list[Shown]:
    """Three queries."""
    upcoming = Job.objects.filter(schedule_id__in=[row.id for row in rows], is_upcoming=True)
    next_runs = dict(upcoming.values_list("schedule_id", "scheduled_at"))
    tapes = _tapes(rows, now=now)
    return [Shown(row, recurrence.describe(row.grid), next_runs.get(row.id), tapes.get(row.id, [])) for row in rows]


def _tapes(rows: Sequence[Schedule], *, now: datetime) -> Mapping[UUID, list[Row]]:
    """The last runs of each schedule; those that are still to come are none."""
    ids = _last_of_each(rows)
    jobs = Job.objects.filter(id__in=ids).select_related("queue").defer("args", "description").order_by("id")
    tapes: dict[UUID, list[Row]] = {}
    for row in job_rows.of(jobs, now=now):
        if row.job.schedule_id is not None:
            tapes.setdefault(row.job.schedule_id, []).append(row)
    return tapes


def _last_of_each(rows: Sequence[Schedule]) -> list[int]:
    """A short walk down the index of each one's runs, all in one statement: the ORM would read all runs for it."""
    parts: list[str] = []
    parameters: list[Any] = []
    for place, row in enumerate(rows):
        last = Job.objects.filter(schedule_id=row.id, is_upcoming=False).order_by("-id").values("id")[:ON_THE_TAPE]
        text, own = last.query.sql_with_params()
        parts.append(f"SELECT * FROM ({text}) AS s{place}")
        parameters += own
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        return [job_id for (job_id,) in cursor.fetchall()]
