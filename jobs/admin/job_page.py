"""All that an operator needs to know of one job at three in the morning, read in a fixed number of queries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, F, JSONField, TextField, When
from django.db.models.functions import Cast, Length
from django.utils.safestring import SafeString

from jobs.admin import markup, masking, operations, words
from jobs.admin.operations import Operation
from jobs.models import Delivery, EventType, Job, LogEvent, Process

MOST_EVENTS = 100
MOST_DELIVERIES = 50
# Longer payloads are not even fetched, only linked to.
_LONGEST_FETCHED = 64 * 1024
_LONGEST_SHOWN = 3_000


@dataclass(frozen=True, slots=True)
class EventRow:
    event: LogEvent
    payload: SafeString


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    sentence: str
    has_begun: bool
    possible: list[Operation]
    events: list[EventRow]
    has_earlier_events: bool
    deliveries: list[Delivery]
    has_more_deliveries: bool


def read(job: Job, *, now: datetime) -> JobPage:
    holder = Process.objects.filter(id=job.worker_id).first() if job.worker_id else None
    events = _newest_events(job)
    deliveries = list(job.deliveries.defer("body").order_by("-id")[: MOST_DELIVERIES + 1])
    return JobPage(
        sentence=words.state(job, holder=holder, last_error=_last_error(events), now=now),
        has_begun=job.attempt > 0,
        possible=[operation for operation in operations.OPERATIONS.values() if operation.is_possible(job)],
        events=[EventRow(event, _payload(event)) for event in reversed(events[:MOST_EVENTS])],
        has_earlier_events=len(events) > MOST_EVENTS,
        deliveries=deliveries[:MOST_DELIVERIES],
        has_more_deliveries=len(deliveries) > MOST_DELIVERIES,
    )


def _newest_events(job: Job) -> list[LogEvent]:
    """Newest first, one more than is shown. Payloads come as `fetched`, None for one that is too long."""
    sized = job.events.defer("payload").annotate(length=Length(Cast("payload", TextField())))
    fetched = Case(When(length__lte=_LONGEST_FETCHED, then=F("payload")), output_field=JSONField())
    return list(sized.annotate(fetched=fetched).order_by("-id")[: MOST_EVENTS + 1])


def _payload(event: Any) -> SafeString:
    more = markup.link("jobs_logevent_change", event.pk, label="Show it")
    if event.fetched is None:
        return markup.cut_note(event.length, more)
    return markup.json_block(masking.masked(event.fetched), limit=_LONGEST_SHOWN, more=more)


def _last_error(newest_first: list[Any]) -> str:
    for event in newest_first:
        if event.event == EventType.ERROR and isinstance(event.fetched, dict):
            return f"{event.fetched.get('code')}: {event.fetched.get('message')}"
    return ""
