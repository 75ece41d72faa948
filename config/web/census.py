"""The connections of one web process: how many each address has, and which have outlived their deadline."""

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
logger = logging.getLogger(__name__)

_SWEEP_SECONDS = 0.5
_SAID_EVERY_SECONDS = 60.0
# Who has one IPv6 address has the whole of such a network.
_IPV6_BITS = 64


@dataclass(frozen=True, slots=True)
class Rules:
    """What a connection may take. `per_address` does not count for the addresses that are `trusted`."""

    head_seconds: float = 10.0
    body_seconds: float = 60.0
    per_address: int = 512
    trusted: Sequence[Network] = ()

    @classmethod
    def of_settings(cls) -> "Rules":
        return cls(
            head_seconds=settings.WEB_HEAD_SECONDS,
            body_seconds=settings.WEB_BODY_SECONDS,
            per_address=settings.WEB_CONNECTIONS_PER_ADDRESS,
            trusted=settings.BOOPER_TRUSTED_PROXIES,
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
        self._counts: Counter[str] = Counter()
        self._is_sweeping = False
        self._said_at = float("-inf")

    def enter(self, member: Member, address: str) -> bool:
        """False if its address has as many as it may."""
        place = self._place(address)
        if place and self._counts[place] >= self.rules.per_address:
            self._say(address)
            return False
        self._counts[place] += 1
        self._members.add(member)
        if not self._is_sweeping:
            self._is_sweeping = True
            self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        return True

    def leave(self, member: Member, address: str) -> None:
        if member not in self._members:
            return
        self._members.remove(member)
        place = self._place(address)
        self._counts[place] -= 1
        if self._counts[place] <= 0:
            del self._counts[place]

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
        self._is_sweeping = bool(self._members)
        if self._is_sweeping:
            self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _say(self, address: str) -> None:
        now = self._loop.time()
        if now - self._said_at >= _SAID_EVERY_SECONDS:
            self._said_at = now
            most = self.rules.per_address
            logger.warning("%s has %d connections: more are closed (WEB_CONNECTIONS_PER_ADDRESS)", address, most)
