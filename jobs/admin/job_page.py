"""All that an operator needs to know of one job at three in the morning, read in a fixed number of queries."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Case, F, When
from django.db.models.functions import Length
from django.utils.safestring import SafeString

from booper.content import redaction, visible_text
from booper.timing.spans import span
from jobs.admin import content, job_actions
from jobs.admin.job_actions import Operation
from jobs.admin.kit import markup
from jobs.explaining import timeline
from jobs.explaining.reasons import Reason
from jobs.explaining.timeline import Timeline
from jobs.models import Delivery, Job, LogEvent
from jobs.models.sealed_json_field import SealedJSONField

MOST_EVENTS = 100
MOST_DELIVERIES = 50
MOST_ENTRIES = 100
# Longer payloads are not even fetched, only linked to.
_LONGEST_FETCHED = 64 * 1024
_LONGEST_SHOWN = 3_000


@dataclass(frozen=True, slots=True)
class EventRow:
    event: LogEvent
    payload: SafeString


@dataclass(frozen=True, slots=True)
class TimelineRow:
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """`spent`: how long it was in which state, and how late it began."""

    reason: Reason
    spent: str
    entries: list[TimelineRow]
    has_earlier_entries: bool
    has_begun: bool
    possible: list[Operation]
    events: list[EventRow]
    has_earlier_events: bool
    deliveries: list[Delivery]
    has_more_deliveries: bool


def read(job: Job, *, now: datetime) -> JobPage:
    told = timeline.of(job, now=now, mask=redaction.redacted)
    events = _newest_events(job)
    deliveries = list(job.deliveries.defer("body").order_by("-id")[: MOST_DELIVERIES + 1])
    return JobPage(
        reason=replace(told.reason, message=redaction.redacted_text(told.reason.message)),
        spent=_spent(job, told),
        entries=[TimelineRow(entry.at, visible_text.visible(entry.text)) for entry in told.entries[-MOST_ENTRIES:]],
        has_earlier_entries=len(told.entries) > MOST_ENTRIES or not told.is_complete,
        has_begun=job.attempt > 0,
        possible=[operation for operation in job_actions.OPERATIONS.values() if operation.is_possible(job)],
        events=[EventRow(event, _payload(job, event)) for event in reversed(events[:MOST_EVENTS])],
        has_earlier_events=len(events) > MOST_EVENTS,
        deliveries=deliveries[:MOST_DELIVERIES],
        has_more_deliveries=len(deliveries) > MOST_DELIVERIES,
    )


def _spent(job: Job, told: Timeline) -> str:
    states = [f"{name} {span(took)}" for name, took in told.seconds_in_states.items()]
    late = ""
    if told.late_seconds is not None:
        late = (
            f"begun {span(told.late_seconds)} after it was due" if job.attempt else f"due for {span(told.late_seconds)}"
        )
    return "; ".join(part for part in (", ".join(states), late) if part)


def _newest_events(job: Job) -> list[LogEvent]:
    """Newest first, one more than is shown. Payloads come as `fetched`, None for one that is too long."""
    sized = job.events.defer("payload").annotate(length=Length("payload"))
    fetched = Case(When(length__lte=_LONGEST_FETCHED, then=F("payload")), output_field=SealedJSONField())
    return list(sized.annotate(fetched=fetched).order_by("-id")[: MOST_EVENTS + 1])


def _payload(job: Job, event: Any) -> SafeString:
    more = markup.link("jobs_logevent_change", event.pk, label="Show it")
    if event.fetched is None:
        return markup.cut_note(event.length, more)
    return markup.json_block(content.of(job, event.fetched), limit=_LONGEST_SHOWN, more=more)
