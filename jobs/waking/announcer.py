"""Wake-ups on their way to the broker: many instants become few messages, and no caller ever waits for a broker."""

import atexit
import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from jobs.database.outages import Outage

logger = logging.getLogger(__name__)

_SLOT_MICROSECONDS = 10_000
_GAP_SECONDS = 0.005
_MOST_PENDING = 10_000


class Lane(StrEnum):
    JOBS = "jobs"
    QUEUES = "queues"
    DELIVERIES = "deliveries"


def slots(instants: Iterable[datetime], *, now: datetime) -> set[datetime]:
    """When to wake: `now` for all that is due, else the instant rounded up to hundredths of a second.

    Jobs that share a slot share a wake-up.
    """
    return {now if instant <= now else _round_up(instant) for instant in instants}


def _round_up(instant: datetime) -> datetime:
    beyond = instant.microsecond % _SLOT_MICROSECONDS
    return instant + timedelta(microseconds=_SLOT_MICROSECONDS - beyond) if beyond else instant


class Announcer:
    """Publishes wake-ups from a thread of its own, started when it is first needed.

    A wake-up that can't be published is dropped, for the database is the truth: a worker finds the job within
    a second all the same.
    """

    def __init__(self, publish: Callable[[Lane, list[datetime]], None]) -> None:
        self._publish = publish
        self._condition = threading.Condition()
        self._pending: dict[Lane, set[datetime]] = {lane: set() for lane in Lane}
        self._thread: threading.Thread | None = None
        self._is_busy = False
        self._outage = Outage(
            logger,
            begins="wake-ups can't be published, workers look for themselves each second",
            ends="wake-ups are published again",
        )

    def announce(self, lane: Lane, instants: Iterable[datetime], *, now: datetime) -> None:
        """Never blocks, never fails."""
        wanted = slots(instants, now=now)
        if not wanted:
            return
        with self._condition:
            pending = self._pending[lane]
            if len(pending) < _MOST_PENDING:
                pending.update(wanted)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
                self._thread.start()
                atexit.register(self.flush, timeout_seconds=1.0)
            self._condition.notify_all()

    @property
    def is_failing(self) -> bool:
        """Whether the last wake-ups could not be published."""
        return self._outage.is_on

    def flush(self, *, timeout_seconds: float) -> bool:
        """Waits until all has been handed to the broker; whether it was."""
        with self._condition:
            return self._condition.wait_for(self._is_empty, timeout_seconds)

    def _is_empty(self) -> bool:
        return not self._is_busy and not any(self._pending.values())

    def _run(self) -> None:
        while True:
            with self._condition:
                self._is_busy = False
                self._condition.notify_all()
                self._condition.wait_for(lambda: any(self._pending.values()))
                batch = {lane: sorted(instants) for lane, instants in self._pending.items() if instants}
                self._pending = {lane: set() for lane in Lane}
                self._is_busy = True
            for lane, instants in batch.items():
                self._publish_quietly(lane, instants)
            # Company for the next message: at most two hundred a second, however many jobs are created.
            time.sleep(_GAP_SECONDS)

    def _publish_quietly(self, lane: Lane, instants: list[datetime]) -> None:
        try:
            self._publish(lane, instants)
            self._outage.works()
        except Exception as error:  # whatever a broker and its libraries may raise
            self._outage.fails(error)
