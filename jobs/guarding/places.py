"""Who may have how many of a worker's places in a lane: what one tenant, and one host of a tenant, has on the wire.

A target that takes a request and never answers holds a place for as long as the job's time-out, so shares of what is
claimed bound nothing: what is on the wire is what is shared out. A tenant alone may have all but a reserve, which lets
another one in at once. With others there, it may have its share, and never more than it leaves free, so the next one
finds a place too.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from jobs.database.claim_bounds import ClaimBounds

Key = TypeVar("Key", bound=Hashable)

# How long after the last of the others one tenant has all places again.
_ALONE_AFTER_SECONDS = 1.0
# A tenth of the places. A worker with a handful can't spare one.
_RESERVE = 10
# Of a URL as it is stored: it is asked for several times a job, and taking all of it apart costs ten times as much.
_ORIGIN = re.compile("https?://[^/?#]+")


class Places:
    """The places of one lane of one worker. For one thread; times are seconds on a clock that only goes forward."""

    def __init__(self, total: int, *, share: float, per_host: float) -> None:
        """`share` and `per_host` are parts of `total`; 0: no limit."""
        self._total = total
        self._share = max(1, int(total * share)) if share else None
        self._per_host = max(1, int(total * per_host)) if per_host else None
        self._tenants: Counter[UUID] = Counter()
        self._hosts: Counter[tuple[UUID, str]] = Counter()
        self._shared_at = -_ALONE_AFTER_SECONDS
        self.own: Callable[[], Mapping[UUID, int]] = dict
        """What single tenants may have instead of the share, in places; 0: no limit."""

    def take(self, user_id: UUID, url: str) -> None:
        self._tenants[user_id] += 1
        self._hosts[user_id, origin(url)] += 1

    def give_back(self, user_id: UUID, url: str) -> None:
        _less(self._tenants, user_id)
        _less(self._hosts, (user_id, origin(url)))

    def clear(self) -> None:
        self._tenants.clear()
        self._hosts.clear()

    def bounds(self, *, now: float) -> ClaimBounds:
        """What the next claim may take."""
        own = self.own()
        if self._share is None and self._per_host is None and not own:
            return ClaimBounds()
        is_shared = self._is_shared(now)
        rooms = {user_id: self._room(user_id, own.get(user_id), is_shared=is_shared) for user_id in self._tenants}
        full_hosts: dict[UUID, tuple[str, ...]] = {}
        if is_shared and self._per_host is not None:
            full_hosts = self._bound_hosts(rooms, self._per_host)
        full = frozenset(user_id for user_id, room in rooms.items() if room <= 0)
        newcomer = self._newcomer()
        return ClaimBounds(
            full=full,
            rooms={user_id: room for user_id, room in rooms.items() if room > 0},
            newcomer=newcomer,
            narrow={
                user_id: most
                for user_id, most in own.items()
                if user_id not in self._tenants and 0 < most < (self._total if newcomer is None else newcomer)
            },
            full_hosts={user_id: hosts for user_id, hosts in full_hosts.items() if user_id not in full},
        )

    def _is_shared(self, now: float) -> bool:
        if len(self._tenants) > 1:
            self._shared_at = now
        return now - self._shared_at < _ALONE_AFTER_SECONDS

    @property
    def _free(self) -> int:
        return max(0, self._total - self._tenants.total())

    def _room(self, user_id: UUID, own: int | None, *, is_shared: bool) -> int:
        had = self._tenants[user_id]
        share = self._share if own is None else own or None
        if share is None:
            return self._free
        if not is_shared:
            most = self._total - self._total // _RESERVE
            return max(0, (most if own is None else min(most, share)) - had)
        return max(0, min(share, max(1, (had + self._free) // 2)) - had)

    def _newcomer(self) -> int | None:
        if self._share is None:
            return None
        if not self._tenants:
            return self._total - self._total // _RESERVE
        return max(1, min(self._share, self._free // 2))

    def _bound_hosts(self, rooms: dict[UUID, int], most: int) -> dict[UUID, tuple[str, ...]]:
        """Narrows `rooms` so that no host can come to more than `most`; the hosts that are there already."""
        full: dict[UUID, tuple[str, ...]] = {}
        for (user_id, host), had in self._hosts.items():
            if had >= most:
                full[user_id] = (*full.get(user_id, ()), host)
            else:
                rooms[user_id] = min(rooms[user_id], most - had)
        for user_id in rooms:
            rooms[user_id] = min(rooms[user_id], most)
        return full


def _less(counts: Counter[Key], key: Key) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]


def origin(url: str) -> str:
    """Scheme, host and port, with the slash after them: what the URLs of one host begin with."""
    found = _ORIGIN.match(url)
    if found is not None:
        return f"{found[0]}/"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def unshared(total: int) -> Places:
    """Places that anyone may have all of."""
    return Places(total, share=0, per_host=0)


def of_settings(total: int) -> Places:
    """Places shared out as the operator has it."""
    return Places(total, share=settings.BOOPER_ON_THE_WIRE_SHARE, per_host=settings.BOOPER_ON_THE_WIRE_PER_HOST)
