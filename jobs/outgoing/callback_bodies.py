"""Callbacks and webhooks as they are to be sent, with their bodies as the contract gives them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from booper.content import payloads, redaction
from booper.timing.timestamps import timestamp
from jobs.database import sql
from jobs.database.claimed_job import AnyJob
from jobs.models import DeliveryKind, DeliveryState, tags
from jobs.models.identifiers import uuid7_hexes

NewDelivery = tuple[str, int, str, str, int | None, str, str, str, str, str, int]
"""A row in the order of _COLUMNS, without its uuid: a model instance would cost ten times as much."""

_COLUMNS = {
    "uuid": "uuid",
    "user_id": "uuid",
    "job_id": "bigint",
    "kind": "text",
    "event": "text",
    "sequence": "int",
    "url": "text",
    "body": "text",
    "state": "text",
    "inserted_at": "timestamptz",
    "due_at": "timestamptz",
    "attempt": "smallint",
}
_PENDING = DeliveryState.PENDING.value


def callback(
    job: AnyJob, *, state: str, response: dict[str, Any] | None, error: dict[str, Any] | None, now: datetime
) -> NewDelivery:
    data = {
        "id": str(job.uuid),
        "job_id": job.id,
        "schedule_id": None if job.schedule_id is None else str(job.schedule_id),
        "name": job.name,
        "tags": tags.listed(job.tags),
        "state": state,
        "attempt": job.attempt,
        "request": {"method": job.method, "url": job.url},
        "response": response,
        "error": error,
    }
    return _delivery(job, DeliveryKind.CALLBACK, "job.result", job.callback_url, None, data, now)


def webhook(job: AnyJob, event: str, *, sequence: int, payload: dict[str, Any], now: datetime) -> NewDelivery:
    data = {
        "job_id": job.id,
        "id": str(job.uuid),
        "schedule_id": None if job.schedule_id is None else str(job.schedule_id),
        "tags": tags.listed(job.tags),
        "attempt": job.attempt,
        "sequence": sequence,
        "payload": redaction.without_credentials(payload),
    }
    return _delivery(job, DeliveryKind.WEBHOOK, event, job.webhook_url, sequence, data, now)


def _delivery(
    job: AnyJob,
    kind: DeliveryKind,
    event: str,
    url: str | None,
    sequence: int | None,
    data: dict[str, Any],
    now: datetime,
) -> NewDelivery:
    at = sql.time_text(now)
    body = payloads.encode({"type": event, "timestamp": timestamp(now), "data": data}).decode()
    return (job.user_id.hex, job.id, kind.value, event, sequence, url or "", body, _PENDING, at, at, 0)


def insert(deliveries: Sequence[NewDelivery]) -> None:
    """All in one statement, in their order."""
    rows = [(identifier, *row) for row, identifier in zip(deliveries, uuid7_hexes(len(deliveries)), strict=True)]
    sql.insert_rows("jobs_delivery", rows, **_COLUMNS)
