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
        self._booked: dict[Host, deque[float]] = {}
        self._made: dict[Host, deque[float]] = {}

    def share_with(self, workers: int) -> None:
        """How many workers share the limit, this one included."""
        self._workers = max(1, workers)

    def book(self, user_id: UUID, origin: str, *, now: float) -> float:
        """Counts a start that is wanted; the moment when it may be made."""
        return self._count(self._booked, (user_id, origin), now=now)

    def start(self, user_id: UUID, origin: str, *, now: float) -> float:
        """Counts a booked start as it is made: `now`, or the later moment for which it is counted then.

        A worker that was late with some would else make them together with those whose moment it is.
        """
        return self._count(self._made, (user_id, origin), now=now)

    def _count(self, counted: dict[Host, deque[float]], host: Host, *, now: float) -> float:
        most = self._most(host[0])
        if not most:
            return now
        with self._lock:
            if len(counted) >= _MOST_HOSTS:
                _forget(counted, now)
            starts = counted.setdefault(host, deque())
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
            for (user_id, origin), starts in self._booked.items():
                most = self._most(user_id)
                if most and len(starts) >= most and starts[-most] + 1.0 > now + _AHEAD_SECONDS:
                    found[user_id] = (*found.get(user_id, ()), origin)
        return found

    def forget(self, *, now: float) -> None:
        """What no longer counts."""
        with self._lock:
            _forget(self._booked, now)
            _forget(self._made, now)

    def _most(self, user_id: UUID) -> int:
        """What this worker may start in a second; 0: any number."""
        own = self._limit_of(user_id)
        allowed = self._per_second if own is None else own
        return -(-allowed // self._workers)


def _forget(counted: dict[Host, deque[float]], now: float) -> None:
    for host in [host for host, starts in counted.items() if starts[-1] <= now - 1.0]:
        del counted[host]


@lru_cache(maxsize=10_000)
def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an IP address is in one of `networks`; what is not an address is in none."""
    try:
        ip = ip_address(address.strip("[]"))
    except ValueError:
        return False
    return any(ip in network for network in networks)
