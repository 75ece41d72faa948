"""The bodies of callbacks and webhooks, as the contract gives them."""

from datetime import datetime
from typing import Any

from booper.content import payloads, redaction
from booper.timing.timestamps import timestamp
from jobs.database.claimed_job import AnyJob
from jobs.models import Delivery, DeliveryKind, tags


def callback(
    job: AnyJob, *, state: str, response: dict[str, Any] | None, error: dict[str, Any] | None, now: datetime
) -> Delivery:
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


def webhook(job: AnyJob, event: str, *, sequence: int, payload: dict[str, Any], now: datetime) -> Delivery:
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
) -> Delivery:
    body = payloads.encode({"type": event, "timestamp": timestamp(now), "data": data})
    return Delivery(
        user_id=job.user_id,
        job_id=job.id,
        kind=kind,
        event=event,
        sequence=sequence,
        url=url or "",
        body=body.decode(),
        inserted_at=now,
        due_at=now,
    )
