"""The columns of the list of jobs and the fields of a job's page, as HTML that is safe to show."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from booper.content import redaction
from booper.timing.spans import span
from jobs.admin import content
from jobs.admin.kit import columns, markup
from jobs.database import clock
from jobs.explaining import family
from jobs.models import WAITING_STATES, Job, JobState, tags

_LATE_AFTER = timedelta(seconds=5)
_LONGEST_SHOWN = 20_000
_NAME_LENGTH = 40
_URL_LENGTH = 60
_REASON_LENGTH = 80


@admin.display(description="job")
def identity(job: Job) -> str:
    return str(job.id)


@admin.display(description="state")
def standing(job: Job) -> str:
    """The state as it reads now: `available` is a scheduled one that is due."""
    return columns.standing(job.state_at(clock.now()), f"attempt {job.attempt}/{job.max_attempts}")


@admin.display(description="due")
def due(job: Job) -> str:
    now = clock.now()
    is_late = job.state in WAITING_STATES and job.scheduled_at <= now - _LATE_AFTER
    css_class, moment = "late" if is_late else "timing", markup.moment(job.scheduled_at)
    return format_html('{}<br><span class="{}">{}</span>', moment, css_class, _timing(job, now))


def _timing(job: Job, now: datetime) -> str:
    """How early or late the job is, or was at its latest attempt; empty if it was never attempted."""
    if job.state in WAITING_STATES:
        ahead = job.scheduled_at - now
        return f"in {span(ahead)}" if job.scheduled_at > now else f"{span(ahead)} late"
    if job.attempted_at is None or job.attempted_at < job.scheduled_at:
        return ""
    return f"began {span(job.attempted_at - job.scheduled_at)} late"


@admin.display(description="outcome")
def outcome(job: Job) -> str:
    """Why the latest attempt failed, and how long the one took that ended it."""
    took = _took(job)
    if job.error_code and job.state != JobState.COMPLETED:
        status = f"{job.error_status} " if job.error_status else ""
        reason = redaction.redacted_text(f"{status}{job.error_code}: {job.error_message}")
        why = format_html('<span class="late">{}</span>', markup.text(reason, limit=_REASON_LENGTH))
        return format_html("{}<br>{}", why, took) if took else why
    return took or markup.NOTHING


def _took(job: Job) -> str:
    ended_at = job.completed_at or job.discarded_at
    if ended_at is None or job.attempted_at is None or ended_at < job.attempted_at:
        return ""
    return format_html('<span class="timing">took {}</span>', span(ended_at - job.attempted_at))


@admin.display(description="attempt")
def attempts(job: Job) -> str:
    return f"{job.attempt}/{job.max_attempts}"


@admin.display(description="what")
def what(job: Job) -> str:
    name = format_html("{}<br>", markup.text(job.name, limit=_NAME_LENGTH)) if job.name else ""
    return format_html("{}<b>{}</b> {}{}", name, job.method.upper(), _url(job.url, limit=_URL_LENGTH), _run_of(job))


def _run_of(job: Job) -> str:
    if job.schedule_id is None:
        return ""
    label = "upcoming run of a schedule" if job.is_upcoming else "run of a schedule"
    runs = markup.link("jobs_job_changelist", query=f"?schedule={job.schedule_id}", label=label)
    return format_html('<br><span class="small">{}</span>', runs)


@admin.display(description="request")
def whole_request(job: Job) -> str:
    return format_html("<b>{}</b> {}", job.method.upper(), _url(job.url))


@admin.display(description="schedule")
def whole_schedule(job: Job) -> str:
    if job.schedule_id is None:
        return markup.NOTHING
    runs = markup.link("jobs_job_changelist", query=f"?schedule={job.schedule_id}", label="all its runs")
    own = markup.link("jobs_schedule_change", job.schedule_id, label=job.schedule_id)
    return format_html("{} ({}{})", own, "its upcoming run; " if job.is_upcoming else "", runs)


@admin.display(description="follows")
def follows(job: Job) -> str:
    """The job before it, which may be gone, and those after it."""
    if job.parent_uuid is None:
        return markup.NOTHING
    parent = family.of(job).parent
    if parent is None:
        return format_html("{}, which is gone", job.parent_uuid)
    return markup.link("jobs_job_change", parent.id, label=f"job {parent.id}")


@admin.display(description="followed by")
def followed_by(job: Job) -> str:
    links = [markup.link("jobs_job_change", child.id, label=f"job {child.id}") for child in family.of(job).children]
    return format_html_join(", ", "{}", ((link,) for link in links)) if links else markup.NOTHING


@admin.display(description="queue")
def queue(job: Job) -> str:
    if job.queue is None:
        return markup.NOTHING
    name, since = markup.text(job.queue.name), job.queue.paused_at
    link = markup.link("jobs_job_changelist", query=f"?queue={job.queue_id}", label=name)
    return link if since is None else format_html("{}, paused since {}", link, markup.moment(since))


@admin.display(description="tags")
def shown_tags(job: Job) -> str:
    return markup.text(", ".join(tags.listed(job.tags))) if job.tags else markup.NOTHING


@admin.display(description="headers")
def headers(job: Job) -> str:
    return _pairs(content.of(job, {"headers": job.args.get("headers")})["headers"])


@admin.display(description="query")
def query(job: Job) -> str:
    return _pairs(content.of(job, {"query": job.args.get("query")})["query"])


@admin.display(description="body")
def body(job: Job) -> str:
    return _json(content.of(job, {"body": job.args["body"]})["body"]) if "body" in job.args else markup.NOTHING


@admin.display(description="as it was sent")
def as_sent(job: Job) -> str:
    return _json(content.of(job, job.args))


@admin.display(description="callback to")
def callback_url(job: Job) -> str:
    return _url(job.callback_url or "")


@admin.display(description="webhook to")
def webhook_url(job: Job) -> str:
    return _url(job.webhook_url or "")


@admin.display(description="timeout")
def timeout(job: Job) -> str:
    return f"{job.timeout_seconds:g} s"


@admin.display(description="backoff")
def backoff(job: Job) -> str:
    if not job.backoff_seconds:
        return "exponential, with jitter"
    return ", then ".join(span(seconds) for seconds in job.backoff_seconds)


@admin.display(description="lease")
def lease(job: Job) -> str:
    """The process that has the request on the wire."""
    if job.worker_id is None:
        return markup.NOTHING
    return markup.link("jobs_process_change", job.worker_id, label=job.worker_id)


@admin.display(description="name")
def whole_name(job: Job) -> str:
    return markup.text(job.name)


@admin.display(description="description")
def description(job: Job) -> str:
    return markup.text(job.description, limit=2_000)


@admin.display(description="idempotency key")
def idempotency_key(job: Job) -> str:
    return markup.text(job.idempotency_key)


@admin.display(description="inserted")
def inserted_at(job: Job) -> str:
    return markup.moment(job.inserted_at)


@admin.display(description="attempted")
def attempted_at(job: Job) -> str:
    return markup.moment(job.attempted_at)


@admin.display(description="completed")
def completed_at(job: Job) -> str:
    return markup.moment(job.completed_at)


@admin.display(description="cancelled")
def cancelled_at(job: Job) -> str:
    return markup.moment(job.cancelled_at)


@admin.display(description="discarded")
def discarded_at(job: Job) -> str:
    return markup.moment(job.discarded_at)


def _url(url: str, *, limit: int = 0) -> str:
    return markup.text(redaction.redacted_url(url), limit=limit)


def _json(value: Any) -> SafeString:
    return markup.json_block(value, limit=_LONGEST_SHOWN)


def _pairs(mapping: Any) -> str:
    if not mapping:
        return markup.NOTHING
    if not isinstance(mapping, dict):
        return _json(mapping)
    rows = format_html_join(
        "",
        "<tr><th>{}</th><td>{}</td></tr>",
        ((markup.text(key), markup.text(value)) for key, value in mapping.items()),
    )
    return format_html('<table class="pairs">{}</table>', rows)
