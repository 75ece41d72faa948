"""/jobs/{job_id}: how one job stands, why, each attempt, what was sent and answered, and what can be done about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from booper.content import redaction
from jobs.database import clock
from jobs.explaining import timeline
from jobs.explaining.timeline import Entry
from jobs.guarding import audit
from jobs.models import FINISHED_STATES, WAITING_STATES, Delivery, Job, JobState, tags
from jobs.pages import attempts, code_samples, job_acts, owned_jobs
from jobs.pages.shell import Page

_SENT = ("method", "url", "query", "headers", "body")
_MOST_DELIVERIES = 100
# How a state sounds where a sentence says how a job stands.
_TONES = {JobState.DISCARDED: "", JobState.RETRYABLE: "waits"}


class JobPage(Page):
    entry = "jobs"
    is_shown_to_operators = True

    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        job, now = owned_jobs.find(self.owner_id, job_id), clock.now()
        context = _context(job, now=now)
        if replay := request.GET.get("beside", ""):
            context |= _side_by_side(job, context, owned_jobs.find(self.owner_id, replay), now=now)
        if self.is_fragment:
            return self.part("job_live.html", **context)
        return self.page("job.html", title=job.name or f"Job {job.id}", **context)


class Act(Page):
    """POST /jobs/{job_id}/cancel, /retry, /run."""

    entry = "jobs"

    def post(self, request: HttpRequest, job_id: str, verb: str) -> HttpResponse:
        act = job_acts.ACTS.get(verb)
        if act is None:
            raise Http404(f"{verb[:40]!a} is nothing that can be done to a job")
        job, now = owned_jobs.find(self.owner_id, job_id), clock.now()
        if _do(verb, job, ends_schedule="run_only" not in request.POST, now=now):
            audit.note(f"job.{verb}", user_id=self.owner_id, actor=self.actor, now=now, job_id=job.id)
            messages.success(request, f"Job {job.id} is {act.done}.")
        else:
            messages.error(request, act.refusal)
        return HttpResponseRedirect(reverse("pages:job", args=[job.id]))


def _do(verb: str, job: Job, *, ends_schedule: bool, now: datetime) -> bool:
    if verb == "cancel":
        return job_acts.cancel(job, ends_schedule=ends_schedule, now=now)
    return job_acts.retry(job, now=now) if verb == "retry" else job_acts.run(job, now=now)


def _context(job: Job, *, now: datetime) -> dict[str, Any]:
    found = timeline.of(job, now=now, mask=redaction.redacted)
    tries = attempts.of(found)
    sent = _request(job, tries)
    state = job.state_at(now)
    return {
        "job": job,
        "state": state,
        "now": now,
        "reason": found.reason,
        "tone": _TONES.get(JobState(state), "calm"),
        "steps": _steps(job, found.entries, state=state),
        "late": found.late_seconds,
        "attempts": tries,
        "tags": tags.listed(job.tags),
        "sent": sent,
        "shown_url": redaction.redacted_url(job.url),
        "response": next((each.response for each in tries if each.response), None),
        "curl": attempts.as_curl(sent),
        "python": code_samples.request_as_python(sent),
        "log": found.entries,
        "is_whole": found.is_complete,
        "deliveries": list(Delivery.objects.filter(job_id=job.id).defer("body").order_by("-id")[:_MOST_DELIVERIES]),
        "family": found.family,
        "may_cancel": job.state not in FINISHED_STATES,
        "may_run": job.state in WAITING_STATES,
        "may_retry": job.state in FINISHED_STATES,
    }


@dataclass(frozen=True, slots=True)
class _Answered:
    """A job and its latest answer, or why there is none."""

    job: Job
    state: str
    response: dict[str, Any] | None
    took: timedelta | None
    why: str


def _side_by_side(job: Job, context: dict[str, Any], replay: Job, *, now: datetime) -> dict[str, Any]:
    """The answer of `job` beside the one of another job of the same owner."""
    other = _context(replay, now=now)
    return {"replay": replay, "both": [_answered(job, context), _answered(replay, other)]}


def _answered(job: Job, context: dict[str, Any]) -> _Answered:
    tries: list[attempts.Attempt] = context["attempts"]
    took = next((each.took for each in tries if each.took), None)
    return _Answered(job, context["state"], context["response"], took, context["reason"].message)


def _request(job: Job, tries: list[attempts.Attempt]) -> dict[str, Any]:
    """The request as it went out the last time; before that, as it was asked for."""
    asked = {"method": job.method, "url": job.url, **{name: job.args.get(name) for name in _SENT[2:]}}
    shown: dict[str, Any] = redaction.redacted(asked)
    sent = next((each.request for each in tries if each.request), {})
    return {**shown, **{name: value for name, value in sent.items() if name in _SENT}}


def _steps(job: Job, entries: Any, *, state: str) -> list[dict[str, Any]]:
    """The states it has been in, each with when it was there first, and the one that it is in."""
    begun: dict[str, datetime] = {JobState.SCHEDULED.value: job.inserted_at}
    for entry in entries:
        name = _state_of(entry)
        if name and name not in begun:
            begun[name] = entry.at
    ends = {"completed": job.completed_at, "discarded": job.discarded_at, "cancelled": job.cancelled_at}
    if at := ends.get(state):
        begun[state] = at
    begun.setdefault(state, job.attempted_at or job.scheduled_at)
    return [{"state": name, "at": at, "is_now": name == state} for name, at in begun.items()]


def _state_of(entry: Entry) -> str:
    if entry.name == "job.started":
        return JobState.EXECUTING.value
    if entry.name == "job.error" and entry.payload.get("retry_at"):
        return JobState.RETRYABLE.value
    return ""
