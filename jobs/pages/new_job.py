"""/jobs/new and /schedules/new: a form, the same as code beside it, and when it would run, as it is typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from booper.content import redaction
from booper.content.placeholders import RenderTooLargeError
from jobs.database import clock
from jobs.explaining import family, previews
from jobs.guarding.limits import LimitReached
from jobs.intake import calendar
from jobs.intake import schedule as intake_schedule
from jobs.intake.refusals import FieldError, InvalidInput
from jobs.pages import code_samples, job_form, made_jobs, owned_jobs, owned_schedules
from jobs.pages.job_form import Form
from jobs.pages.shell import Page

_RUNS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Sample:
    id: str
    label: str
    code: str


class NewJob(Page):
    entry = "jobs"
    groups: ClassVar = job_form.OF_JOBS
    title: ClassVar = "New job"
    preview: ClassVar = "pages:job_preview"

    def get(self, request: HttpRequest) -> HttpResponse:
        original = self._original(request.GET.get("from", ""))
        zone = str(timezone.get_current_timezone())
        typed = {"method": "post", "timezone": "" if zone == "UTC" else zone}
        if original:
            typed = job_form.typed_of(original, self.groups)
        return self._shown(job_form.read(self.groups, typed, original=original), origin=request.GET.get("from", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self._form(request)
        made = None if form.errors else self._made(form)
        return made or self._shown(form, origin=request.POST.get("from", ""), status=400)

    def _form(self, request: HttpRequest) -> Form:
        original = self._original(request.POST.get("from", ""))
        return job_form.read(self.groups, request.POST.dict(), original=original)

    def _original(self, name: str) -> Mapping[str, Any]:
        """The fields of the job or schedule that this one is made after. Raises Http404 for somebody else's."""
        if not name:
            return {}
        if name.isdecimal():
            fields = dict(owned_jobs.find(self.owner_id, name).args)
        else:
            fields = dict(owned_schedules.find(self.owner_id, name).args)
        # Its time is past, and its key stands for it alone.
        return {key: value for key, value in fields.items() if key not in ("scheduled_at", "idempotency_key")}

    def _made(self, form: Form) -> HttpResponse | None:
        """Where what was made is to be seen; None if it was refused."""
        try:
            return self._make(form.fields)
        except InvalidInput as refusal:
            form.refuse(refusal)
        except LimitReached as reached:
            form.errors[""] = [str(reached)]
        return None

    def _make(self, fields: Mapping[str, Any]) -> HttpResponse:
        """Leads to the job that was made. Raises InvalidInput and LimitReached."""
        size = int(self.request.META.get("CONTENT_LENGTH") or 0)
        scheduled = made_jobs.make(self.owner, fields, size=size, now=clock.now())
        if scheduled.is_replaced:
            messages.success(self.request, "A job with this idempotency key waited already: it asks for this now.")
        elif not scheduled.is_new:
            messages.warning(self.request, "A job with this idempotency key waits already: this one. None was made.")
        return HttpResponseRedirect(_page_of(scheduled.job.id, scheduled.job.schedule_id))

    def _shown(self, form: Form, *, origin: str, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "origin": origin,
            "preview_url": reverse(self.preview),
            **_previewed(form, owner_id=self.owner_id),
        }
        return self.page("new_job.html", title=self.title, status=status, **context)


class NewSchedule(NewJob):
    entry = "schedules"
    groups: ClassVar = job_form.OF_SCHEDULES
    title: ClassVar = "New schedule"
    preview: ClassVar = "pages:schedule_preview"

    def _make(self, fields: Mapping[str, Any]) -> HttpResponse:
        if not fields.keys() & {"cron", "repeat_every"}:
            raise InvalidInput([FieldError("/cron", "a schedule needs cron or an interval: give one of the two")])
        return super()._make(fields)


class JobPreview(NewJob):
    """POST: the part beside the form. Makes nothing."""

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.part("new_job_preview.html", **_previewed(self._form(request), owner_id=self.owner_id))


class SchedulePreview(JobPreview):
    groups: ClassVar = job_form.OF_SCHEDULES


def _previewed(form: Form, *, owner_id: UUID) -> dict[str, Any]:
    """What POST /api/preview says of it."""
    now = clock.now()
    found: dict[str, Any] = {"now": now, "refusals": [], "samples": _samples(form)}
    found["refusals"] = [f"{name}: {why}" for name, several in form.errors.items() for why in several]
    try:
        asked = intake_schedule.previewed(form.fields, now=now)
        spec, plan = asked.wanted.spec, calendar.resolved(asked.wanted.plan, user_id=owner_id, now=now)
        found["words"] = previews.describe(spec, plan)
        found["runs"] = previews.runs(spec, plan, count=_RUNS_SHOWN, zone=asked.zone)
        found["follows"] = family.following(spec.args)
        found["request"] = redaction.redacted(previews.request(spec, plan)) if spec.url else None
    except InvalidInput as refusal:
        found["refusals"] += [f"{each['pointer'].strip('/')}: {each['detail']}" for each in refusal.errors or []]
    except RenderTooLargeError as refusal:
        found["refusals"].append(str(refusal))
    return found


def _samples(form: Form) -> list[Sample]:
    return [
        Sample("curl", "curl", code_samples.as_curl(form.fields)),
        Sample("python", "Python", code_samples.as_python(form.fields)),
        Sample("command", "command line", code_samples.as_command(form.fields)),
    ]


def _page_of(job_id: int, schedule_id: UUID | None) -> str:
    return reverse("pages:job", args=[job_id]) if schedule_id is None else reverse("pages:schedule", args=[schedule_id])
