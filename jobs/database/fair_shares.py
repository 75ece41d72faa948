"""What each tenant may have of a claim when more is due than fits: an equal share, however much one of them has."""

import random
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import connection

from jobs.database import sql

_MOST_TENANTS = 100
_TENANTS_DUE = """
WITH RECURSIVE tenants(user_id) AS (
    SELECT user_id FROM (SELECT user_id FROM {table} WHERE {waiting} ORDER BY user_id LIMIT 1) AS one
    UNION ALL
    SELECT (SELECT r.user_id FROM {table} r WHERE {waiting} AND r.user_id > t.user_id ORDER BY r.user_id LIMIT 1)
    FROM tenants t WHERE t.user_id IS NOT NULL
)
SELECT t.user_id FROM tenants t WHERE t.user_id IS NOT NULL AND (
    SELECT r.{due_at} FROM {table} r WHERE {waiting} AND r.user_id = t.user_id ORDER BY r.{due_at} LIMIT 1
) <= %(now)s
"""


def equal(
    limit: int, *, table: str, waiting: str, due_at: str, without: Collection[UUID] = (), now: datetime
) -> list[tuple[str, int]]:
    """(tenant, how many) for each with something due, or for as many as fit; none if that is fewer than two.

    Those `without` get nothing; where there are any, one tenant alone is answered as well. `waiting` is the condition,
    and `due_at` the second column, of an index on `table` that begins with the user: one probe or two for each tenant
    with something waiting, however much that is.
    """
    with connection.cursor() as cursor:
        statement = _TENANTS_DUE.format(table=table, waiting=waiting, due_at=due_at)
        cursor.execute(statement, {"now": sql.time_value(now)})
        found = [UUID(str(row[0])) for row in cursor.fetchall()]
    tenants = [tenant.hex for tenant in found if tenant not in without]
    if len(tenants) < 2 and not without:
        return []
    random.shuffle(tenants)
    share = -(-limit // max(1, min(len(tenants), _MOST_TENANTS)))
    return [(tenant, share) for tenant in tenants[: -(-limit // share)]]
