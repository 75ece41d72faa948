"""Receivers of all tenants that fail or have failed: since when, why, and whether they are off; switched on again."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from booper.content import redaction, visible_text
from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.changelist import SlowFilter
from jobs.admin.kit.filters import BeforeFilter, OwnerFilter
from jobs.admin.kit.read_only import ReadOnlyAdmin, Section
from jobs.database import clock
from jobs.delivering import receivers
from jobs.guarding import audit
from jobs.models import Receiver

_MOST_AT_ONCE = 500
_ORIGIN_LENGTH, _ERROR_LENGTH = 60, 100


class StateFilter(SlowFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("off", "Off"), ("failing", "Failing"), ("well", "Well again")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "off":
                return queryset.filter(disabled_at__isnull=False)
            case "failing":
                return queryset.filter(disabled_at__isnull=True, failing_since__isnull=False)
            case "well":
                return queryset.filter(failing_since__isnull=True)
            case _:
                return queryset


@admin.display(description="receiver")
def origin(row: Receiver) -> str:
    return markup.text(redaction.redacted_url(row.origin), limit=_ORIGIN_LENGTH)


@admin.display(description="origin")
def whole_origin(row: Receiver) -> str:
    return markup.text(redaction.redacted_url(row.origin))


@admin.display(description="state")
def state(row: Receiver) -> str:
    if row.disabled_at is not None:
        return markup.badge("off")
    return markup.badge("failing" if row.failing_since is not None else "well")


@admin.display(description="failing since")
def failing_since(row: Receiver) -> str:
    return markup.moment(row.failing_since)


@admin.display(description="last failed")
def last_failed(row: Receiver) -> str:
    return markup.moment(row.last_failed_at)


@admin.display(description="off since")
def off_since(row: Receiver) -> str:
    return markup.moment(row.disabled_at)


@admin.display(description="last error")
def result(row: Receiver) -> str:
    return markup.text(_error(row), limit=_ERROR_LENGTH)


@admin.display(description="last error")
def whole_error(row: Receiver) -> str:
    return markup.text(_error(row))


def _error(row: Receiver) -> str:
    status = f"{row.response_status} " if row.response_status else ""
    return redaction.redacted_text(f"{status}{row.error_code}: {row.error_message}") if row.error_code else status


@admin.register(Receiver)
class ReceiverAdmin(ReadOnlyAdmin):
    list_display = (origin, state, result, failing_since, last_failed, columns.owner)
    list_filter = (StateFilter, OwnerFilter, BeforeFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = "An owner's e-mail address (its beginning is enough), their UUID, or a part of an address."
    shown_as = {"origin": redaction.redacted_url}
    actions = ("switch_on_selected",)
    sections = (
        Section(None, (state, whole_origin, columns.owner_page, (failing_since, last_failed, off_since), whole_error)),
    )

    def matching(self, term: search.Term) -> Q:
        if term.kind == search.TermKind.EMAIL:
            return Q(user_id__in=search.owner_ids(str(term.value)))
        if term.kind == search.TermKind.UUID:
            return Q(user_id=term.value) | Q(pk=term.value)
        return Q(origin__icontains=str(term.value))

    def title_of(self, row: Receiver) -> str:
        return visible_text.visible(redaction.redacted_url(row.origin))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("jobs.change_receiver"))

    @admin.action(description="Switch the selected receivers on", permissions=["operate"])
    def switch_on_selected(self, request: HttpRequest, queryset: QuerySet[Receiver]) -> None:
        rows, now = list(queryset.filter(failing_since__isnull=False)[:_MOST_AT_ONCE]), clock.now()
        for row in rows:
            with transaction.atomic():
                receivers.enable(row)
                actor = audit.operator(request.user)
                audit.note("receiver.enabled", user_id=row.user_id, actor=actor, now=now, origin=row.origin)
        self.log_together(request, rows, "Switched on.")
        self.message_user(request, f"{len(rows)} switched on.")
