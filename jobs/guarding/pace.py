"""How many starts a second one host of a tenant gets from this instance: what is over it waits for its moment.

Each worker keeps to an equal part of the limit by itself, in memory: whoever stays below it costs nothing.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from uuid import UUID

from booper.targets.addresses import Network

Host = tuple[UUID, str]
"""A tenant, and an origin as jobs.guarding.places has it."""

# As much may be claimed ahead of its moment.
_AHEAD_SECONDS = 1.0
_MOST_HOSTS = 10_000


class Pace:
    """The starts of one worker. Threads may share it; times are seconds on a clock that only goes forward."""

    def __init__(self, per_second: int, *, limit_of: Callable[[UUID], int | None] = lambda user_id: None) -> None:
        """0: no limit. `limit_of` has what a tenant may have instead, as far as it is known."""
        self._per_second = per_second
        self._limit_of = limit_of
        self._workers = 1
        self._lock = threading.Lock()
        self._starts: dict[Host, deque[float]] = {}

    def share_with(self, workers: int) -> None:
        """How many workers share the limit, this one included."""
        self._workers = max(1, workers)

    def book(self, user_id: UUID, origin: str, *, now: float) -> float:
        """Counts a start; the moment when it may be made."""
        most = self._most(user_id)
        if not most:
            return now
        with self._lock:
            if len(self._starts) >= _MOST_HOSTS:
                self._forget(now)
            starts = self._starts.setdefault((user_id, origin), deque())
            # No second has more than `most`, wherever it begins.
            at = now if len(starts) < most else max(now, starts[-most] + 1.0)
            starts.append(at)
            while len(starts) > most and starts[0] < now - 1.0:
                starts.popleft()
        return at

    def full(self, *, now: float) -> Mapping[UUID, tuple[str, ...]]:
        """The origins of each tenant of which enough is claimed already."""
        found: dict[UUID, tuple[str, ...]] = {}
        with self._lock:
            for (user_id, origin), starts in self._starts.items():
                most = self._most(user_id)
                if most and len(starts) >= most and starts[-most] + 1.0 > now + _AHEAD_SECONDS:
                    found[user_id] = (*found.get(user_id, ()), origin)
        return found

    def forget(self, *, now: float) -> None:
        """What no longer counts."""
        with self._lock:
            self._forget(now)

    def _most(self, user_id: UUID) -> int:
        """What this worker may start in a second; 0: any number."""
        own = self._limit_of(user_id)
        allowed = self._per_second if own is None else own
        return -(-allowed // self._workers)

    def _forget(self, now: float) -> None:
        self._starts = {host: starts for host, starts in self._starts.items() if starts[-1] > now - 1.0}


@lru_cache(maxsize=10_000)
def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an IP address is in one of `networks`; what is not an address is in none."""
    try:
        ip = ip_address(address.strip("[]"))
    except ValueError:
        return False
    return any(ip in network for network in networks)
