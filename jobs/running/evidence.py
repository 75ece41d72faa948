"""The log rows and deliveries that go with a transition."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from jobs.database import event_log
from jobs.database.claimed_job import AnyJob
from jobs.database.event_log import Entry
from jobs.models import FINISHED_STATES, EventType, JobState
from jobs.outgoing import callback_bodies
from jobs.outgoing.callback_bodies import NewDelivery
from jobs.telemetry import counters

Rows = tuple[list[Entry], list[NewDelivery]]


def count_ends(states: Iterable[JobState]) -> None:
    counters.own.count(counters.JOBS_FINISHED, [state.value for state in states if state in FINISHED_STATES])


def event(job: AnyJob, event: EventType, payload: dict[str, Any], now: datetime) -> Entry:
    return event_log.entry(
        event=event, job_id=job.id, user_id=job.user_id, attempt=job.attempt, payload=payload, now=now
    )


def insert(events: Sequence[Entry], deliveries: Sequence[NewDelivery]) -> None:
    event_log.append(events)
    callback_bodies.insert(deliveries)
