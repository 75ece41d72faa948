"""POST /jobs/{job_id}/replay: its request once more, now, to a URL of the owner's choice; both answers side by side."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from booper.content import exact_json, redaction
from jobs.database import clock
from jobs.guarding.limits import LimitReached
from jobs.intake.refusals import InvalidInput
from jobs.models import EventType, Job, LogEvent
from jobs.pages import made_jobs, owned_jobs
from jobs.pages.shell import Page

# Nobody is told of a replay, nothing follows from it, and it is tried once.
_KEPT = ("method", "headers", "query", "body", "body_format", "timeout", "success_when", "include_metadata")
_SECRET = "{{secret:"


class Replay(Page):
    entry = "jobs"

    def post(self, request: HttpRequest, job_id: str) -> HttpResponse:
        job, typed = owned_jobs.find(self.owner_id, job_id), request.POST.get("url", "").strip()
        # Left as it is shown, with its secrets hidden, it is the job's own.
        fields = _fields(job) | {"url": job.url if typed == redaction.redacted_url(job.url) else typed}
        back = reverse("pages:job", args=[job.id])
        try:
            size = int(request.META.get("CONTENT_LENGTH") or 0)
            made = made_jobs.make(self.owner, fields, size=size, now=clock.now()).job
        except InvalidInput as refusal:
            why = "; ".join(error["detail"] for error in refusal.errors or []) or str(refusal)
            messages.error(request, f"It was not replayed: {why}.")
        except LimitReached as reached:
            messages.error(request, str(reached))
        else:
            back = f"{back}?beside={made.id}"
        return HttpResponseRedirect(back)


def _fields(job: Job) -> dict[str, Any]:
    """What the job asked for; of the run of a schedule, the body as it went out, with its references filled in."""
    fields = {name: job.args[name] for name in _KEPT if job.args.get(name) is not None}
    if job.schedule_id is not None and _SECRET not in exact_json.dumps(job.args).decode():
        fields.pop("include_metadata", None)
        sent = LogEvent.objects.filter(job_id=job.id, event=EventType.REQUEST).order_by("-id").first()
        if sent is not None and sent.payload.get("body") is not None:
            fields["body"] = sent.payload["body"]
    return fields | {"name": f"replay of {job.id}", "max_attempts": 1}
