"""The log is appended to, and nothing else: many rows in one statement."""

from collections.abc import Sequence

from jobs import sql
from jobs.models import LogEvent


def append(events: Sequence[LogEvent]) -> None:
    """Writes the events as they are, in one statement."""
    sql.insert(
        LogEvent,
        events,
        id="uuid",
        event="text",
        inserted_at="timestamptz",
        job_id="bigint",
        user_id="uuid",
        attempt="smallint",
        payload="jsonb",
    )
