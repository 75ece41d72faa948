"""The log rows and deliveries that go with a transition."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from jobs.database import event_log, sql
from jobs.database.claimed_job import AnyJob
from jobs.database.event_log import Entry
from jobs.models import FINISHED_STATES, Delivery, EventType, JobState
from jobs.telemetry import counters


def count_ends(states: Iterable[JobState]) -> None:
    counters.own.count(counters.JOBS_FINISHED, [state.value for state in states if state in FINISHED_STATES])


def event(job: AnyJob, event: EventType, payload: dict[str, Any], now: datetime) -> Entry:
    return event_log.entry(
        event=event, job_id=job.id, user_id=job.user_id, attempt=job.attempt, payload=payload, now=now
    )


def insert(events: Sequence[Entry], deliveries: Sequence[Delivery]) -> None:
    event_log.append(events)
    sql.insert(
        Delivery,
        deliveries,
        uuid="uuid",
        user_id="uuid",
        job_id="bigint",
        kind="text",
        event="text",
        sequence="int",
        url="text",
        body="text",
        state="text",
        inserted_at="timestamptz",
        due_at="timestamptz",
        attempt="smallint",
    )
