"""What is to be seen only while a trial goes on, by looking again and again: when it is over, all is well again."""

import sqlite3
import threading
import time
from typing import Self

import psycopg

from tests.processes.harness.record import Database

_LOOK_SECONDS = 0.25


class Watch:
    """Looks from a thread of its own while it is entered. A database that is away is looked at later.

    `longest_unleased_seconds`: for how long an attempt executed under no live lease, at most.
    `longest_gap_seconds`: between two looks that saw something, at most: what the machine or the database stood still.
    `bare_schedules`: how often an enabled schedule had not exactly one upcoming run.
    """

    def __init__(self, database: Database) -> None:
        self.longest_unleased_seconds = 0.0
        self.longest_gap_seconds = 0.0
        self.bare_schedules = 0
        self.look_count = 0
        self._database = database
        self._unleased_since: dict[tuple[int, int], float] = {}
        self._looked_at: float | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_LOOK_SECONDS):
            try:
                self._look()
            except (sqlite3.Error, psycopg.Error):
                continue

    def _look(self) -> None:
        unleased, now = self._database.unleased(), time.monotonic()
        self.bare_schedules += self._database.schedules_without_one_upcoming_run()
        self._unleased_since = {key: self._unleased_since.get(key, now) for key in unleased}
        lasted = [now - since for since in self._unleased_since.values()]
        self.longest_unleased_seconds = max([self.longest_unleased_seconds, *lasted])
        self.look_count += 1
        self.longest_gap_seconds = max(self.longest_gap_seconds, now - (self._looked_at or now))
        self._looked_at = now
