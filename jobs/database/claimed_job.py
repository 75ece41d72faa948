"""A job under a worker's lease: the columns that an attempt needs, read by the claim itself."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from jobs.database import returned
from jobs.models import Job, sealed_json_field


@dataclass(slots=True)
class Claimed:
    """A tenth of the cost of a model instance, of which a busy worker makes thousands a second."""

    id: int
    uuid: UUID
    user_id: UUID
    schedule_id: UUID | None
    queue_id: int | None
    args: dict[str, Any]
    method: str
    url: str
    name: str | None
    callback_url: str | None
    webhook_url: str | None
    timeout_seconds: float
    max_attempts: int
    backoff_seconds: list[float] | None
    tags: str | None
    scheduled_at: datetime
    attempted_at: datetime
    occurrence_at: datetime | None
    state: str
    attempt: int
    event_count: int
    handed_back: int
    # Of one that follows another, as JSON text.
    parent_answer: str | None = None
    # One without two braces refers to no secret.
    may_have_secrets: bool = True


AnyJob = Job | Claimed
_NAMES = [field.name for field in fields(Claimed) if field.name != "may_have_secrets"]
_UUIDS = ("uuid", "user_id", "schedule_id")
_TIMES = ("scheduled_at", "attempted_at", "occurrence_at")


@cache
def columns() -> str:
    """What a statement returns of each row, for `from_row`."""
    return returned.columns("jobs_job", _NAMES, times=_TIMES)


def from_row(row: tuple[Any, ...]) -> Claimed:
    """Takes a row of `columns` as the driver returns it, JSON being text."""
    job = Claimed(*row)
    text: Any = job.args
    job.args = sealed_json_field.loads(text)
    headers = job.args.get("headers")
    # Encrypted, a reference in them can't be seen in the text.
    job.may_have_secrets = "{{" in text or (bool(headers) and "{{" in str(headers))
    if job.backoff_seconds is not None:
        job.backoff_seconds = json.loads(str(job.backoff_seconds))
    returned.make_values(job, uuids=_UUIDS, times=_TIMES)
    return job
