"""Jobs that several requests of this process create at the same moment share one statement and one commit.

Nobody waits for company: whoever comes while a statement is on its way to the database is in the next one.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.db import DataError, IntegrityError

from jobs.actions import batch
from jobs.actions.batch import NewJob
from jobs.specs import JobSpec

_MOST_TOGETHER = 100


class Lock(Protocol):
    def acquire(self) -> bool: ...

    def release(self) -> None: ...


class _Wish:
    """A job that one thread wants inserted, and what came of it."""

    __slots__ = ("error", "is_done", "is_inserted", "job", "spec", "turn")

    def __init__(self, spec: JobSpec, job: NewJob) -> None:
        self.spec = spec
        self.job = job
        self.is_inserted = self.is_done = False
        self.error: Exception | None = None
        # Held until it is done, or its thread's turn to insert for all that wait.
        self.turn: Lock = threading.Lock()
        self.turn.acquire()


Insert = Callable[[Sequence[tuple[JobSpec, NewJob]]], set[UUID]]


class Company:
    """The requests that insert at the same moment. The first one inserts; those that come meanwhile are the next round.

    `insert` commits what it is given and answers the uuids of those rows that no idempotency key has kept out.
    """

    def __init__(self, insert: Insert) -> None:
        self._insert = insert
        self._lock = threading.Lock()
        self._waiting: deque[_Wish] = deque()
        self._is_busy = False

    def take(self, spec: JobSpec, *, user_id: UUID, now: datetime) -> NewJob | None:
        """() -> scheduled. None if the database refuses it, in this company at least: a key of its own is held."""
        wish = _Wish(spec, batch.new_job(spec, user_id=user_id, now=now))
        with self._lock:
            self._waiting.append(wish)
            is_first, self._is_busy = not self._is_busy, True
        if not is_first:
            wish.turn.acquire()
        if not wish.is_done:
            self._insert_for_all()
        if wish.error is not None:
            # One of its own: an exception that several threads raise would gather all their traces.
            raise type(wish.error)(*wish.error.args) from wish.error
        return wish.job if wish.is_inserted else None

    def _insert_for_all(self) -> None:
        with self._lock:
            together = [self._waiting.popleft() for _ in range(min(_MOST_TOGETHER, len(self._waiting)))]
        try:
            self._insert_together(together)
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._is_busy = following is not None
            for wish in together:
                wish.is_done = True
                wish.turn.release()
            if following is not None:
                following.turn.release()

    def _insert_together(self, together: Sequence[_Wish]) -> None:
        try:
            inserted = self._insert([(wish.spec, wish.job) for wish in together])
        except (DataError, IntegrityError) as error:
            # One of them spoils it: each tries alone.
            if len(together) == 1:
                together[0].error = error
            return
        except Exception as error:  # a database that is away is so for all of them
            for wish in together:
                wish.error = error
            return
        for wish in together:
            wish.is_inserted = wish.job.uuid in inserted


company = Company(batch.insert)
