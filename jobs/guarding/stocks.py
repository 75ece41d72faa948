"""So many at once: waiting jobs and schedules are counted when a share of what is allowed is used up, not each time.

A process makes a hundredth of what is allowed on credit, and leases a hundredth at a time after that out of one row,
which holds the last count and what was leased since. Only when that reaches the limit are the rows counted anew: up
to the limit, by an index.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from jobs.guarding import limits
from jobs.guarding.limits import Limit, LimitReached
from jobs.models import WAITING_STATES, Job, Schedule, Usage, User

_SHARES = 100
_MOST_SUBJECTS = 50_000
# Counting a million rows takes about as long as this pause after it, at most.
_PAUSE_SECONDS_PER_ROW = 1e-6
# What is made by hand is not soon fewer by itself.
_SELDOM_SECONDS = 60.0
# More than these are not counted for a page; the row's figure is taken.
_MOST_COUNTED = 100_000

Count = Callable[[UUID, int], int]
"""How many a user has, but no more than so many."""


def _waiting_jobs(user_id: UUID, most: int) -> int:
    return Job.objects.filter(user_id=user_id, state__in=WAITING_STATES)[:most].count()


def _schedules(user_id: UUID, most: int) -> int:
    return Schedule.objects.existing().filter(user_id=user_id)[:most].count()


@dataclass(slots=True)
class _Account:
    credit: int = 0
    leased: int = 0


class Stock:
    """A limit on how many a user may have at once. Threads may share it."""

    def __init__(self, limit: Limit, count: Count) -> None:
        self.limit = limit
        self._count = count
        self._lock = threading.Lock()
        self._accounts: dict[UUID, _Account] = {}

    def add(self, user_id: UUID, *, amount: int = 1, overrides: Mapping[str, int], now: datetime) -> None:
        """Raises LimitReached if `amount` more would be too many; the caller makes them after this."""
        allowed = limits.allowed(self.limit, overrides)
        if not allowed or not amount:
            return
        share = allowed // _SHARES
        with self._lock:
            if len(self._accounts) > _MOST_SUBJECTS:
                self._accounts.clear()
            account = self._accounts.setdefault(user_id, _Account())
            if account.leased >= amount:
                account.leased -= amount
                return
            if account.credit + amount <= share:
                account.credit += amount
                return
        granted = self._lease(user_id, amount=amount, share=share, allowed=allowed, now=now)
        with self._lock:
            account.leased += granted - amount

    def used(self, user_id: UUID) -> int:
        """How much is used, as far as it can be told cheaply: exact up to a hundred thousand."""
        counted = self._count(user_id, _MOST_COUNTED)
        if counted < _MOST_COUNTED:
            return counted
        told = Usage.objects.filter(name=self.limit.name, subject=user_id.hex).values_list("used", flat=True).first()
        return max(counted, told or 0)

    def forget(self) -> None:
        with self._lock:
            self._accounts.clear()

    def _lease(self, user_id: UUID, *, amount: int, share: int, allowed: int, now: datetime) -> int:
        with transaction.atomic():
            row = self._locked(user_id, most=allowed + 1, now=now)
            if row.used + max(amount, share) > allowed and now >= row.at:
                row.used = self._count(user_id, allowed + 1)
                row.at = now + timedelta(seconds=allowed * _PAUSE_SECONDS_PER_ROW) if row.used > _MOST_COUNTED else now
            granted = 0
            if row.used + amount <= allowed:
                granted = min(max(amount, share), allowed - row.used)
                row.used += granted
            row.save()
        if not granted:
            raise LimitReached(self.limit, allowed=allowed, used=min(row.used, allowed), wait_seconds=_wait(row, now))
        return granted

    def _locked(self, user_id: UUID, *, most: int, now: datetime) -> Usage:
        rows = Usage.objects.select_for_update(no_key=True).filter(name=self.limit.name, subject=user_id.hex)
        row = rows.first()
        if row is None:
            new = Usage(name=self.limit.name, subject=user_id.hex, used=self._count(user_id, most), at=now)
            Usage.objects.bulk_create([new], ignore_conflicts=True)
            row = rows.get()
        return row


def _wait(row: Usage, now: datetime) -> float:
    return (row.at - now).total_seconds()


waiting_jobs = Stock(limits.WAITING_JOBS, _waiting_jobs)
schedules = Stock(limits.SCHEDULES, _schedules)


def require_room(limit: Limit, rows: QuerySet[Any], *, amount: int = 1, user_id: UUID) -> None:
    """Raises LimitReached if `amount` more than the user's `rows` would be too many.

    For what is made so rarely that it can be counted each time. Two queries.
    """
    overrides = User.objects.filter(id=user_id).values_list("limits", flat=True).first()
    allowed = limits.allowed(limit, overrides or {})
    if allowed and (used := rows[: allowed + 1].count()) + amount > allowed:
        raise LimitReached(limit, allowed=allowed, used=used, wait_seconds=_SELDOM_SECONDS)


def forget() -> None:
    """What this process has counted and leased: for tests."""
    for stock in (waiting_jobs, schedules):
        stock.forget()
