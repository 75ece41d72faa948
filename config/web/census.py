"""The connections of one web process: how many each address has, and which have outlived their deadline."""

import asyncio
import atexit
import ipaddress
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings

from config.web.shared_counts import SharedCounts

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
logger = logging.getLogger(__name__)

_SWEEP_SECONDS = 0.5
_SAID_EVERY_SECONDS = 60.0
_LOOKED_AROUND_EVERY = 32
# Who has one IPv6 address has the whole of such a network.
_IPV6_BITS = 64


@dataclass(frozen=True, slots=True)
class Rules:
    """What a connection may take. `per_address` does not count for the addresses that are `trusted`."""

    head_seconds: float = 10.0
    body_seconds: float = 60.0
    per_address: int = 512
    trusted: Sequence[Network] = ()
    # Where the processes of this machine tell each other how many they have; None: each counts for itself.
    shared: Path | None = None

    @classmethod
    def of_settings(cls) -> "Rules":
        return cls(
            head_seconds=settings.WEB_HEAD_SECONDS,
            body_seconds=settings.WEB_BODY_SECONDS,
            per_address=settings.WEB_CONNECTIONS_PER_ADDRESS,
            trusted=settings.BOOPER_TRUSTED_PROXIES,
            shared=settings.DATA_DIR / "connections",
        )


class Member(Protocol):
    @property
    def deadline(self) -> float | None: ...

    def expire(self) -> None: ...


class Census:
    """Belongs to the thread of its `loop`."""

    def __init__(self, rules: Rules, loop: asyncio.AbstractEventLoop) -> None:
        self.rules = rules
        self._loop = loop
        self._members: set[Member] = set()
        self._counts = _counts(rules)
        atexit.register(self._counts.close)
        self._is_sweeping = False
        self._said_at = float("-inf")

    def enter(self, member: Member, address: str) -> bool:
        """False if its address has as many as it may."""
        place = self._place(address)
        if place and not self._has_room_for(place):
            self._say(address)
            return False
        if place:
            self._counts.add(place, 1)
        self._members.add(member)
        if not self._is_sweeping:
            self._is_sweeping = True
            self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        return True

    def leave(self, member: Member, address: str) -> None:
        if member not in self._members:
            return
        self._members.remove(member)
        if place := self._place(address):
            self._counts.add(place, -1)

    def _has_room_for(self, place: str) -> bool:
        count = self._counts.total(place)
        if count and count % _LOOKED_AROUND_EVERY == 0:
            # Another process may have come just now, with as many.
            self._counts.refresh()
            count = self._counts.total(place)
        return count < self.rules.per_address

    def _place(self, address: str) -> str:
        """What connections are counted by; empty for those that are not counted."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return ""
        if any(found in network for network in self.rules.trusted):
            return ""
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, _IPV6_BITS), strict=False))
        return address

    def _sweep(self) -> None:
        now = self._loop.time()
        for member in [member for member in self._members if member.deadline is not None and member.deadline <= now]:
            member.expire()
        self._counts.refresh()
        self._is_sweeping = bool(self._members)
        if self._is_sweeping:
            self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _say(self, address: str) -> None:
        now = self._loop.time()
        if now - self._said_at >= _SAID_EVERY_SECONDS:
            self._said_at = now
            most = self.rules.per_address
            logger.warning("%s has %d connections: more are closed (WEB_CONNECTIONS_PER_ADDRESS)", address, most)


class _OwnCounts:
    """The counts of this process alone."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, place: str, amount: int) -> None:
        self._counts[place] += amount
        if self._counts[place] <= 0:
            del self._counts[place]

    def total(self, place: str) -> int:
        return self._counts[place]

    def refresh(self) -> None:
        """Nobody else is there."""

    def close(self) -> None:
        """Nothing is kept."""


def _counts(rules: Rules) -> SharedCounts | _OwnCounts:
    if rules.shared is None:
        return _OwnCounts()
    try:
        return SharedCounts(rules.shared, key=settings.SECRET_KEY.encode())
    except OSError as error:
        logger.warning("connections are counted by each web process for itself: %s", error)
        return _OwnCounts()
