"""A line on the terminal that says that something takes its time, gone when it is over."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_AFTER_SECONDS = 1.0
_CLEAR = "\r\x1b[K"


@contextmanager
def shown_while(what: str) -> Iterator[None]:
    """After a second of the block: `asking http://… 3 s` on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    is_over = threading.Event()
    thread = threading.Thread(target=_count, args=(what, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _count(what: str, is_over: threading.Event) -> None:
    began = time.monotonic()
    wait_seconds, is_written = _AFTER_SECONDS, False
    while not is_over.wait(wait_seconds):
        sys.stderr.write(f"{_CLEAR}{what} {time.monotonic() - began:.0f} s")
        sys.stderr.flush()
        wait_seconds, is_written = 0.5, True
    if is_written:
        sys.stderr.write(_CLEAR)
        sys.stderr.flush()
