"""The jobs of whoever reads: those that a search finds, a page at a time, at a cost that has a bound.

What no index finds is looked for among the newest jobs alone; further back only when asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q
from django.http import Http404

from jobs.database import row_counts, sql
from jobs.models import WAITING_STATES, Job, JobState, Queue
from jobs.models.job import JobQuerySet, states_at
from jobs.pages.search import Search

SHOWN = 50
# How many states of a tab are counted, and how far back is looked at once.
MOST_COUNTED = 1000
LOOKED_THROUGH = 20_000
_HIGHEST = 2**63 - 1
# States that read by the time that it is.
_BY_TIME = (JobState.SCHEDULED.value, JobState.AVAILABLE.value)
# As many as are due and can be looked up one by one.
_MOST_DUE = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """`older` is the id that the next page begins below; `looked_back_to` is the job at which the look ended early."""

    jobs: Sequence[Job]
    older: int | None
    looked_back_to: Job | None


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


def waiting(user_id: UUID) -> Sequence[JobQuerySet]:
    """What waits for workers, for its queue, and for beat: each by an index by time of its own, and in its order."""
    queues = Queue.objects.filter(user_id=user_id).values("id")
    waits = Job.objects.filter(state__in=WAITING_STATES, is_upcoming=False)
    free = waits.filter(sql.owned_by(user_id), queue__isnull=True).order_by("user_id", "scheduled_at", "id")
    queued = waits.filter(sql.one_of("queue_id", queues), queue__isnull=False).order_by(
        "queue_id", "scheduled_at", "id"
    )
    upcoming = of_user(user_id).filter(is_upcoming=True).order_by("user_id", "scheduled_at", "id")
    return free, queued, upcoming


def _scheduled(user_id: UUID) -> Sequence[JobQuerySet]:
    """The same without those that are tried again, said so that no index by state looks better for it."""
    free, queued, upcoming = waiting(user_id)
    return free.exclude(state=JobState.RETRYABLE), queued.exclude(state=JobState.RETRYABLE), upcoming


def newest_first(jobs: JobQuerySet) -> JobQuerySet:
    """In the order that the indexes of a user's jobs have."""
    return jobs.order_by("-user_id", "-id")


@dataclass(frozen=True, slots=True)
class _Part:
    """What `condition` lets through of `base`, which an index finds; looked through down to the id `floor`, if any."""

    base: JobQuerySet
    condition: Q = field(default_factory=Q)
    floor: int | None = None

    @property
    def rows(self) -> JobQuerySet:
        rows = self.base.filter(self.condition)
        return rows if self.floor is None else rows.filter(id__gte=self.floor)


class Looked:
    """What a search looks through, for a page of it below the id `older` and the counts of its tabs."""

    def __init__(self, user_id: UUID, search: Search, *, older: int | None, now: datetime) -> None:
        """At most one query for each state that the search names, which reads an index alone."""
        self._user_id, self._search, self._older, self._now = user_id, search, older, now
        self._parts = list(self._made())

    def page(self) -> Found:
        """One query for each part, and one more if the look ended early; the newest first."""
        found: dict[int, Job] = {}
        for part in self._parts:
            found |= {job.id: job for job in newest_first(light(part.rows))[: SHOWN + 1]}
        # Below where the look at one part ends there may be more of it between what the others find.
        floor = max((part.floor for part in self._parts if part.floor is not None), default=0)
        jobs = [found[number] for number in sorted(found, reverse=True) if number >= floor]
        if len(jobs) > SHOWN or not floor:
            return Found(jobs[:SHOWN], jobs[SHOWN - 1].id if len(jobs) > SHOWN else None, None)
        return Found(jobs, floor, Job.objects.filter(id=floor).first())

    def counts(self) -> dict[str, int]:
        """By state, none beyond MOST_COUNTED, of what the rest of the search finds: of all there is, or as far as was
        looked. One query."""
        if self._search.is_of_states:
            return self._counts_of_all()
        [part] = self._parts
        rows = part.base if part.floor is None else part.base.filter(id__gte=part.floor)
        states = {state: Count("pk", filter=states_at([state], self._now)) for state in JobState.values}
        found = rows.filter(self._search.condition).aggregate(**states)
        return {state: min(count, MOST_COUNTED) for state, count in found.items()}

    def _counts_of_all(self) -> dict[str, int]:
        scheduled = _scheduled(self._user_id)
        due = [rows.filter(scheduled_at__lte=self._now) for rows in scheduled]
        coming = [rows.filter(scheduled_at__gt=self._now) for rows in scheduled]
        others = [state for state in JobState.values if state not in _BY_TIME]
        each = [newest_first(of_user(self._user_id).filter(state=state)) for state in others]
        found = row_counts.each_up_to([*due, *coming, *each], MOST_COUNTED)
        return {
            JobState.AVAILABLE: min(sum(found[:3]), MOST_COUNTED),
            JobState.SCHEDULED: min(sum(found[3:6]), MOST_COUNTED),
            **dict(zip(others, found[6:], strict=True)),
        }

    def _made(self) -> Iterator[_Part]:
        mine = of_user(self._user_id)
        if self._older is not None:
            mine = mine.filter(id__lt=self._older)
        states = dict.fromkeys(self._search.states)
        if not self._search.is_of_states:
            condition = self._search.condition & (states_at(list(states), self._now) if states else Q())
            yield self._bounded(mine.filter(self._search.of_schedule), condition)
        elif not states:
            yield _Part(mine)
        elif states.keys() >= set(_BY_TIME):
            yield from (_Part(mine.filter(state=state)) for state in states if state != JobState.AVAILABLE)
        else:
            for state in states:
                yield self._by_time(mine, state) if state in _BY_TIME else _Part(mine.filter(state=state))

    def _by_time(self, mine: JobQuerySet, state: str) -> _Part:
        """Scheduled jobs, those that are due or the others: no index has them in the order of their making."""
        if state == JobState.AVAILABLE:
            due = [rows.filter(scheduled_at__lte=self._now) for rows in _scheduled(self._user_id)]
            ids = [number for rows in due for number in rows.values_list("id", flat=True)[:_MOST_DUE]]
            if len(ids) < _MOST_DUE:
                return _Part(mine.filter(id__in=ids))
        return self._bounded(mine.filter(state=JobState.SCHEDULED), states_at([state], self._now))

    @staticmethod
    def _bounded(base: JobQuerySet, condition: Q) -> _Part:
        ids = newest_first(base).values_list("id", flat=True)
        return _Part(base, condition, ids[LOOKED_THROUGH : LOOKED_THROUGH + 1].first())
