"""/jobs/{job_id}/edit: its owner changes what a waiting job asks for, and when, as PATCH /api/jobs/{job_id} does."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from booper.content import exact_json, redaction
from jobs.database import clock
from jobs.guarding import audit
from jobs.guarding.limits import LimitReached
from jobs.intake import job_changes
from jobs.intake.refusals import FieldError, InvalidInput
from jobs.models import WAITING_STATES, Job, JobState
from jobs.pages import job_acts, job_form, owned_jobs
from jobs.pages.job_form import OF_CHANGES, Form
from jobs.pages.shell import Page
from jobs.specs import JobEdit

# Left empty a time stays as it is, so the one that was once asked for is not shown as what to type.
_NOT_SHOWN = ("schedule_in", "scheduled_at")


class EditJob(Page):
    entry = "jobs"

    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        job = owned_jobs.find(self.owner_id, job_id)
        if job.state not in WAITING_STATES:
            return self._too_late(job)
        form = job_form.read(OF_CHANGES, job_form.typed_of(_fields(job), OF_CHANGES), original=_fields(job))
        return self._shown(job, form, seen=_version(job))

    def post(self, request: HttpRequest, job_id: str) -> HttpResponse:
        job, now = owned_jobs.find(self.owner_id, job_id), clock.now()
        if job.state not in WAITING_STATES:
            return self._too_late(job)
        form = job_form.changed(OF_CHANGES, request.POST.dict(), before=_fields(job))
        if not form.errors and form.fields:
            try:
                is_done = self._change(job, form.fields, seen=request.POST.get("seen", ""), now=now)
            except InvalidInput as refusal:
                form.refuse(refusal)
            except LimitReached as reached:
                form.errors[""] = [str(reached)]
            else:
                return self._done(job) if is_done else self._too_late(owned_jobs.find(self.owner_id, job_id))
        elif not form.errors:
            form.errors[""] = ["There is nothing to change: it asks for this already."]
        return self._shown(job, form, seen=request.POST.get("seen", ""), status=400)

    def _change(self, job: Job, changes: Mapping[str, Any], *, seen: str, now: datetime) -> bool:
        """False if it does not wait any more. Raises InvalidInput and LimitReached."""

        def edited(locked: Job) -> JobEdit:
            if seen != _version(locked):
                raise InvalidInput([FieldError("", "it was changed since this form was opened: open it anew")])
            return job_changes.edited(locked, changes, now=now)

        is_done = job_acts.edit(job, edited, now=now)
        if is_done:
            what = {"job_id": job.id, "fields": sorted(changes)}
            audit.note("job.edit", user_id=self.owner_id, actor=self.actor, now=now, **what)
        return is_done

    def _done(self, job: Job) -> HttpResponse:
        messages.success(self.request, f"Job {job.id} is changed.")
        return HttpResponseRedirect(reverse("pages:job", args=[job.id]))

    def _too_late(self, job: Job) -> HttpResponse:
        has = "begun" if job.state == JobState.EXECUTING else "ended"
        messages.error(self.request, f"It has {has}, so it can't be changed any more: duplicate it instead.")
        return HttpResponseRedirect(reverse("pages:job", args=[job.id]))

    def _shown(self, job: Job, form: Form, *, seen: str, status: int = 200) -> HttpResponse:
        name = job.name or f"{job.method.upper()} {redaction.redacted_url(job.url)}"
        context = {"job": job, "form": form, "name": name, "seen": seen, "now": clock.now()}
        return self.page("edit_job.html", title=f"Edit job {job.id}", status=status, **context)


def _fields(job: Job) -> dict[str, Any]:
    """What the job asks for, as it may be sent; but for its time."""
    fields = {"method": job.method, "url": job.url, **job.args}
    return {name: value for name, value in fields.items() if name not in _NOT_SHOWN}


def _version(job: Job) -> str:
    """Stands for what may be changed, so that nobody writes over what was changed since they read it."""
    shown = exact_json.dumps([job.args, job.scheduled_at.isoformat()])
    return hashlib.blake2b(shown, digest_size=12).hexdigest()
