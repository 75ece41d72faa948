"""The jobs of whoever reads: those that a search finds, a page at a time, at a cost that has a bound.

What no index finds is looked for among the newest jobs alone; further back only when asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import Http404

from jobs.database import row_counts, sql
from jobs.models import Job, JobState
from jobs.models.job import JobQuerySet
from jobs.pages.search import Search

SHOWN = 50
# How many states of a tab are counted, and how far back is looked at once.
MOST_COUNTED = 1000
LOOKED_THROUGH = 20_000
_HIGHEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Found:
    """`older` is the id that the next page begins below; `looked_back_to` is the job at which the look ended early."""

    jobs: Sequence[Job]
    older: int | None
    looked_back_to: Job | None


@dataclass(frozen=True, slots=True)
class Window:
    """The jobs that are looked through: below the id `older`, and above `floor` if no index helps."""

    user_id: UUID
    older: int | None
    floor: Job | None

    @property
    def rows(self) -> JobQuerySet:
        rows = of_user(self.user_id)
        if self.older is not None:
            rows = rows.filter(id__lt=self.older)
        return rows if self.floor is None else rows.filter(id__gte=self.floor.id)


def of_user(user_id: UUID) -> JobQuerySet:
    return Job.objects.filter(sql.owned_by(user_id))


def light(jobs: JobQuerySet) -> JobQuerySet:
    """The same with what rows show and no more, their queues' names included."""
    return jobs.select_related("queue").defer("args", "description", "parent_answer")


def find(user_id: UUID, job_id: str) -> Job:
    """The owner's job by number. Raises Http404 for what is not there or somebody else's."""
    number = int(job_id) if job_id.isdecimal() and len(job_id) < 20 else 0
    found = (
        Job.objects.select_related("queue").filter(user_id=user_id, id=number).first() if number <= _HIGHEST else None
    )
    if found is None:
        raise Http404("there is no such job of yours")
    return found


def window(user_id: UUID, search: Search, *, older: int | None) -> Window:
    """At most one query, which reads an index alone."""
    whole = Window(user_id, older, None)
    if search.is_indexed:
        return whole
    newest = whole.rows.only("id", "inserted_at").order_by("-user_id", "-id")
    return Window(user_id, older, newest[LOOKED_THROUGH : LOOKED_THROUGH + 1].first())


def page(looked_at: Window, search: Search, *, now: datetime) -> Found:
    """One query, the newest first."""
    rows = search.of(looked_at.rows, now=now)
    jobs = list(light(rows).order_by("-user_id", "-id")[: SHOWN + 1])
    if len(jobs) > SHOWN:
        return Found(jobs[:SHOWN], jobs[SHOWN - 1].id, None)
    if looked_at.floor is not None:
        return Found(jobs, looked_at.floor.id, looked_at.floor)
    return Found(jobs, None, None)


def counts(looked_at: Window, search: Search, *, now: datetime) -> dict[str, int]:
    """The counts by state, none beyond MOST_COUNTED, of what the rest of the search finds. One query."""
    rows = looked_at.rows.filter(search.condition)
    each = row_counts.each_up_to([rows.in_states([state], now) for state in JobState.values], MOST_COUNTED)
    return dict(zip(JobState.values, each, strict=True))
