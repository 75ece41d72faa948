"""What time it is: the database's clock, so that processes agree and a stepped machine clock steals no lease."""

import threading
import time
from datetime import UTC, datetime, timedelta

from django.db import Error, connection

_REREAD_SECONDS = 10.0


class Clock:
    """Reads the database's clock now and then and counts on from there with the monotonic one.

    SQLite has no clock of its own: there it is this machine's, which all processes of such an instance share.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._database_time = datetime.now(UTC)

    def now(self) -> datetime:
        if connection.vendor != "postgresql":
            return datetime.now(UTC)
        with self._lock:
            monotonic = time.monotonic()
            if self._read_at is None or monotonic - self._read_at > _REREAD_SECONDS:
                self._reread()
                monotonic = time.monotonic()
            assert self._read_at is not None
            return self._database_time + timedelta(seconds=monotonic - self._read_at)

    def _reread(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                self._database_time = cursor.fetchone()[0]
                self._read_at = time.monotonic()
        except Error:
            if self._read_at is None:
                raise


_clock = Clock()


def now() -> datetime:
    """An aware datetime in UTC. One query each ten seconds on PostgreSQL, none on SQLite."""
    return _clock.now()
