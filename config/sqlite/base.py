"""Whoever waits for SQLite's one write lock asks for it again every few milliseconds, and more often as time goes by.

SQLite's own wait grows to a tenth of a second between two tries: beside others who write all the time, a worker tried
again and again when one of them was at it, and could not record for seconds what had long been answered. Where several
wait, the lock is soon had by the one that has waited the longest, as it asks the most often. Who writes much at once
stands back: it does not ask while others wait, until it has waited for half a second.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.db.backends.sqlite3 import base

from config.sqlite.line import Line
from jobs.database import standing_back

Answer = TypeVar("Answer")

# A web process has less time than a worker, and sets it.
longest_wait_seconds = 20.0
_PAUSE_SECONDS = (0.001, 0.004)
# Half of that for who has waited so long already, a third after twice that, and so on.
_PATIENCE_SECONDS = 0.05
_SHORTEST_PAUSE_SECONDS = 0.0005
_MOST_STOOD_BACK_SECONDS = 0.5
_PRIMARY_CODE = 0xFF


class Connection(sqlite3.Connection):
    line: Line


class Cursor(base.SQLiteCursorWrapper):
    connection: Connection

    def execute(self, query: str, params: Any = None) -> Any:
        stands_back = query.startswith("BEGIN") and standing_back.stands_back()
        return self._in_turn(lambda: super(Cursor, self).execute(query, params), stands_back=stands_back)

    def _in_turn(self, call: Callable[[], Answer], *, stands_back: bool) -> Answer:
        """sqlite3.OperationalError when it was not its turn within `longest_wait_seconds`."""
        began, line = time.monotonic(), self.connection.line
        try:
            while True:
                waited = time.monotonic() - began
                is_in_line = not stands_back or waited > _MOST_STOOD_BACK_SECONDS
                if is_in_line or line.is_empty():
                    try:
                        return call()
                    except sqlite3.OperationalError as error:
                        # Inside a transaction the lock is held already: what is busy then stays so.
                        if not _is_busy(error) or self.connection.in_transaction or waited > longest_wait_seconds:
                            raise
                if is_in_line:
                    line.enter()
                time.sleep(_pause_seconds(waited))
        finally:
            line.leave()


def _pause_seconds(waited: float) -> float:
    return max(_SHORTEST_PAUSE_SECONDS, random.uniform(*_PAUSE_SECONDS) / (1 + waited / _PATIENCE_SECONDS))


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        connection: Connection = super().get_new_connection(conn_params | {"factory": Connection})
        connection.line = Line(Path(f"{conn_params['database']}-line"))
        # From here on the cursor does the waiting.
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        return cursor


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
