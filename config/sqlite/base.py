"""Whoever waits for SQLite's one write lock asks for it again every few milliseconds, and more often as time goes by.

SQLite's own wait grows to a tenth of a second between two tries: beside others who write all the time, a worker tried
again and again when one of them was at it, and could not record for seconds what had long been answered. Where several
wait, the lock is soon had by the one that has waited the longest, as it asks the most often.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db.backends.sqlite3 import base

Answer = TypeVar("Answer")

# A web process has less time than a worker, and sets it.
longest_wait_seconds = 20.0
_PAUSE_SECONDS = (0.001, 0.004)
# Half of that for who has waited so long already, a third after twice that, and so on.
_PATIENCE_SECONDS = 0.05
_SHORTEST_PAUSE_SECONDS = 0.0005
_PRIMARY_CODE = 0xFF


class Cursor(base.SQLiteCursorWrapper):
    def execute(self, query: str, params: Any = None) -> Any:
        return self._in_turn(lambda: super(Cursor, self).execute(query, params))

    def _in_turn(self, call: Callable[[], Answer]) -> Answer:
        """sqlite3.OperationalError when it was not its turn within `longest_wait_seconds`."""
        began = time.monotonic()
        while True:
            try:
                return call()
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - began
                # Inside a transaction the lock is held already: what is busy then stays so.
                if not _is_busy(error) or self.connection.in_transaction or waited > longest_wait_seconds:
                    raise
            time.sleep(_pause_seconds(waited))


def _pause_seconds(waited: float) -> float:
    return max(_SHORTEST_PAUSE_SECONDS, random.uniform(*_PAUSE_SECONDS) / (1 + waited / _PATIENCE_SECONDS))


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        # From here on the cursor does the waiting.
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        return cursor


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
