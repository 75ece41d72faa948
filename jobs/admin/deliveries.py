"""Callbacks, webhooks and alerts on their way to every tenant's receivers, to look at."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from booper.content import payloads, redaction
from jobs.admin import content
from jobs.admin.content import ContentAdmin
from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.changelist import SlowFilter
from jobs.admin.kit.filters import BeforeNumberFilter, InsertedFilter, JobFilter, OwnerFilter
from jobs.admin.kit.read_only import Section
from jobs.models import Delivery, DeliveryState

_LONGEST_SHOWN = 500_000
_ERROR_LENGTH = 100


class DeliveryStateFilter(SlowFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.label) for state in DeliveryState]

    def is_slow(self) -> bool:
        # Those on their way have partial indexes.
        return self.value() in (DeliveryState.DELIVERED, DeliveryState.FAILED)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        state = self.value()
        if not state:
            return queryset
        if state not in DeliveryState.values:
            raise IncorrectLookupParameters(f"state is {state!r}: write one of {', '.join(DeliveryState.values)}")
        return queryset.filter(state=state)


@admin.display(description="delivery")
def identity(row: Delivery) -> str:
    return str(row.id)


@admin.display(description="event")
def event(row: Delivery) -> str:
    return row.event if row.sequence is None else f"{row.event} #{row.sequence}"


@admin.display(description="state")
def standing(row: Delivery) -> str:
    return columns.standing(row.state, f"attempt {row.attempt}")


@admin.display(description="last result")
def result(row: Delivery) -> str:
    parts = (str(row.response_status or ""), _error(row))
    return markup.text(" ".join(part for part in parts if part), limit=_ERROR_LENGTH)


@admin.display(description="last error")
def error(row: Delivery) -> str:
    return markup.text(_error(row))


def _error(row: Delivery) -> str:
    return redaction.redacted_text(f"{row.error_code}: {row.error_message}") if row.error_code else ""


@admin.display(description="delivered")
def delivered(row: Delivery) -> str:
    return markup.moment(row.delivered_at)


@admin.display(description="given up")
def given_up(row: Delivery) -> str:
    return markup.moment(row.failed_at)


@admin.display(description="message")
def message(row: Delivery) -> str:
    """The body, as an outline or with the secrets in it hidden."""
    value = payloads.decode(row.body.encode("utf-8", "replace"))
    return markup.json_block(content.of(row, value), limit=_LONGEST_SHOWN)


@admin.register(Delivery)
class DeliveryAdmin(ContentAdmin):
    list_display = (
        identity,
        standing,
        event,
        columns.job,
        columns.due,
        columns.owner,
        columns.url,
        result,
    )
    list_filter = (DeliveryStateFilter, InsertedFilter, OwnerFilter, JobFilter, BeforeNumberFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = (
        "A job's number, a delivery's UUID (its webhook-id), an owner's e-mail address (its beginning is enough), "
        "or a part of a URL."
    )
    shown_as = {"job_id": str, "url": redaction.redacted_url}
    heavy_columns = ("body",)
    sections = (
        Section(
            None,
            (
                (columns.state, "attempt", event),
                columns.whole_url,
                (columns.job, columns.owner_page),
                ("kind", "uuid"),
                (columns.inserted, columns.due, columns.attempted),
                (delivered, given_up),
                ("response_status", error),
                content.content,
                message,
            ),
        ),
    )

    def title_of(self, row: Delivery) -> str:
        return f"{event(row)} of {row.subject}"

    def matching(self, term: search.Term) -> Q:
        match term.kind:
            case search.TermKind.NUMBER:
                return Q(job_id=term.value)
            case search.TermKind.UUID:
                return Q(uuid=term.value)
            case search.TermKind.EMAIL:
                return Q(user_id__in=search.owner_ids(str(term.value)))
            case search.TermKind.TEXT:
                return Q(url__icontains=term.value)
