"""Transactions that stay open: what has died since they began is kept for them, and every look walks past it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from jobs.database import sql

# One of another role is seen, but not since when it is there, unless ours may read all statistics (pg_monitor).
_OPEN = """
SELECT pid, COALESCE(NULLIF(application_name, ''), 'an application without a name'), COALESCE(usename, '?'),
    COALESCE(state, 'unknown'), EXTRACT(epoch FROM clock_timestamp() - xact_start)::float8
FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()
    AND backend_type IN ('client backend', 'parallel worker', 'logical replication worker')
UNION ALL
SELECT NULL, 'prepared ' || gid, owner, 'prepared', EXTRACT(epoch FROM clock_timestamp() - prepared)::float8
FROM pg_prepared_xacts WHERE database = current_database()
ORDER BY 5 DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """One that is open for `seconds`. `pid` is None for one that was prepared, and has no process."""

    pid: int | None
    application: str
    role: str
    state: str
    seconds: float


def oldest(*, limit: int) -> Sequence[OpenTransaction]:
    """Finds the oldest of other connections to this database. None on SQLite, where they hold up nothing for long."""
    if not sql.is_postgresql():
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"limit": limit})
        return [OpenTransaction(*row) for row in cursor.fetchall()]
