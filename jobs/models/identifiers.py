"""Identifiers that sort by the time they were made, so that an index on them grows at one end."""

import random
import threading
import time
import uuid
from datetime import datetime
from typing import Any

from django.db.models import Func, UUIDField

_TICKS_PER_MILLISECOND = 4096


class _Ticks:
    """The time in 1/4096 of a millisecond, never the same twice and never backwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self, count: int = 1) -> int:
        """The first of `count` that are the caller's."""
        tick = time.time_ns() * _TICKS_PER_MILLISECOND // 1_000_000
        with self._lock:
            first = max(tick, self._last + 1)
            self._last = first + count - 1
            return first


_ticks = _Ticks()


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): 48 bits of milliseconds, 12 bits of their fraction, 62 random bits.

    Two made by one process are in order even within a clock tick or when the clock is set back. They are unlike any
    other, and no secret.
    """
    return uuid.UUID(int=_at(_ticks.next()))


def uuid7_hexes(count: int) -> list[str]:
    """So many of them in their order, each as its 32 digits, for a tenth of the cost."""
    first = _ticks.next(count)
    return [f"{_at(tick):032x}" for tick in range(first, first + count)]


def _at(tick: int) -> int:
    milliseconds, fraction = divmod(tick, _TICKS_PER_MILLISECOND)
    # Seeded by the system, and anew after a fork.
    return milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random.getrandbits(62)


def earliest_uuid7(moment: datetime) -> uuid.UUID:
    """The lowest that `uuid7` makes from then on: what is less was made before."""
    milliseconds = int(moment.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


class RandomUUID(Func):
    """One that the database makes, for a row that a version writes which does not know the column."""

    template = "gen_random_uuid()"
    output_field = UUIDField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="lower(hex(randomblob(16)))", **context)
