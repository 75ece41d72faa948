"""So much in a minute: counted in this process, and with the others by shares that each leases out of one row.

A process lets a hundredth pass on credit before it asks the database at all, and leases a hundredth at a time after
that: who uses little costs no query, who uses much costs one for each hundredth of what is allowed, and up to ten
processes keep to a limit within a tenth. A minute slides: what the one before has used counts for as much of it as is
still within the last sixty seconds.
"""

import logging
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import Error, transaction
from django.db.models import F

from jobs.database.outages import Outage
from jobs.guarding import limits
from jobs.guarding.limits import DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS, QUARTER_HOUR_SECONDS, Limit
from jobs.models import Usage

logger = logging.getLogger(__name__)
_outage = Outage(logger, begins="limits can't be looked at, and refuse nobody", ends="limits are looked at again")

_SHARES = 100
_MOST_SUBJECTS = 50_000
# How often a process asks on behalf of one that has used all there is.
_ASK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How one subject stands after a request: what the RateLimit headers say."""

    limit: Limit
    allowed: int
    used: int
    seconds: int
    resets_in_seconds: float
    wait_seconds: float = 0.0
    is_over: bool = False

    @property
    def remaining(self) -> int:
        return 0 if self.is_over else max(0, self.allowed - self.used)

    def require(self) -> None:
        """Raises LimitReached if it is over."""
        if self.is_over:
            raise limits.LimitReached(self.limit, allowed=self.allowed, used=self.used, wait_seconds=self.wait_seconds)


@dataclass(slots=True)
class _Account:
    """What this process knows of one subject in one window."""

    window: int
    credit: int = 0
    leased: int = 0
    # What all have used, by the row, when it was last looked at; the share that was leased then included.
    known: int = 0
    # Whether it was looked at in this window, or is being.
    has_asked: bool = False
    # What this process let pass in the window before, of which no row may know.
    before: int = 0
    refused_until: float = 0.0
    wait_seconds: float = 0.0

    def used(self, *, part_gone: float) -> int:
        own = self.credit + math.ceil(self.before * (1 - part_gone))
        return max(own, self.known - self.leased)


class Rate:
    """A limit on how much in a window of `seconds`, for each of many subjects. Threads may share it."""

    def __init__(self, limit: Limit, *, seconds: int) -> None:
        self._limit = limit
        self._seconds = seconds
        self._lock = threading.Lock()
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def take(self, subject: str, *, amount: int = 1, allowed: int, now: datetime) -> Standing:
        """Takes `amount`, or nothing if it is over."""
        window, part_gone = self._window(now)
        share = allowed // _SHARES
        with self._lock:
            account = self._account(subject, window)
            if account.leased >= amount:
                account.leased -= amount
                return self._standing(account, allowed, part_gone)
            if not account.has_asked and account.credit + amount <= share:
                account.credit += amount
                return self._standing(account, allowed, part_gone)
            if now.timestamp() < account.refused_until:
                return self._standing(account, allowed, part_gone, is_over=True)
            # Told to the row once, by whoever is the first to ask.
            debt = 0 if account.has_asked else account.credit
            account.has_asked = True
        return self._lease(subject, account, amount=amount, debt=debt, share=share, allowed=allowed, now=now)

    def give_back(self, subject: str, *, amount: int = 1, now: datetime) -> None:
        """Takes back what should not have counted, for all processes, while its window lasts. One query at most."""
        window, _ = self._window(now)
        with self._lock:
            account = self._accounts.get(subject)
            if account is None or account.window != window:
                return
            if not account.has_asked:
                # No row knows of it.
                account.credit = max(0, account.credit - amount)
                return
            account.known = max(0, account.known - amount)
        rows = Usage.objects.filter(name=self._limit.name, subject=subject, at=self._end(window), used__gte=amount)
        rows.update(used=F("used") - amount)

    def is_refused(self, subject: str, *, now: datetime) -> bool:
        """Whether it was over a moment ago: without a query, and without taking anything."""
        with self._lock:
            account = self._accounts.get(subject)
        return account is not None and now.timestamp() < account.refused_until

    def standing(self, subject: str, *, allowed: int, now: datetime) -> Standing:
        """How it stands by the row and by what this process knows. One query."""
        window, part_gone = self._window(now)
        row = Usage.objects.filter(name=self._limit.name, subject=subject).first()
        used = 0 if row is None else self._used(row, window, part_gone)
        with self._lock:
            used = max(used, self._account(subject, window).used(part_gone=part_gone))
        return Standing(self._limit, allowed, used, self._seconds, self._seconds * (1 - part_gone))

    def forget(self) -> None:
        with self._lock:
            self._accounts.clear()

    def _window(self, now: datetime) -> tuple[int, float]:
        """The window's number, and which part of it is gone."""
        windows = now.timestamp() / self._seconds
        return math.floor(windows), windows % 1

    def _account(self, subject: str, window: int) -> _Account:
        account = self._accounts.get(subject)
        if account is None or account.window != window:
            is_next = account is not None and account.window == window - 1 and not account.has_asked
            spent = account.credit if account is not None and is_next else 0
            account = _Account(window, before=spent)
            if (old := self._accounts.pop(subject, None)) is not None:
                account.refused_until, account.wait_seconds = old.refused_until, old.wait_seconds
            self._accounts[subject] = account
            while len(self._accounts) > _MOST_SUBJECTS:
                self._accounts.popitem(last=False)
        return account

    def _standing(self, account: _Account, allowed: int, part_gone: float, *, is_over: bool = False) -> Standing:
        return Standing(
            self._limit,
            allowed,
            account.used(part_gone=part_gone),
            self._seconds,
            self._seconds * (1 - part_gone),
            account.wait_seconds,
            is_over,
        )

    def _lease(
        self, subject: str, account: _Account, *, amount: int, debt: int, share: int, allowed: int, now: datetime
    ) -> Standing:
        _, part_gone = self._window(now)
        try:
            granted, used, wait_seconds = self._ask(
                subject, amount=amount, debt=debt, share=share, allowed=allowed, now=now
            )
        except Error as error:
            # A database that is away refuses nobody: whatever the request is for will say so itself.
            _outage.fails(error)
            account.has_asked = account.known > 0
            return self._standing(account, allowed, part_gone)
        _outage.works()
        with self._lock:
            account.known = used
            if granted:
                account.leased += granted - amount
            else:
                account.wait_seconds = wait_seconds
                account.refused_until = now.timestamp() + min(wait_seconds, _ASK_AGAIN_SECONDS)
            return self._standing(account, allowed, part_gone, is_over=not granted)

    def _ask(
        self, subject: str, *, amount: int, debt: int, share: int, allowed: int, now: datetime
    ) -> tuple[int, int, float]:
        """What the row grants (`amount` or more, or nothing), what all have used then, and how long to wait."""
        window, part_gone = self._window(now)
        with transaction.atomic():
            row = self._locked(subject, window)
            row.previous, row.used = self._rolled(row, window)
            row.at = self._end(window)
            row.used += debt
            before = math.ceil(row.previous * (1 - part_gone))
            free = allowed - row.used - before
            granted = min(max(amount, share), free) if free >= amount else 0
            row.used += granted
            row.save()
        return granted, row.used + before, 0.0 if granted else self._wait(row, part_gone, allowed - amount)

    def _locked(self, subject: str, window: int) -> Usage:
        rows = Usage.objects.select_for_update(no_key=True).filter(name=self._limit.name, subject=subject)
        row = rows.first()
        if row is None:
            new = Usage(name=self._limit.name, subject=subject, at=self._end(window))
            Usage.objects.bulk_create([new], ignore_conflicts=True)
            row = rows.get()
        return row

    def _rolled(self, row: Usage, window: int) -> tuple[int, int]:
        """What was used in the window before this one, and in this one."""
        ended = round(row.at.timestamp() / self._seconds) - 1
        if ended == window:
            return row.previous, row.used
        return (row.used if ended == window - 1 else 0), 0

    def _used(self, row: Usage, window: int, part_gone: float) -> int:
        previous, used = self._rolled(row, window)
        return used + math.ceil(previous * (1 - part_gone))

    def _end(self, window: int) -> datetime:
        return datetime.fromtimestamp((window + 1) * self._seconds, UTC)

    def _wait(self, row: Usage, part_gone: float, most: int) -> float:
        """Until so much of the last window has slid out that no more than `most` is left."""
        if row.used <= most:
            return self._seconds * (1 - (most - row.used) / max(1, row.previous) - part_gone)
        return self._seconds * (1 - part_gone + 1 - max(0, most) / max(1, row.used))


requests = Rate(limits.REQUESTS, seconds=MINUTE_SECONDS)
anonymous = Rate(limits.ANONYMOUS, seconds=MINUTE_SECONDS)
stored_bytes = Rate(limits.STORED_BYTES, seconds=DAY_SECONDS)
sign_ins = Rate(limits.SIGN_INS, seconds=QUARTER_HOUR_SECONDS)
sign_ins_of_address = Rate(limits.SIGN_INS_OF_ADDRESS, seconds=QUARTER_HOUR_SECONDS)
sign_ins_of_account = Rate(limits.SIGN_INS_OF_ACCOUNT, seconds=QUARTER_HOUR_SECONDS)
resets_of_email = Rate(limits.RESETS_OF_EMAIL, seconds=HOUR_SECONDS)
resets_of_address = Rate(limits.RESETS_OF_ADDRESS, seconds=HOUR_SECONDS)
_ALL = (
    *(requests, anonymous, stored_bytes, sign_ins, sign_ins_of_address, sign_ins_of_account),
    *(resets_of_email, resets_of_address),
)


def forget() -> None:
    """What this process has counted and leased: for tests."""
    for rate in _ALL:
        rate.forget()
