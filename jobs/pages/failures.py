"""/failures: the newest jobs that failed, by host and code: how many, since when, an example, and all of them again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

from jobs.database import clock
from jobs.models import Job, JobState
from jobs.pages import owned_jobs
from jobs.pages.shell import Page

# Of each state; a page says so where there are more.
LOOKED_THROUGH = 1000
_MOST_GROUPS = 50


_COLUMNS = ("id", "state", "url", "error_code", "error_at", "inserted_at")


@dataclass(slots=True)
class Group:
    """`latest` is the id of the latest of them; `line` finds those that were discarded by the search of /jobs."""

    host: str
    code: str
    latest: int
    first_at: datetime
    last_at: datetime
    discarded: int = 0
    again: int = 0
    example: Job | None = None

    @property
    def line(self) -> str:
        return f"state:discarded host:{self.host} error:{self.code}"


class Failures(Page):
    entry = "failures"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        mine = owned_jobs.of_user(self.owner_id).filter(error_code__isnull=False)
        states = (JobState.DISCARDED, JobState.RETRYABLE)
        found = [owned_jobs.newest_first(mine.filter(state=state)).values_list(*_COLUMNS) for state in states]
        rows = [list(each[:LOOKED_THROUGH]) for each in found]
        groups = sorted(_grouped([*rows[0], *rows[1]]), key=lambda group: group.last_at, reverse=True)[:_MOST_GROUPS]
        context: dict[str, Any] = {
            "groups": _with_examples(groups),
            "is_cut": any(len(each) == LOOKED_THROUGH for each in rows),
            "looked_through": LOOKED_THROUGH,
            "now": clock.now(),
        }
        if self.is_fragment:
            return self.part("failures_live.html", **context)
        return self.page("failures.html", title="Failures", **context)


def _grouped(rows: Iterable[tuple[int, str, str, str, datetime | None, datetime]]) -> Iterable[Group]:
    groups: dict[tuple[str, str], Group] = {}
    for job_id, state, url, code, error_at, inserted_at in rows:
        key, at = (urlsplit(url).netloc, code), error_at or inserted_at
        group = groups.setdefault(key, Group(*key, job_id, at, at))
        if at > group.last_at:
            group.latest, group.last_at = job_id, at
        group.first_at = min(group.first_at, at)
        if state == JobState.DISCARDED:
            group.discarded += 1
        else:
            group.again += 1
    return groups.values()


def _with_examples(groups: Sequence[Group]) -> Sequence[Group]:
    """One query. What was erased meanwhile is left out."""
    jobs = owned_jobs.light(Job.objects.filter(id__in=[group.latest for group in groups])).in_bulk()
    for group in groups:
        group.example = jobs.get(group.latest)
    return [group for group in groups if group.example is not None]
