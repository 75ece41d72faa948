"""The parts of the log, one a day, on PostgreSQL: made ahead of time, dropped once their last row is too old.

Dropping takes no time, however many rows there are. What has no day of its own, as the clock of who wrote it was wrong
or nobody made one, stands in a part for all the rest, and goes row by row.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from jobs.database import sql
from jobs.models.identifiers import earliest_uuid7

logger = logging.getLogger(__name__)

_LOG = "jobs_logevent"
_DAY = timedelta(days=1)
# So long nobody has to be there to make one.
_DAYS_AHEAD = 7
# Who waits for the lock on the log holds up all behind it: rather the next round tries again.
_LOCK_MILLISECONDS = 100
_PARTS = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the log, with the time from which on, and until when, its rows were written; None: no end."""

    table: str
    begins_at: datetime | None
    ends_at: datetime | None

    @property
    def is_day(self) -> bool:
        return self.begins_at is not None and self.ends_at is not None

    @property
    def is_rest(self) -> bool:
        return self.begins_at is None and self.ends_at is None


def parts() -> Sequence[Part]:
    """The parts in no order; none where the log is one table."""
    if not sql.is_postgresql():
        return []
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, [_LOG])
        return [_part(table, bounds) for table, bounds in cursor.fetchall()]


def _part(table: str, bounds: str) -> Part:
    """`bounds` as PostgreSQL tells them: FOR VALUES FROM ('01…') TO ('01…'), FROM (MINVALUE) …, or DEFAULT."""
    begins, ends = (re.search(rf"{word} \('([0-9a-f-]+)'\)", bounds) for word in ("FROM", "TO"))
    return Part(table, _moment(begins), _moment(ends))


def _moment(found: re.Match[str] | None) -> datetime | None:
    return None if found is None else datetime.fromtimestamp((UUID(found[1]).int >> 80) / 1000, UTC)


def maintain(*, before: datetime, now: datetime) -> int:
    """Makes the parts of the days to come, and drops those that ended `before` then; how many were dropped."""
    found = parts()
    if not found:
        return 0
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(_DAYS_AHEAD + 1):
        day = today + number * _DAY
        if not any(_holds(part, day) for part in found):
            _change(f"a part for {day:%Y-%m-%d} could not be made", *_make(day))
    old = [part for part in found if part.ends_at is not None and part.ends_at <= before]
    return sum(_change(f"{part.table} could not be dropped", f"DROP TABLE {part.table}") for part in old)


def _holds(part: Part, day: datetime) -> bool:
    return (
        not part.is_rest
        and (part.begins_at is None or part.begins_at <= day)
        and (part.ends_at is None or day < part.ends_at)
    )


def _make(day: datetime) -> list[str]:
    """Attached rather than made in place, which would lock the whole log."""
    table = f"{_LOG}_{day:%Y%m%d}"
    bounds = f"FROM ('{earliest_uuid7(day)}') TO ('{earliest_uuid7(day + _DAY)}')"
    return [
        f"CREATE TABLE {table} (LIKE {_LOG} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        f"ALTER TABLE {_LOG} ATTACH PARTITION {table} FOR VALUES {bounds}",
    ]


def _change(failure: str, *statements: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}")
            for statement in statements:
                cursor.execute(statement)
    except DatabaseError as error:
        # Somebody reads or writes, or another worker was quicker. Rows have a place all the same.
        logger.warning("%s, it is tried again in a minute: %s", failure, error)
        return False
    return True


_DELETE = """
DELETE FROM {table} WHERE id = ANY(ARRAY(
    SELECT id FROM {table} WHERE id < %(before)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
)) RETURNING id
"""


def delete_rows(part: Part, *, before: datetime, after: UUID, limit: int) -> list[UUID]:
    """Deletes the oldest rows of a part that is not a day, among those with an id `after` that; their ids."""
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"before": earliest_uuid7(before), "after": after, "limit": limit}
        cursor.execute(_DELETE.format(table=part.table), parameters)
        return [row[0] for row in cursor.fetchall()]
