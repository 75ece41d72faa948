"""Whom users are at the provider that they sign in by: to look at, and to part from the account."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.filters import BeforeFilter, OwnerFilter
from jobs.admin.kit.read_only import ReadOnlyAdmin, Section
from jobs.database import clock
from jobs.guarding import audit, identities
from jobs.models import Identity

_MOST_AT_ONCE = 500


@admin.display(description="issuer")
def issuer(row: Identity) -> str:
    return markup.text(row.issuer, limit=100)


@admin.display(description="subject")
def subject(row: Identity) -> str:
    return markup.text(row.subject, limit=100)


@admin.display(description="since")
def since(row: Identity) -> str:
    return markup.moment(row.bound_at)


@admin.register(Identity)
class IdentityAdmin(ReadOnlyAdmin):
    list_display = (subject, columns.owner, issuer, since)
    list_filter = (OwnerFilter, BeforeFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = "An owner's e-mail address (its beginning is enough), their UUID, or a subject as a whole."
    sections = (Section(None, (subject, issuer, columns.owner_page, since)),)
    actions = ("remove_selected",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A subject may look like anything, a number or an address: it is looked for as it was typed."""
        term = search.read(search_term)
        return (queryset if term is None else queryset.filter(Q(subject=search_term) | self.matching(term))), False

    def matching(self, term: search.Term) -> Q:
        if term.kind == search.TermKind.EMAIL:
            return Q(user_id__in=search.owner_ids(str(term.value)))
        return Q(user_id=term.value) if term.kind == search.TermKind.UUID else Q(pk__in=())

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("jobs.change_identity"))

    @admin.action(description="Part the selected from their users", permissions=["remove"])
    def remove_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Those of staff are for superusers: whoever has the address next would be bound to the account."""
        is_weak = Q(user__is_staff=False, user__is_superuser=False)
        rows = queryset if request.user.is_superuser else queryset.filter(is_weak)
        removed = [
            row
            for row in rows[:_MOST_AT_ONCE]
            if identities.remove(row, actor=audit.operator(request.user), now=clock.now())
        ]
        self.message_user(request, f"{len(removed)} parted.")
