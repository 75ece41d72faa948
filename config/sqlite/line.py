"""The line of those who wait to write to a SQLite file, in whatever process, for whoever could wait longer to see."""

import fcntl
import os
from pathlib import Path


class Line:
    """One waiter's place, for one thread. It goes with its process, however that ends.

    Each who waits has a shared lock of a file beside the database; whoever could have it alone sees nobody there.
    Where a file can't be locked, nobody is seen.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._is_in = False

    def enter(self) -> None:
        """Does nothing if somebody is just looking: who waits comes again."""
        if not self._is_in:
            self._is_in = self._lock(fcntl.LOCK_SH) is True

    def leave(self) -> None:
        if self._is_in:
            self._is_in = False
            self._lock(fcntl.LOCK_UN)

    def is_empty(self) -> bool:
        """Whether nobody else is in it, as seen by who is not."""
        is_locked = self._lock(fcntl.LOCK_EX)
        if is_locked:
            self._lock(fcntl.LOCK_UN)
        return is_locked is not False

    def close(self) -> None:
        descriptor, self._descriptor, self._is_in = self._descriptor, None, False
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()

    def _lock(self, kind: int) -> bool | None:
        """False if somebody else has it, None if that can't be known."""
        try:
            if self._descriptor is None:
                # Only once somebody has to wait: a file for each connection would else be open for nothing.
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True
