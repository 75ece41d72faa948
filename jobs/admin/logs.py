"""Log events: what happened to every tenant's jobs, to look at."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from booper.content import redaction
from jobs.admin import content
from jobs.admin.content import ContentAdmin
from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.changelist import SlowFilter
from jobs.admin.kit.filters import BeforeFilter, InsertedFilter, JobFilter, OwnerFilter
from jobs.admin.kit.read_only import Section
from jobs.database import sql
from jobs.models import EventType, LogEvent

_LONGEST_SHOWN = 500_000
_SUMMARY_LENGTH = 100
# What a list shows of a payload, fetched by themselves: the whole may be a megabyte.
_SUMMARY = ("status", "code", "message", "state", "reason", "attempt")
_FAILURE = ("code", "message")


class EventFilter(SlowFilter):
    title = "event"
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(event.value, event.value) for event in EventType]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        event = self.value()
        if not event:
            return queryset
        if event not in EventType.values:
            raise IncorrectLookupParameters(f"event is {event!r}: write one of {', '.join(EventType.values)}")
        return queryset.filter(event=event)


@admin.display(description="event")
def event(row: LogEvent) -> str:
    return markup.badge(row.event)


@admin.display(description="what")
def summary(row: Any) -> str:
    values = {name: getattr(row, f"payload_{name}") for name in _SUMMARY}
    if row.event == EventType.STARTED:
        return f"attempt {row.attempt}"
    code, message = values["code"] or row.failure_code, values["message"] or row.failure_message
    if code:
        return markup.text(redaction.redacted_text(f"{code}: {message}"), limit=_SUMMARY_LENGTH)
    shown = values["status"] or values["state"] or values["reason"]
    return markup.text(shown, limit=_SUMMARY_LENGTH)


@admin.display(description="payload")
def payload(row: LogEvent) -> str:
    return markup.json_block(content.of(row, row.payload), limit=_LONGEST_SHOWN)


@admin.register(LogEvent)
class LogEventAdmin(ContentAdmin):
    list_display = (columns.inserted, event, columns.job, "attempt", summary, columns.owner)
    list_filter = (EventFilter, InsertedFilter, OwnerFilter, JobFilter, BeforeFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = "A job's number, an event's UUID, or an owner's e-mail address (its beginning is enough)."
    heavy_columns = ("payload",)
    sections = (
        Section(
            None, (event, columns.inserted, columns.job, "attempt", columns.owner_page, "id", content.content, payload)
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEvent]:
        parts = {f"payload_{name}": sql.json_text("payload", name) for name in _SUMMARY}
        parts |= {f"failure_{name}": sql.json_text("payload", "error", name) for name in _FAILURE}
        events: QuerySet[LogEvent] = super().get_queryset(request).annotate(**parts)
        return events

    def matching(self, term: search.Term) -> Q:
        match term.kind:
            case search.TermKind.NUMBER:
                return Q(job_id=term.value)
            case search.TermKind.UUID:
                return Q(pk=term.value)
            case search.TermKind.EMAIL:
                return Q(user_id__in=search.owner_ids(str(term.value)))
            case search.TermKind.TEXT:
                return Q(event__icontains=term.value)
