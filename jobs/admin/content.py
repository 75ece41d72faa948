"""What requests and answers say: an operator sees the outline, and more by a permission of its own, which is logged."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from booper.content import redaction
from jobs.admin.kit import markup
from jobs.admin.kit.read_only import ReadOnlyAdmin
from jobs.database import clock
from jobs.guarding import audit

PERMISSION = "jobs.view_content"
_PARAMETER = "content"


def of(row: Any, payload: Any) -> Any:
    """A payload as the page of `row` may show it: with its secrets hidden at best, as an outline as a rule."""
    return redaction.redacted(payload) if getattr(row, "shows_content", False) else redaction.metadata(payload)


@admin.display(description="content")
def content(row: Any) -> str:
    if getattr(row, "shows_content", False):
        return "shown, with secrets hidden; that you looked is in the audit trail"
    if getattr(row, "may_show_content", False):
        return format_html('as an outline; <a href="?{}=1">show it</a>, which the audit trail will say', _PARAMETER)
    return markup.text("as an outline: what it says is for those with the permission to see content")


class ContentAdmin(ReadOnlyAdmin):
    """Rows with tenants' content in them, on pages of a row each."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            row.may_show_content = request.user.has_perm(PERMISSION)
            row.shows_content = row.may_show_content and request.method == "GET" and _PARAMETER in request.GET
            if row.shows_content:
                what = f"{self.opts.model_name} {row.pk}"
                actor = audit.operator(request.user)
                audit.note("content.seen", user_id=row.user_id, actor=actor, now=clock.now(), what=what)
        return row
