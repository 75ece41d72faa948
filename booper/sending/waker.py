"""Ends a wait on a selector from any thread."""

from __future__ import annotations

import contextlib
import os
import threading


class Waker:
    """A pipe that a selector watches; `wake` makes it readable."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._is_closed = False

    def fileno(self) -> int:
        """The end to watch for reading."""
        return self._reader

    def wake(self) -> None:
        """Wakes whoever waits. Any thread may call it; it does nothing once closed."""
        # The lock: between the check and the write, the number of a closed pipe may become somebody else's file.
        with self._lock:
            if not self._is_closed:
                # A full pipe is readable, which is all there is to do.
                with contextlib.suppress(BlockingIOError):
                    os.write(self._writer, b"\0")

    def drain(self) -> None:
        """Makes it unreadable again, until the next `wake`."""
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self._reader, 4096)) == 4096:
                pass

    def close(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self._reader)
                os.close(self._writer)
