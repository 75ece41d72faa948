"""Whoever writes much at once to SQLite lets those go first who wait to write: config.sqlite asks for it here."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_of_thread = threading.local()


@contextmanager
def standing_back() -> Iterator[None]:
    """What begins to write in it, in this thread, does so when nobody else waits, or when it has waited for long."""
    before = stands_back()
    _of_thread.is_on = True
    try:
        yield
    finally:
        _of_thread.is_on = before


def stands_back() -> bool:
    return getattr(_of_thread, "is_on", False)


def others_wait() -> bool:
    """Whether anybody waits to write to SQLite, as is seen by who has just written. Nobody has to, to PostgreSQL."""
    line = getattr(connection.connection, "line", None)
    return line is not None and not connection.in_atomic_block and not line.is_empty()
