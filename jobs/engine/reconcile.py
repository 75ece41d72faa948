"""Reconcile: what the database says a worker has in hand, and the worker does not, is handed back."""

import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from jobs.database import clock
from jobs.engine import leases
from jobs.engine.lane_state import LaneState

logger = logging.getLogger(__name__)

_RECONCILE_SECONDS = 30.0


class Reconcile:
    """The reconciliations that one worker makes, from time to time.

    A claim whose answer was lost on the way would stay under the worker's lease for ever.
    """

    def __init__(self) -> None:
        self._next_at = time.monotonic() + _RECONCILE_SECONDS

    def make_soon(self) -> None:
        self._next_at = 0.0

    def run(self, worker_id: UUID, lanes: Iterable[LaneState]) -> None:
        if time.monotonic() < self._next_at:
            return
        now = clock.reread()
        for lane in lanes:
            count = lane.stage.hand_back(worker_id, known_ids=lane.known_ids, now=now)
            if count:
                logger.warning("handed back %d %s of a claim that did not reach this worker", count, lane.name)
        leases.begin_anew(clock.reread)
        leases.forget_dead(silent_since=now - timedelta(hours=1))
        self._next_at = time.monotonic() + _RECONCILE_SECONDS
