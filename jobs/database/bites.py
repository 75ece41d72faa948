"""How many rows one transaction after another takes, so that none of them holds up others for long.

SQLite has one writer at a time, and who writes again at once is there before those who wait: each of them looks every
few milliseconds. So whoever takes a bite breathes before the next one, and where others waited, for as long as it took.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.database import sql, standing_back

_FEWEST, _FIRST, _MOST = 50, 50, 500
# What one of them is to take, as nearly as the one before tells.
_WANTED_SECONDS = 0.03
# Longer than who waits for SQLite pauses between two looks.
_BREATH_SECONDS, _LONGEST_BREATH_SECONDS = 0.005, 0.1


class Bites:
    """Ask for the `size` of each, and do it inside `with`. For one thread."""

    def __init__(self, *, fewest: int | None = None, most: int = _MOST) -> None:
        """`fewest`, which the first of them has too, is for rows of which each may take long."""
        self._fewest, self._most = _FEWEST if fewest is None else fewest, most
        self._size = _FIRST if fewest is None else fewest
        self._began: float | None = None
        self._breath_seconds = 0.0

    @property
    def size(self) -> int:
        return min(self._size, self._most)

    def __enter__(self) -> None:
        if self._began is not None and not sql.is_postgresql():
            time.sleep(self._breath_seconds)
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - (self._began or 0.0)
        self._breath_seconds = max(_BREATH_SECONDS, _left_to_others(seconds))
        self._size = min(_MOST, max(self._fewest, int(self.size * _WANTED_SECONDS / max(seconds, 0.001))))


@contextmanager
def whole(*, is_large: bool) -> Iterator[None]:
    """For what has to be one transaction. A large one begins when no others wait, and they are let in after it."""
    if not is_large:
        yield
        return
    began = time.monotonic()
    with standing_back.standing_back():
        yield
    if seconds := _left_to_others(time.monotonic() - began):
        time.sleep(seconds)


def _left_to_others(took: float) -> float:
    """How long others are left alone after a transaction that `took` so long, and has just ended."""
    return min(took, _LONGEST_BREATH_SECONDS) if standing_back.others_wait() else 0.0
