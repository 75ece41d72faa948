"""Whether anything is under a lease that has run out: a look between the workers that live, not at what those hold."""

from datetime import datetime

from django.db import connection

from jobs.database import sql

# What a worker has held and an old snapshot keeps in the index lies at that worker's id: a look at the ids between
# those of the living passes it by.
_ANY = """
WITH ends(id) AS (
    SELECT {lowest} UNION ALL SELECT id FROM jobs_process WHERE lease_expires_at > %(now)s
),
gaps(after_id, before_id) AS (SELECT id, lead(id, 1, {highest}) OVER (ORDER BY id) FROM ends)
SELECT 1 FROM gaps WHERE (
    SELECT worker_id FROM {table} WHERE {leased} AND worker_id > gaps.after_id AND worker_id < gaps.before_id
    ORDER BY worker_id LIMIT 1
) IS NOT NULL LIMIT 1
"""


def are_any(table: str, *, leased: str, now: datetime) -> bool:
    """`leased` is the condition of an index on `table` by `worker_id`."""
    cast = "::uuid" if sql.is_postgresql() else ""
    lowest, highest = f"'{'0' * 32}'{cast}", f"'{'f' * 32}'{cast}"
    with connection.cursor() as cursor:
        statement = _ANY.format(table=table, leased=leased, lowest=lowest, highest=highest)
        cursor.execute(statement, {"now": sql.time_value(now)})
        return cursor.fetchone() is not None
