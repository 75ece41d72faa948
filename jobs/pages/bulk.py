"""/jobs/bulk: many jobs cancelled, retried or run now; how many they are is said, and asked about, before."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from jobs.actions import bulk
from jobs.database import clock, row_counts
from jobs.guarding import audit
from jobs.models.job import JobQuerySet
from jobs.pages import job_acts, owned_jobs, search
from jobs.pages.shell import Page

# Counted exactly up to here; beyond, as "10,000+".
MOST_COUNTED = 10_000
_MOST_CHOSEN = 100


class Bulk(Page):
    entry = "jobs"

    def post(self, request: HttpRequest) -> HttpResponse:
        name, _, of_all = request.POST.get("do", "").partition("-")
        if name not in job_acts.ACTS or of_all not in ("", "all"):
            raise Http404(f"{name[:40]!a} is nothing that can be done to jobs")
        now = clock.now()
        jobs, line = self._chosen(request, is_of_all=bool(of_all))
        if "confirmed" not in request.POST:
            return self._question(request, name, jobs, line)
        count = job_acts.do_to_all(name, jobs, now=now)
        act = job_acts.ACTS[name]
        if count:
            audit.note(
                f"jobs.{act.done.replace(' ', '_')}", user_id=self.owner_id, actor=self.actor, now=now, count=count
            )
        messages.success(request, f"{count:,} {'job' if count == 1 else 'jobs'} {act.done}.")
        return HttpResponseRedirect(_back(request))

    def _chosen(self, request: HttpRequest, *, is_of_all: bool) -> tuple[JobQuerySet, str]:
        """The jobs, and the line they were found by; empty for those that were ticked."""
        mine = owned_jobs.of_user(self.owner_id)
        if not is_of_all:
            ids = [
                int(text) for text in request.POST.getlist("job")[:_MOST_CHOSEN] if text.isdecimal() and len(text) < 19
            ]
            return mine.filter(id__in=ids), ""
        line, now = request.POST.get("q", ""), clock.now()
        wanted = search.read(line, now=now, zone=timezone.get_current_timezone())
        # Half a line understood would find what nobody has asked for.
        if wanted.refusals or not wanted.terms:
            raise Http404("a search that is understood as a whole has to say which jobs")
        return wanted.of(mine, now=now), line

    def _question(self, request: HttpRequest, name: str, jobs: JobQuerySet, line: str) -> HttpResponse:
        act = job_acts.ACTS[name]
        eligible = bulk.retriable(jobs) if name == "retry" else jobs.filter(state__in=act.states)
        upcoming, others = row_counts.each_up_to(
            [eligible.filter(is_upcoming=True), eligible.filter(is_upcoming=False)], MOST_COUNTED
        )
        count = others + (upcoming if name == "cancel" else 0)
        context: dict[str, Any] = {
            "act": act,
            "do": request.POST["do"],
            "count": min(count, MOST_COUNTED),
            "most_counted": MOST_COUNTED,
            "schedules_that_end": upcoming if name == "cancel" else 0,
            "line": line,
            "chosen": request.POST.getlist("job")[:_MOST_CHOSEN] if not line else [],
            "back": _back(request),
        }
        return self.page("bulk.html", title=f"{act.verb} jobs", **context)


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if is_ours else reverse("pages:jobs")
