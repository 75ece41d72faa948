"""/jobs: what there is, by state and by one search line that stays in the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from jobs.database import clock
from jobs.models import JobState
from jobs.pages import job_rows, owned_jobs, search
from jobs.pages.search import Search
from jobs.pages.shell import Page

# No job's number has as many, nor takes the database more.
_MOST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    url: str
    count: int | None
    is_here: bool


class JobList(Page):
    entry = "jobs"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        wanted = search.read(search.from_parameters(request.GET.dict()), now=now, zone=timezone.get_current_timezone())
        older = request.GET.get("older", "")
        is_number = older.isdecimal() and len(older) < _MOST_DIGITS
        looked = owned_jobs.Looked(self.owner_id, wanted, older=int(older) if is_number else None, now=now)
        found = looked.page()
        context: dict[str, Any] = {
            "tabs": _tabs(wanted, looked.counts()),
            "most": owned_jobs.MOST_COUNTED,
            "rows": job_rows.of(found.jobs, now=now),
            "search": wanted,
            "found": found,
            "looked_through": owned_jobs.LOOKED_THROUGH,
            "here": request.get_full_path(),
            "older_url": _address(wanted, older=found.older) if found.older else "",
            "newest_url": _address(wanted) if older else "",
            "now": now,
        }
        if self.is_fragment:
            return self.part("job_list_live.html", **context)
        return self.page("job_list.html", title="Jobs", **context)


def _tabs(wanted: Search, counts: dict[str, int]) -> Sequence[Tab]:
    first = Tab("All", _url(wanted.in_state("")), None, not wanted.states)
    others = (
        Tab(state.title(), _url(wanted.in_state(state)), counts[state], wanted.states == (state,))
        for state in JobState.values
    )
    return [first, *others]


def _address(wanted: Search, *, older: int | None = None) -> str:
    return _url(str(wanted), **({} if older is None else {"older": older}))


def _url(line: str, **more: object) -> str:
    parameters = {**({"q": line} if line else {}), **more}
    return reverse("pages:jobs") + (f"?{urlencode(parameters)}" if parameters else "")
