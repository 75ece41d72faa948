"""Columns that several lists and pages share; each takes a row and answers HTML that is safe to show."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html

from booper.content import redaction
from jobs.admin.kit import markup

_URL_LENGTH = 70


@admin.display(description="owner")
def owner(row: Any) -> str:
    """Leads to the rest of what that user has in the same list."""
    page = f"{row._meta.app_label}_{row._meta.model_name}_changelist"
    return markup.link(page, query=f"?owner={row.user_id}", label=markup.text(row.user.email, limit=28))


@admin.display(description="owner")
def owner_page(row: Any) -> str:
    return markup.link("jobs_user_change", row.user_id, label=markup.text(row.user.email))


@admin.display(description="job")
def job(row: Any) -> str:
    if row.job_id is None:
        return ""
    return markup.link("jobs_job_change", row.job_id, label=row.job_id)


@admin.display(description="state")
def state(row: Any) -> str:
    return markup.badge(row.state)


def standing(state: str, attempt: str) -> str:
    return format_html('{}<br><span class="timing">{}</span>', markup.badge(state), attempt)


@admin.display(description="URL")
def url(row: Any) -> str:
    return markup.text(redaction.redacted_url(row.url), limit=_URL_LENGTH)


@admin.display(description="URL")
def whole_url(row: Any) -> str:
    return markup.text(redaction.redacted_url(row.url))


@admin.display(description="inserted")
def inserted(row: Any) -> str:
    return markup.moment(row.inserted_at)


@admin.display(description="due")
def due(row: Any) -> str:
    return markup.moment(row.due_at)


@admin.display(description="attempted")
def attempted(row: Any) -> str:
    return markup.moment(row.attempted_at)
