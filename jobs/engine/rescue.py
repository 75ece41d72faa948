"""Rescue: what a worker had in hand when it died is made due again by the others, within seconds."""

import time
from collections.abc import Iterator, Sequence

from jobs.database import clock, lower_bounds
from jobs.engine.held_lease import HeldLease
from jobs.engine.reconcile import Reconcile
from jobs.engine.stage import Stage, Upcoming

_RESCUE_SECONDS = 3.0
_LONGEST_PAUSE_SECONDS = 10.0
_BATCH = 500


def pause_seconds(took_seconds: float, *, is_full: bool) -> float:
    """How long after the beginning of a rescue the next one begins; at once if there may be more to take up.

    Where it takes long, as an old snapshot keeps what others would have swept away, it is made less often. Within
    bounds: one that only waited its turn to write must not leave a dead worker's jobs alone for minutes.
    """
    if is_full:
        return 0.0
    return min(max(_RESCUE_SECONDS, lower_bounds.COST_SHARE * took_seconds), _LONGEST_PAUSE_SECONDS)


class Rescue:
    """The rescues that one worker makes, from time to time."""

    def __init__(self, lease: HeldLease, reconcile: Reconcile) -> None:
        self._lease = lease
        self._reconcile = reconcile
        self._next_at = 0.0
        self._looked_at = time.monotonic()

    def run(self, stages: Sequence[Stage]) -> Iterator[Upcoming]:
        """Takes up in each stage what dead workers held, if it is time; yields what has come due by it."""
        moment = time.monotonic()
        if moment < self._next_at or not self._lease.has_settled(moment):
            return
        self._next_at = moment + _RESCUE_SECONDS
        now = clock.reread()
        since_step = clock.seconds_since_step()
        is_settling = since_step < self._lease.half_seconds
        if is_settling or since_step <= time.monotonic() - self._looked_at:
            # It was set, whichever thread noticed: leases of the dead, which are by the old time, may be good for long.
            self._reconcile.make_soon()
        self._looked_at = moment
        if is_settling:
            # The same as after an outage: leases are by the old time until they are renewed.
            return
        is_full = False
        for stage in stages:
            count, upcoming = stage.rescue(limit=_BATCH, now=now)
            is_full = is_full or count == _BATCH
            yield upcoming
        self._next_at = moment + pause_seconds(time.monotonic() - moment, is_full=is_full)
