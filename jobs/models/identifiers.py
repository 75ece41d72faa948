"""Identifiers that sort by the time they were made, so that an index on them grows at one end."""

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last_tick = 0
_TICKS_PER_MILLISECOND = 4096


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): 48 bits of milliseconds, 12 bits of their fraction, 62 random bits.

    Two made by one process are in order even within a clock tick or when the clock is set back.
    """
    global _last_tick
    tick = time.time_ns() * _TICKS_PER_MILLISECOND // 1_000_000
    with _lock:
        tick = _last_tick = max(tick, _last_tick + 1)
    milliseconds, fraction = divmod(tick, _TICKS_PER_MILLISECOND)
    randomness = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | randomness)
