"""The requests that a worker is about to send: each at its moment, and none after its lease."""

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from booper.outcomes.outcome import Failure, Outcome, Request
from booper.targets.addresses import Network
from jobs.engine.lane_state import Key
from jobs.guarding import pace, places
from jobs.guarding.pace import Host, Pace

_NOT_SENT = Outcome(response=None, failure=Failure("aborted", "not sent, as this process was suspended"), duration_ms=0)
_BROKEN_OFF = Outcome(response=None, failure=Failure("aborted", "nothing was sent"), duration_ms=0)
_LONGEST_WAIT_SECONDS = 1.0
# A name is not asked for again for so long.
_EXEMPT_SECONDS = 60.0
_MOST_EXEMPT = 10_000


class Sender(Protocol):
    """booper.sending.sender.Sender, or a stand-in for it."""

    def submit(self, key: Key, request: Request) -> None: ...
    def poll(self, timeout_seconds: float) -> list[tuple[Key, Outcome]]: ...
    def wake(self) -> None: ...
    def abort(self, key: Key) -> bool: ...
    def abort_all(self) -> None: ...
    def known_addresses(self, host: str) -> Sequence[str]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, order=True)
class _Held:
    """`host` is None once the start is counted as made."""

    at: float
    number: int
    host: Host | None
    key: Key
    request: Request
    claimed_at: float


class Outbox:
    """`put` and `drop` are for any thread, all else for the network's. Moments are those of time.monotonic()."""

    def __init__(
        self, pace: Pace, *, allowed_networks: tuple[Network, ...] = (), covers: Callable[[float], bool]
    ) -> None:
        """`covers` says whether what was claimed at a moment is this worker's still."""
        self._pace = pace
        self._allowed_networks = allowed_networks
        self._covers = covers
        self._new: deque[tuple[Key, Request, float]] = deque()
        self._unwanted: deque[Key] = deque()
        self._held: list[_Held] = []
        self._exempt: dict[str, float] = {}
        self._count = 0

    def put(self, key: Key, request: Request, *, claimed_at: float) -> None:
        self._new.append((key, request, claimed_at))

    def drop(self, key: Key) -> None:
        """Breaks a request off, or keeps it from being sent."""
        self._unwanted.append(key)

    def send(self, sender: Sender) -> list[tuple[Key, Outcome]]:
        """Hands to `sender` what may go out now; what will not be sent at all, with its outcome."""
        now = time.monotonic()
        unsent: list[tuple[Key, Outcome]] = []
        while self._new:
            key, request, claimed_at = self._new.popleft()
            host = self._paced(sender, request)
            if host is None:
                unsent += self._submit(sender, key, request, claimed_at)
            else:
                self._count += 1
                at = self._pace.book(*host, now=now)
                unsent += self._send_or_hold(sender, _Held(at, self._count, host, key, request, claimed_at), now=now)
        while self._held and self._held[0].at <= now:
            unsent += self._send_or_hold(sender, heapq.heappop(self._held), now=now)
        while self._unwanted:
            key = self._unwanted.popleft()
            if not sender.abort(key):
                unsent += self._let_go({key})
        return unsent

    def abort_all(self, sender: Sender) -> list[tuple[Key, Outcome]]:
        """Breaks off all that is on the wire; what was not sent yet, with its outcome."""
        sender.abort_all()
        return self._let_go({held.key for held in self._held}) if self._held else []

    @property
    def wait_seconds(self) -> float:
        """When there is something to send, at most."""
        if not self._held:
            return _LONGEST_WAIT_SECONDS
        return min(_LONGEST_WAIT_SECONDS, max(0.0, self._held[0].at - time.monotonic()))

    def _paced(self, sender: Sender, request: Request) -> Host | None:
        """The host that it is counted to; None where starts are not paced."""
        origin = places.origin(request.url)
        if not isinstance(request.owner, UUID) or self._is_exempt(sender, origin):
            return None
        return request.owner, origin

    def _send_or_hold(self, sender: Sender, item: _Held, *, now: float) -> list[tuple[Key, Outcome]]:
        if item.at <= now and item.host is not None:
            item = replace(item, at=self._pace.start(*item.host, now=now), host=None)
        if item.at <= now:
            return self._submit(sender, item.key, item.request, item.claimed_at)
        heapq.heappush(self._held, item)
        return []

    def _is_exempt(self, sender: Sender, origin: str) -> bool:
        """Whether it is in a network that the operator allows: by its address, or by those its name had just now."""
        if not self._allowed_networks:
            return False
        now = time.monotonic()
        if self._exempt.get(origin, now) > now:
            return True
        host = urlsplit(origin).hostname or ""
        addresses = sender.known_addresses(host) or (host,)
        is_exempt = all(pace.is_within(address, self._allowed_networks) for address in addresses)
        if is_exempt:
            if len(self._exempt) >= _MOST_EXEMPT:
                self._exempt.clear()
            self._exempt[origin] = now + _EXEMPT_SECONDS
        return is_exempt

    def _submit(self, sender: Sender, key: Key, request: Request, claimed_at: float) -> list[tuple[Key, Outcome]]:
        if not self._covers(claimed_at):
            # This process was suspended in between: another one may have sent it by now.
            return [(key, _NOT_SENT)]
        sender.submit(key, request)
        return []

    def _let_go(self, keys: set[Key]) -> list[tuple[Key, Outcome]]:
        found = [held.key for held in self._held if held.key in keys]
        if found:
            self._held = [held for held in self._held if held.key not in keys]
            heapq.heapify(self._held)
        return [(key, _BROKEN_OFF) for key in found]
