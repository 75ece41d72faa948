"""What a lane of a process remembers of its looks for what is due, so that they cost by what is alive."""

import time
from collections.abc import Collection, Hashable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from jobs.database import lower_bounds, sql
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.fair_shares import Tenants
from jobs.database.lower_bounds import Look, LowerBounds, Mark, firsts

_FIRST_DUE = """
SELECT {due_at}, id FROM {table} WHERE {waiting} AND {due_at} <= %(now)s {behind} ORDER BY {due_at}, id LIMIT 1
"""


class DueLooks:
    """The marks from where to look, for all that is due and for each tenant. For one thread; a new one has no mark."""

    def __init__(self, *, table: str, waiting: str, due_at: str) -> None:
        """The arguments are those of jobs.database.fair_shares.Tenants."""
        self._words = {"table": table, "waiting": waiting, "due_at": due_at}
        self._bounds = LowerBounds()
        self._tenants = Tenants(self._bounds, **self._words)

    def finds_any(self, *, now: datetime) -> bool:
        """Whether anything is due."""
        look = Look(1, self._bounds.mark(now=now))
        (behind,), parameters = lower_bounds.conditions([look], self._words["due_at"])
        began = time.monotonic()
        with connection.cursor() as cursor:
            statement = _FIRST_DUE.format(**self._words, behind=behind)
            cursor.execute(statement, {"now": sql.time_value(now), **parameters})
            found = cursor.fetchone()
        first = None if found is None else Mark(sql.time_from_row(found[0]), found[1])
        self._bounds.note(began=look.mark, first=first, seconds=time.monotonic() - began, now=now)
        return found is not None

    def chosen(
        self,
        limit: int,
        *,
        is_crowded: bool,
        without: Collection[UUID] = (),
        bounds: ClaimBounds = NONE,
        now: datetime,
    ) -> list[Look]:
        """Where a claim is to look: in one place, or (`is_crowded`) in one for each tenant with something due.

        Nowhere, if all of them are those `without` or full, past whose rows nobody is to wade: they may be a million.
        """
        by_tenant = bool(without) or bounds.are_tight
        shares: list[Look] = []
        if is_crowded or by_tenant:
            shares = self._tenants.shares(limit, without=without, bounds=bounds, now=now)
        return shares if shares or by_tenant else [Look(bounds.cut(limit), self._bounds.mark(now=now))]

    def note(
        self, looks: Sequence[Look], found: Iterable[tuple[Hashable, Mark]], *, seconds: float, now: datetime
    ) -> None:
        """The tenant and the mark of each row that the `looks` have `found`."""
        if looks[0].key is None:
            first = min((mark for _, mark in found), default=None)
            self._bounds.note(began=looks[0].mark, first=first, seconds=seconds, now=now)
        else:
            self._tenants.note(looks, firsts(found), seconds=seconds, now=now)
