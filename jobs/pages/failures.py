"""/failures: the newest jobs that failed, by host and code: how many, since when, an example, and all of them again."""

from collections.abc import Iterable
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


@dataclass(slots=True)
class Group:
    """`example` is the latest of them; `line` finds those that were discarded by the search of /jobs."""

    host: str
    code: str
    example: Job
    first_at: datetime
    last_at: datetime
    discarded: int = 0
    again: int = 0

    @property
    def line(self) -> str:
        return f"state:discarded host:{self.host} error:{self.code}"


class Failures(Page):
    entry = "failures"

    def get(self, request: HttpRequest) -> HttpResponse:
        mine = owned_jobs.of_user(self.owner_id).filter(error_code__isnull=False)
        states = (JobState.DISCARDED, JobState.RETRYABLE)
        found = [owned_jobs.light(mine.filter(state=state)).order_by("-user_id", "-id") for state in states]
        jobs = [list(rows[:LOOKED_THROUGH]) for rows in found]
        groups = sorted(_grouped([*jobs[0], *jobs[1]]), key=lambda group: group.last_at, reverse=True)
        context: dict[str, Any] = {
            "groups": groups[:_MOST_GROUPS],
            "is_cut": any(len(each) == LOOKED_THROUGH for each in jobs),
            "looked_through": LOOKED_THROUGH,
            "now": clock.now(),
        }
        if self.is_fragment:
            return self.part("failures_live.html", **context)
        return self.page("failures.html", title="Failures", **context)


def _grouped(jobs: Iterable[Job]) -> Iterable[Group]:
    groups: dict[tuple[str, str], Group] = {}
    for job in jobs:
        key = (urlsplit(job.url).netloc, job.error_code or "")
        at = job.error_at or job.inserted_at
        group = groups.setdefault(key, Group(*key, job, at, at))
        if at > group.last_at:
            group.example, group.last_at = job, at
        group.first_at = min(group.first_at, at)
        if job.state == JobState.DISCARDED:
            group.discarded += 1
        else:
            group.again += 1
    return groups.values()
