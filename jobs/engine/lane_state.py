"""What an engine knows of one lane: which wake-ups it waits for, and what it has in hand."""

import heapq
import time
from datetime import datetime

from jobs.database.claim_bounds import ClaimBounds
from jobs.engine.stage import Stage, Started
from jobs.guarding.places import Places
from jobs.waking.announcer import Lane

# The lane, the row's id and the number of the attempt.
Key = tuple[Lane, int, int]


class LaneState:
    """One lane of an engine. `look_at` and `call_at` are moments of time.monotonic()."""

    def __init__(self, name: Lane, stage: Stage, places: Places) -> None:
        self.name = name
        self.stage = stage
        self.places = places
        self.instants: list[datetime] = []
        self._awaited: set[datetime] = set()
        self.has_more = True
        self.is_crowded = False
        self.in_hand: dict[Key, Started] = {}
        self.look_at = 0.0
        self.call_at = 0.0

    def wake(self, instant: datetime) -> None:
        if instant not in self._awaited:
            self._awaited.add(instant)
            heapq.heappush(self.instants, instant)

    def take_due(self, now: datetime) -> bool:
        """Whether a wake-up has come due; forgets those that have."""
        is_due = False
        while self.instants and self.instants[0] <= now:
            self._awaited.discard(heapq.heappop(self.instants))
            is_due = True
        return is_due

    def take(self, key: Key, item: Started) -> None:
        self.in_hand[key] = item
        self.places.take(item.row.user_id, item.row.url)

    def give_back(self, key: Key) -> None:
        """Nothing happens where it was given back before."""
        item = self.in_hand.pop(key, None)
        if item is None:
            return
        self.places.give_back(item.row.user_id, item.row.url)
        # Whoever had all its places may have this one.
        self.has_more = self.has_more or self.is_crowded

    def claimed(self, started: list[Started], *, limit: int, bounds: ClaimBounds) -> None:
        """What a claim has brought says whether there is more; who is full waits for a place, or for a wake-up."""
        for item in started:
            self.take((self.name, item.row.id, item.row.attempt), item)
        # One in equal shares comes short where some have less than theirs: then it is made again, not in shares.
        in_shares = self.is_crowded or bounds.are_tight
        is_full = len(started) >= bounds.cut(limit)
        left = self.places.bounds(now=time.monotonic())
        self.is_crowded = is_full or left.are_tight
        self.has_more = (is_full or (in_shares and bool(started))) and bool(left.rooms or not left.full)

    @property
    def known_ids(self) -> set[int]:
        return {started.row.id for started in self.in_hand.values()}
