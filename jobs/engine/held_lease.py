"""The lease that a worker holds on all it has claimed: renewed in time, and asked before it claims or sends."""

import logging
import time
from datetime import timedelta

from django.db import Error, connection

from jobs.database import clock
from jobs.database.outages import Outage
from jobs.engine import leases
from jobs.models import Process, ProcessRole

logger = logging.getLogger(__name__)

# One statement that failed must not cost a quarter of the lease.
_RETRY_SECONDS = 1.0


class HeldLease:
    """One worker's lease. Moments are those of time.monotonic().

    One thread renews it; others only ask, and what they read is one number at a time.
    """

    def __init__(self, length: timedelta) -> None:
        self._length = length
        self._process: Process | None = None
        self._renewed_at = self._failed_at = time.monotonic()
        self._outage = Outage(
            logger,
            begins="the lease could not be renewed, it is tried again each second",
            ends="the lease was renewed again",
        )

    @property
    def process(self) -> Process:
        """The worker's row, once the lease is taken."""
        assert self._process is not None
        return self._process

    @property
    def half_seconds(self) -> float:
        return self._length.total_seconds() / 2

    def take(self, name: str) -> None:
        self._process = leases.take(ProcessRole.WORKER, name, lease=self._length, now=clock.now())
        # Taking it may have lasted a while.
        self._renewed_at = self._failed_at = time.monotonic()

    def give_up(self) -> None:
        """Gives the lease up, so that what the worker holds is rescued at once. If that fails, the lease runs out."""
        try:
            leases.give_up(self.process)
        except Error:
            logger.info("the lease could not be given up, it will run out")

    def covers(self, claimed_at: float) -> bool:
        """Whether what was claimed then is still this worker's: after a longer pause another one may have taken it."""
        return time.monotonic() - claimed_at < self.half_seconds

    @property
    def is_fresh(self) -> bool:
        """Whether this worker may claim: after a pause, what it claims before it renews would be taken from it."""
        return self.covers(self._renewed_at)

    def has_settled(self, moment: float) -> bool:
        """Whether other workers' leases say who lives.

        After an outage all have run out together: who comes back first gives the others time to renew theirs.
        """
        is_outage = moment - self._renewed_at > self.half_seconds
        return not is_outage and moment - self._failed_at >= self.half_seconds

    def renew(self) -> float:
        """Renews it once; returns in how many seconds it is to be renewed again."""
        pause_seconds = self._length.total_seconds() / 4
        began = time.monotonic()
        try:
            leases.renew(self.process, lease=self._length, now=clock.reread())
            self._renewed_at = began
            if self._outage.is_on:
                # Until this very moment nobody could renew: the others' time to do so begins now.
                self._failed_at = time.monotonic()
            self._outage.works()
        except Error as error:
            self._failed_at = time.monotonic()
            self._outage.fails(error)
            connection.close()
        if time.monotonic() - began <= pause_seconds:
            return min(_RETRY_SECONDS, pause_seconds) if self._outage.is_on else pause_seconds
        # The database stood still, for the others too; and what was written now is as of back then.
        self._failed_at = time.monotonic()
        return 0.0
