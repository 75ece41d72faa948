"""/schedules/{id}: when it runs in words and times, how its runs went, what it remembers, and its switches."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from booper.content import redaction
from booper.timing import recurrence
from jobs.actions import job as job_actions
from jobs.database import clock
from jobs.guarding import audit, charges
from jobs.guarding.limits import LimitReached
from jobs.intake import schedule as intake_schedule
from jobs.intake.refusals import InvalidInput
from jobs.models import Job, Schedule, User
from jobs.pages import job_rows, owned_schedules
from jobs.pages.shell import Page
from jobs.recurring import schedules
from jobs.recurring.schedules import Refused
from jobs.waking import announcements

_RUNS_SHOWN = 50
_NEXT_SHOWN = 5
_MICROSECOND = timedelta(microseconds=1)


class SchedulePage(Page):
    entry = "schedules"
    is_shown_to_operators = True

    def get(self, request: HttpRequest, schedule_id: str) -> HttpResponse:
        schedule, now = owned_schedules.find(self.owner_id, schedule_id), clock.now()
        [shown] = owned_schedules.shown([schedule], now=now)
        runs = Job.objects.filter(schedule_id=schedule.id, is_upcoming=False).select_related("queue")
        asked = {name: schedule.args.get(name) for name in ("query", "headers", "body")}
        context: dict[str, Any] = {
            "schedule": schedule,
            "shown": shown,
            "now": now,
            "next_runs": _next_runs(schedule, shown.next_run_at),
            "runs": job_rows.of(runs.defer("args", "description").order_by("-id")[:_RUNS_SHOWN], now=now),
            "sent": redaction.redacted({"method": schedule.method, "url": schedule.url, **asked}),
            "state": redaction.redacted(schedule.state),
        }
        if self.is_fragment:
            return self.part("schedule_live.html", **context)
        return self.page("schedule.html", title=schedule.name or "Schedule", **context)


class Act(Page):
    """POST /schedules/{id}/run, /pause, /resume, /skip, /delete."""

    entry = "schedules"

    def post(self, request: HttpRequest, schedule_id: str, verb: str) -> HttpResponse:
        act = _ACTS.get(verb)
        if act is None:
            raise Http404(f"{verb[:40]!a} is nothing that can be done to a schedule")
        schedule, now = owned_schedules.find(self.owner_id, schedule_id), clock.now()
        refusal, done = act(schedule, self.owner, request, now)
        if refusal:
            messages.error(request, refusal)
        else:
            audit.note(
                f"schedule.{verb}", user_id=self.owner_id, actor=self.actor, now=now, schedule_id=str(schedule.id)
            )
            messages.success(request, done)
        is_gone = verb == "delete" and not refusal
        return HttpResponseRedirect(
            reverse("pages:schedules") if is_gone else reverse("pages:schedule", args=[schedule.id])
        )


Outcome = tuple[str, str]
"""Why it could not be done, or what was done; the other is empty."""


def _run(schedule: Schedule, owner: User, request: HttpRequest, now: datetime) -> Outcome:
    try:
        charges.charge(owner, jobs=1, now=now)
    except LimitReached as reached:
        return str(reached), ""
    job = schedules.trigger(schedule, now=now)
    transaction.on_commit(partial(announcements.announce_job, job))
    return "", f"Job {job.id} runs it once now; its next run stays where it is."


def _pause(schedule: Schedule, owner: User, request: HttpRequest, now: datetime) -> Outcome:
    try:
        given = request.POST.get("reason", "").strip()
        reason = intake_schedule.reason_to_disable({"reason": given} if given else {})
    except InvalidInput as refusal:
        return refusal.detail, ""
    disabled = schedules.disable(schedule, reason=reason, now=now)
    if disabled is None:
        return "It is paused already.", ""
    _announce_end(disabled, now=now)
    return "", "Paused: it runs no more until it is resumed."


def _resume(schedule: Schedule, owner: User, request: HttpRequest, now: datetime) -> Outcome:
    enabled = schedules.enable(schedule, now=now)
    if isinstance(enabled, Refused):
        return f"It can't be resumed: {enabled.reason}.", ""
    return ("", "Resumed, from now on: what was missed stays missed.") if enabled else ("It goes on already.", "")


def _skip(schedule: Schedule, owner: User, request: HttpRequest, now: datetime) -> Outcome:
    upcoming = Job.objects.filter(schedule_id=schedule.id, is_upcoming=True).first()
    if upcoming is None or job_actions.cancel_job(upcoming, ends_schedule=False, now=now) is None:
        return "There is no run to skip.", ""
    _announce_end(schedule, now=now)
    return "", "The next run is left out."


def _delete(schedule: Schedule, owner: User, request: HttpRequest, now: datetime) -> Outcome:
    deleted = schedules.delete(schedule, now=now)
    _announce_end(deleted, now=now)
    return ("", "The schedule is gone; the jobs that it made stay.") if deleted else ("It is gone already.", "")


_ACTS: Mapping[str, Callable[[Schedule, User, HttpRequest, datetime], Outcome]] = {
    "run": _run,
    "pause": _pause,
    "resume": _resume,
    "skip": _skip,
    "delete": _delete,
}


def _announce_end(schedule: Schedule | None, *, now: datetime) -> None:
    """Announces to its webhook that the upcoming run was cancelled."""
    if schedule is not None and schedule.webhook_url:
        transaction.on_commit(partial(announcements.announce_deliveries, [now]))


def _next_runs(schedule: Schedule, first: datetime | None) -> list[recurrence.Run]:
    if first is None:
        return []
    runs = recurrence.upcoming(schedule.rule, after=first - _MICROSECOND, count=_NEXT_SHOWN, ends_at=schedule.ends_at)
    return list(runs)
