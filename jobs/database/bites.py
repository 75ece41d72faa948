"""How many rows one transaction after another takes, so that none of them holds up others for long.

SQLite has one writer at a time, and who writes again at once is there before those who wait: each of them looks every
few milliseconds.
"""

import time

from jobs.database import sql

_FEWEST, _FIRST, _MOST = 50, 100, 500
# What one of them is to take, as nearly as the one before tells.
_WANTED_SECONDS = 0.03
# Longer than who waits for SQLite pauses between two looks.
_BREATH_SECONDS = 0.005


class Bites:
    """Ask for the `size` of each, and do it inside `with`. For one thread."""

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._size = _FIRST
        self._began: float | None = None

    @property
    def size(self) -> int:
        return min(self._size, self._most)

    def __enter__(self) -> None:
        if self._began is not None and not sql.is_postgresql():
            time.sleep(_BREATH_SECONDS)
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - (self._began or 0.0)
        self._size = min(_MOST, max(_FEWEST, int(self.size * _WANTED_SECONDS / max(seconds, 0.001))))
