"""The log is appended to, and nothing else: many rows in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from booper.content import exact_json
from jobs.database import sql
from jobs.models import EventType, sealed_json_field
from jobs.models.identifiers import uuid7_hexes

Entry = tuple[str, str, int, str, int, str]
"""A row of the log in the order of _COLUMNS, without its id."""

_COLUMNS = {
    "id": "uuid",
    "event": "text",
    "inserted_at": "timestamptz",
    "job_id": "bigint",
    "user_id": "uuid",
    "attempt": "smallint",
    "payload": "text",
}


def entry(
    *, event: EventType, job_id: int, user_id: UUID, payload: dict[str, Any], now: datetime, attempt: int = 0
) -> Entry:
    """A row of the log, to be appended, which gives it its id. Of a request the headers are encrypted."""
    is_request = event is EventType.REQUEST
    text = sealed_json_field.dumps(payload) if is_request else exact_json.dumps(payload).decode()
    return (event, sql.time_text(now), job_id, user_id.hex, attempt, text)


def append(entries: Sequence[Entry]) -> None:
    rows = [(identifier, *item) for item, identifier in zip(entries, uuid7_hexes(len(entries)), strict=True)]
    sql.insert_rows("jobs_logevent", rows, **_COLUMNS)
