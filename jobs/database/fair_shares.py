"""What each tenant may have of a claim when more is due than fits: an equal share, however much one of them has."""

import random
import time
from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from jobs.database import sql
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.lower_bounds import Look, LowerBounds, Mark

_MOST_TENANTS = 100
_MOST_RECENT = 1000
# What is committed later than this after its time is not among the recent.
_COMMITTED_WITHIN = timedelta(seconds=1)
_TENANTS_DUE = """
WITH RECURSIVE firsts(id) AS (
    SELECT id FROM (SELECT id FROM {table} WHERE {waiting} ORDER BY user_id, {due_at}, id LIMIT 1) AS one
    UNION ALL
    SELECT (
        SELECT r.id FROM {table} r
        WHERE {waiting} AND r.user_id > (SELECT c.user_id FROM {table} c WHERE c.id = f.id)
        ORDER BY r.user_id, r.{due_at}, r.id LIMIT 1
    )
    FROM firsts f WHERE f.id IS NOT NULL
)
SELECT t.user_id, t.{due_at}, t.id FROM firsts f JOIN {table} t ON t.id = f.id WHERE t.{due_at} <= %(now)s
"""
_TENANTS_RECENT = """
SELECT DISTINCT user_id FROM (
    SELECT user_id FROM {table} WHERE {waiting} AND {due_at} > %(after)s AND {due_at} <= %(now)s
    ORDER BY {due_at} DESC, id DESC LIMIT {limit}
) AS recent
"""


class Tenants:
    """Who has something due, as far as one process knows, and from where to look for it. For one thread.

    All of them are looked for at a pace that follows what it costs, which an old snapshot makes dear (see
    jobs.database.lower_bounds); in between, who has something that came due a moment ago joins them.
    """

    def __init__(self, bounds: LowerBounds, *, table: str, waiting: str, due_at: str) -> None:
        """`waiting` is the condition of an index on `table` by (user, `due_at`, id), and of one by (`due_at`, id).

        `bounds` are also those of looks at all that is due, whoever it is of.
        """
        self._words = {"table": table, "waiting": waiting, "due_at": due_at}
        self._bounds = bounds
        self._known: set[str] = set()

    def shares(
        self, limit: int, *, without: Collection[UUID] = (), bounds: ClaimBounds = NONE, now: datetime
    ) -> list[Look]:
        """A look for each with something due, or for as many as fit; none if that is fewer than two.

        Those `without` and those that are full get nothing; where there are any, or full hosts, one tenant alone is
        answered as well.
        """
        looked_at = self._bounds.all_looked_at(now=now)
        if looked_at is None:
            self._find_all(now)
        else:
            self._find_recent(looked_at, now)
        left_out = {user_id.hex for user_id in (*without, *bounds.full)}
        tenants = sorted(self._known - left_out)
        if len(tenants) < 2 and not without and not bounds.are_tight:
            return []
        random.shuffle(tenants)
        share = -(-limit // max(1, min(len(tenants), _MOST_TENANTS)))
        chosen = tenants[: -(-limit // share)]
        return [self._look(tenant, share, bounds, now=now) for tenant in chosen]

    def _look(self, tenant: str, share: int, bounds: ClaimBounds, *, now: datetime) -> Look:
        user_id = UUID(tenant)
        mark, passed_over = self._bounds.mark(tenant, now=now), bounds.full_hosts.get(user_id, ())
        return Look(bounds.cut(share, user_id), mark, tenant, passed_over)

    def note(self, looks: Sequence[Look], first_of: Mapping[Hashable, Mark], *, seconds: float, now: datetime) -> None:
        """What the `looks` have found first of each tenant."""
        for look in looks:
            if look.passed_over:
                continue
            first = first_of.get(look.key)
            self._bounds.note(look.key, began=look.mark, first=first, seconds=seconds, now=now)
            if first is None:
                self._known.discard(str(look.key))

    def _find_all(self, now: datetime) -> None:
        began = time.monotonic()
        rows = self._rows(_TENANTS_DUE, {"now": sql.time_value(now)})
        seconds = time.monotonic() - began
        self._known = set()
        firsts: dict[Hashable, Mark] = {
            self._add(user_id): Mark(sql.time_from_row(due_at), row_id) for user_id, due_at, row_id in rows
        }
        self._bounds.note_all(firsts, seconds=seconds, now=now)

    def _find_recent(self, looked_at: datetime, now: datetime) -> None:
        after = looked_at - _COMMITTED_WITHIN
        parameters = {"after": sql.time_value(after), "now": sql.time_value(now)}
        for (user_id,) in self._rows(_TENANTS_RECENT, parameters, limit=_MOST_RECENT):
            if UUID(str(user_id)).hex not in self._known:
                self._bounds.begin(self._add(user_id), Mark(after), now=now)

    def _rows(self, statement: str, parameters: dict[str, Any], **words: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**self._words, **words), parameters)
            return list(cursor.fetchall())

    def _add(self, user_id: Any) -> str:
        tenant = UUID(str(user_id)).hex
        self._known.add(tenant)
        return tenant
