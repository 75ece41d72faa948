"""Secrets of all tenants: what they are called, whose they are, since when. Values are never read, let alone shown."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.filters import BeforeNumberFilter, OwnerFilter
from jobs.admin.kit.read_only import ReadOnlyAdmin, Section
from jobs.models import Secret


@admin.display(description="name")
def name(secret: Secret) -> str:
    return markup.text(secret.name, limit=64)


@admin.display(description="changed")
def changed(secret: Secret) -> str:
    return markup.moment(secret.updated_at)


@admin.display(description="may be sent to")
def hosts(secret: Secret) -> str:
    return "any host" if secret.hosts is None else markup.text(", ".join(secret.hosts), limit=500)


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    list_display = (name, columns.owner, columns.inserted, changed)
    list_filter = (OwnerFilter, BeforeNumberFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = "A part of a name, or an owner's e-mail address (its beginning is enough)."
    sections = (Section(None, (name, columns.owner_page, columns.inserted, changed, hosts)),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows without their values, which would be decrypted on the way."""
        return super().get_queryset(request).defer("value")

    def matching(self, term: search.Term) -> Q:
        if term.kind == search.TermKind.EMAIL:
            return Q(user_id__in=search.owner_ids(str(term.value)))
        if term.kind == search.TermKind.UUID:
            return Q(user_id=term.value)
        return Q(name__icontains=str(term.value))
