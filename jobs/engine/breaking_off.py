"""Breaking off: what is on the wire for nobody any more, as its job was cancelled or erased, gives its place back."""

import time
from collections.abc import Collection, Iterable
from uuid import UUID

from jobs.engine.lane_state import Key, LaneState
from jobs.telemetry import counters
from jobs.waking.announcer import Lane

LOOK_SECONDS = 1.0


class BreakingOff:
    """The looks of one worker for what it has on the wire and the database says it has not.

    They are a second apart, one query a lane, and none where all that was on the wire at the last look has ended: a
    worker whose targets answer within a second asks nothing.
    """

    def __init__(self) -> None:
        self._next_at = 0.0
        self._seen: frozenset[Key] = frozenset()
        self.found: frozenset[Key] = frozenset()
        """What was found so far and is in hand still."""

    def find(self, worker_id: UUID, lanes: Collection[LaneState]) -> list[Key]:
        """What is to be broken off now."""
        if time.monotonic() < self._next_at:
            return []
        self._next_at = time.monotonic() + LOOK_SECONDS
        _count(lanes)
        lost: list[Key] = []
        for lane in lanes:
            lasting = [key for key in lane.in_hand if key in self._seen]
            if lasting:
                held = lane.stage.held(worker_id, [row_id for _, row_id, _ in lasting])
                lost += [key for key in lasting if key[1:] not in held]
        self._seen = frozenset(key for lane in lanes for key in lane.in_hand)
        self.found = self._seen.intersection(self.found.union(lost))
        return lost


def _count(lanes: Iterable[LaneState]) -> None:
    count = sum(len(lane.in_hand) for lane in lanes if lane.name != Lane.DELIVERIES)
    counters.own.set_gauge(counters.IN_FLIGHT, count)
