"""What time it is: the database's clock, so that processes agree and a stepped machine clock steals no lease."""

import math
import threading
import time
from datetime import UTC, datetime, timedelta

from django.db import Error, connection

_REREAD_SECONDS = 10.0
# What a clock is off by more than this, all of a sudden, it was set; less is how clocks are kept in time.
_STEP = timedelta(seconds=1)


class Clock:
    """Reads the database's clock now and then and counts on from there with the monotonic one.

    SQLite has no clock of its own: there it is this machine's, which all processes of such an instance share.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._time = datetime.now(UTC)
        self._read_at: float | None = None
        self._stepped_at = -math.inf

    def now(self) -> datetime:
        if connection.vendor != "postgresql":
            return self.reread()
        with self._lock:
            if self._read_at is None or time.monotonic() - self._read_at > _REREAD_SECONDS:
                try:
                    self._set(*_read())
                except Error:
                    if self._read_at is None:
                        raise
            return self._counted_on(time.monotonic())

    def reread(self) -> datetime:
        reading, asked_at = _read()
        with self._lock:
            self._set(reading, asked_at)
        return reading

    def seconds_since_step(self) -> float:
        with self._lock:
            return time.monotonic() - self._stepped_at

    def _set(self, reading: datetime, asked_at: float) -> None:
        answered_at = time.monotonic()
        if self._read_at is not None:
            # It was read at some moment between the question and the answer, which may be far apart.
            earliest, latest = self._counted_on(asked_at) - _STEP, self._counted_on(answered_at) + _STEP
            if not earliest <= reading <= latest:
                self._stepped_at = answered_at
        self._time, self._read_at = reading, answered_at

    def _counted_on(self, monotonic: float) -> datetime:
        assert self._read_at is not None
        return self._time + timedelta(seconds=monotonic - self._read_at)


def _read() -> tuple[datetime, float]:
    """What the clock says, and when it was asked by the monotonic one. Raises what the database's driver raises."""
    asked_at = time.monotonic()
    if connection.vendor != "postgresql":
        return datetime.now(UTC), asked_at
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0], asked_at


_clock = Clock()


def now() -> datetime:
    """An aware datetime in UTC. One query each ten seconds on PostgreSQL, none on SQLite."""
    return _clock.now()


def reread() -> datetime:
    """The same, asked of the database this very moment: for leases, which others judge by a clock of their own."""
    return _clock.reread()


def seconds_since_step() -> float:
    """Since this process noticed that the clock was set, or the machine had slept; infinite where it never did."""
    return _clock.seconds_since_step()
