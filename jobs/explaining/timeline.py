"""What happened to a job, in order, how long it was in each state, and why it ran late or has not run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from booper.timing.spans import span
from jobs.explaining import family, history, reasons
from jobs.explaining.family import Family
from jobs.explaining.history import History, Span
from jobs.explaining.reasons import Reason
from jobs.models import Delivery, DeliveryState, EventType, Job, JobState, LogEvent

# Of the job's own events, of its deliveries' events, and of its deliveries.
MOST = 1000
_DELIVERY_EVENTS = (EventType.DELIVERY_SENT, EventType.DELIVERY_FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. `type` is `wait`, `log` or `delivery`; a wait begins `at` and took `seconds`, so far if it goes on."""

    at: datetime
    type: str
    name: str
    text: str
    attempt: int | None = None
    seconds: float | None = None
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`late_seconds`: from when it was due first to its first attempt, or to now; None if it was not due yet.

    `is_complete`: nothing of it was pruned or, beyond MOST, left out.
    """

    entries: Sequence[Entry]
    seconds_in_states: dict[str, float]
    late_seconds: float | None
    reason: Reason
    is_complete: bool
    family: Family


def of(job: Job, *, now: datetime, mask: Callable[[Any], Any] = lambda payload: payload) -> Timeline:
    """Gives the timeline of a job, in at most ten queries. `mask` takes what is not to be shown out of a payload."""
    log = LogEvent.objects.filter(job_id=job.id).order_by("id")
    events = list(log.exclude(event__in=_DELIVERY_EVENTS)[:MOST])
    sendings = list(log.filter(event__in=_DELIVERY_EVENTS)[:MOST])
    deliveries = list(Delivery.objects.filter(job_id=job.id).defer("body").order_by("id")[:MOST])
    past = history.read(job, events, now=now)
    entries = [
        *_waits(past),
        *(_logged(event, mask(event.payload)) for event in [*events, *sendings]),
        *(_delivery(row, mask(_described(row))) for row in deliveries),
    ]
    return Timeline(
        # A wait that begins when something happens begins after it.
        entries=sorted(entries, key=lambda entry: (entry.at, entry.type == "wait")),
        seconds_in_states=past.seconds_in_states(),
        late_seconds=_late_seconds(job, past, now=now),
        reason=reasons.of(job, past, now=now),
        is_complete=past.is_complete and max(len(events), len(sendings), len(deliveries)) < MOST,
        family=family.of(job),
    )


def _late_seconds(job: Job, past: History, *, now: datetime) -> float | None:
    if past.attempts:
        first = past.attempts[0]
        return max(0.0, (first.began_at - first.due_at).total_seconds()) if past.is_complete else None
    has_waited = past.end is None and not job.attempt and job.scheduled_at <= now
    return (now - job.scheduled_at).total_seconds() if has_waited else None


def _waits(past: History) -> Iterator[Entry]:
    for each in past.spans:
        if each.state != JobState.EXECUTING:
            # The last one goes on, unless something has ended it.
            goes_on = each is past.spans[-1] and past.end is None
            yield Entry(
                at=each.begins_at,
                type="wait",
                name=each.state,
                text=f"{'has waited' if goes_on else 'waited'} {span(each.seconds)} {_for_what(each, goes_on=goes_on)}",
                seconds=each.seconds,
            )


def _for_what(wait: Span, *, goes_on: bool) -> str:
    if goes_on:
        return "to be taken up" if wait.is_due else "to be due"
    return "until it was taken up" if wait.is_due else "until it was due"


_TEXTS = {
    EventType.STARTED: "attempt {attempt} began",
    EventType.REQUEST: "sent {method} {url}",
    EventType.RESPONSE: "answered {status} after {duration_ms} ms",
    EventType.ERROR: "failed: {message}",
    EventType.FINISHED: "ended: {state}",
    EventType.CANCELLED: "cancelled: {reason}",
    EventType.REPLACED: "replaced, before it was {before[method]} {before[url]} at {before[scheduled_at]}",
    EventType.DELIVERY_SENT: "{kind} {event} was delivered",
    EventType.DELIVERY_FAILED: "{kind} {event} was not delivered, attempt {attempt}: {error[message]}",
}


def _logged(event: LogEvent, payload: dict[str, Any]) -> Entry:
    known = {"attempt": event.attempt} | payload
    return Entry(
        at=event.inserted_at,
        type="log",
        name=event.event,
        text=_filled(_TEXTS.get(EventType(event.event), event.event), known) + _followed(payload),
        attempt=event.attempt or None,
        payload=payload,
    )


def _followed(payload: dict[str, Any]) -> str:
    """What came of an end: the next run that the answer asked for, and the jobs that followed."""
    next_run_at, numbers = payload.get("next_run_at"), payload.get("children")
    words = f"; it asked for the next run at {next_run_at}" if next_run_at else ""
    if isinstance(numbers, list) and numbers:
        words += f"; job{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))} followed"
    return words


def _filled(text: str, values: dict[str, Any]) -> str:
    try:
        return text.format_map(values)
    except (KeyError, TypeError, IndexError):
        # A row that was written by an older version.
        return text.partition("{")[0].strip(" :,")


def _described(row: Delivery) -> dict[str, Any]:
    return {
        "id": str(row.uuid),
        "kind": row.kind,
        "event": row.event,
        "sequence": row.sequence,
        "url": row.url,
        "state": row.state,
        "attempt": row.attempt,
    }


def _delivery(row: Delivery, payload: dict[str, Any]) -> Entry:
    states = {
        DeliveryState.PENDING: f"is to be sent, attempt {row.attempt + 1}, at {row.due_at:%Y-%m-%d %H:%M:%S} UTC",
        DeliveryState.SENDING: f"is on the wire, attempt {row.attempt}",
        DeliveryState.DELIVERED: f"delivered in attempt {row.attempt}",
        DeliveryState.FAILED: f"failed for good in attempt {row.attempt}",
    }
    return Entry(
        at=row.inserted_at,
        type="delivery",
        name=row.event,
        text=f"{row.kind} to {payload['url']}: {states[DeliveryState(row.state)]}",
        payload=payload,
    )
