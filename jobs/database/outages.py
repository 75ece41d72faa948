"""Outages in the log: one line when something begins to fail, one for each new reason, one when it works again.

Never one for each try: an outage of an hour is not a thousand lines.
"""

import logging
import re
import threading
import time
from collections.abc import Callable

# What a database names in an error changes with each: a row, a port, an hour.
_CHANGING = re.compile(r"\d+")
_MOST_REASONS = 20
# Of a database that is read-only some of what a process does in turn works all the time.
QUIET_SECONDS = 10.0


class Outage:
    """What is said of one thing that may fail. Any thread may call any method."""

    def __init__(
        self,
        logger: logging.Logger,
        *,
        begins: str,
        ends: str,
        quiet_seconds: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`begins` is followed by the reason, `ends` by how long it took.

        `quiet_seconds`: it is over once nothing has failed for so long, as of several things that are done in turn some
        may work all the time.
        """
        self._logger = logger
        self._begins = begins
        self._ends = ends
        self._quiet_seconds = quiet_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._reasons: set[str] = set()
        self._began_at: float | None = None
        self._failed_at = 0.0
        # The first time since it failed last.
        self._worked_at: float | None = None

    @property
    def is_on(self) -> bool:
        return self._began_at is not None

    @property
    def seconds(self) -> float:
        """How long it has lasted so far; 0 where there is none."""
        began_at = self._began_at
        return 0.0 if began_at is None else self._monotonic() - began_at

    def fails(self, error: BaseException | str, *, with_trace: bool = False) -> None:
        """Says so, unless it was said of this outage, in these words, before."""
        words = " ".join(str(error).split()) or type(error).__name__
        reason = _CHANGING.sub("0", words)
        with self._lock:
            self._failed_at, self._worked_at = self._monotonic(), None
            if self._began_at is None:
                self._began_at = self._failed_at
            is_new = reason not in self._reasons and len(self._reasons) < _MOST_REASONS
            if is_new:
                self._reasons.add(reason)
        if is_new:
            trace = error if with_trace and isinstance(error, BaseException) else None
            self._logger.log(logging.ERROR if trace else logging.WARNING, "%s: %s", self._begins, words, exc_info=trace)

    def works(self, *, and_so: str = "") -> None:
        """Says that it is over, where there was one. Costs nothing where there was none."""
        if not self.is_on:
            return
        with self._lock:
            now, began_at = self._monotonic(), self._began_at
            worked_at = self._worked_at = now if self._worked_at is None else self._worked_at
            if began_at is None or now - self._failed_at < self._quiet_seconds:
                return
            self._began_at = None
            self._reasons.clear()
        self._logger.warning("%s after %.0f s%s", self._ends, worked_at - began_at, and_so)


def of_the_database(logger: logging.Logger) -> Outage:
    """Makes that of a process which works with the database all the time, and waits for it."""
    return Outage(
        logger,
        begins="the database can't be worked with, it is tried again until it can",
        ends="the database answers again",
        quiet_seconds=QUIET_SECONDS,
    )
