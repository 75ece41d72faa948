"""The audit trail: who did what to whose keys, secrets, limits, jobs and accounts. To look at, never to write."""

from typing import Any

from django.contrib import admin
from django.db.models import Q

from jobs.admin.kit import markup, search
from jobs.admin.kit.filters import BeforeFilter, OwnerFilter
from jobs.admin.kit.read_only import ReadOnlyAdmin, Section
from jobs.models import AuditEvent


@admin.display(description="at")
def at(row: AuditEvent) -> str:
    return markup.moment(row.at)


@admin.display(description="who")
def actor(row: AuditEvent) -> str:
    return markup.text(row.actor, limit=80)


@admin.display(description="whose")
def whose(row: AuditEvent) -> str:
    return markup.text(row.email, limit=80)


@admin.display(description="details")
def details(row: AuditEvent) -> Any:
    return markup.json_block(row.details, limit=3_000)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = (at, "action", actor, whose)
    list_filter = (OwnerFilter, BeforeFilter)
    search_fields = ("id",)
    search_help_text = "A user's UUID, their e-mail address (its beginning is enough), or an action such as key.made."
    sections = (Section(None, (at, "action", actor, whose, details)),)

    def matching(self, term: search.Term) -> Q:
        if term.kind == search.TermKind.UUID:
            return Q(pk=term.value) | Q(user_id=term.value)
        if term.kind == search.TermKind.EMAIL:
            return Q(user_id__in=search.owner_ids(str(term.value)))
        return Q(action=str(term.value))
