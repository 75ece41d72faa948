"""Requests that were answered 503 as the database did not answer: counted, and said in the log once an outage."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import connection

from jobs.database.outages import Outage
from jobs.telemetry import counters

logger = logging.getLogger(__name__)

_ASK_SECONDS = 1.0
# One that answers in between, as a disk that is full takes what is only read, does not answer again.
_QUIET_SECONDS = 5.0


class Unanswered:
    """Requests of one process that no database answered. Any thread may call `note`.

    During an outage, and only then, a thread asks the database each second, so that its end is known without requests.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._ask: Callable[[], object] | None = None
        self._lock = threading.Lock()
        self._outage = Outage(
            logger, begins="the database does not answer", ends="the database answers again", monotonic=monotonic
        )
        self._count = 0
        self._last_at = 0.0
        self._is_watched = False

    def watch(self, ask: Callable[[], object]) -> None:
        """Has outages be watched from now on. `ask` raises if the database does not take what is written."""
        self._ask = ask

    def note(self, error: Exception) -> None:
        """One more request was answered 503, for this reason."""
        counters.own.count(counters.UNAVAILABLE, [counters.NO_DATABASE])
        with self._lock:
            self._count += 1
            self._last_at = self._monotonic()
            starts = self._ask is not None and not self._is_watched
            self._is_watched = self._is_watched or starts
            self._outage.fails(error)
        if starts:
            threading.Thread(target=self._wait_for_the_end, name="database-outage", daemon=True).start()

    def _wait_for_the_end(self) -> None:
        while True:
            self._sleep(_ASK_SECONDS)
            if self._answers() and self._has_ended():
                return

    def _answers(self) -> bool:
        assert self._ask is not None
        try:
            self._ask()
        except Exception:  # whatever a database and its driver may raise: it is asked again
            return False
        finally:
            connection.close()
        return True

    def _has_ended(self) -> bool:
        with self._lock:
            if self._monotonic() - self._last_at < _QUIET_SECONDS:
                return False
            requests = "1 request was" if self._count == 1 else f"{self._count} requests were"
            self._count, self._is_watched = 0, False
            self._outage.works(and_so=f", {requests} answered 503")
            return True


own = Unanswered()
"""Those of this process."""
