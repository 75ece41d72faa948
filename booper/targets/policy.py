"""Who may be contacted, and how much is taken from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import certifi

from booper.targets.addresses import Network, parse_network
from booper.targets.ports import Ports
from booper.targets.proxies import Proxy


class OpenSocket(Protocol):
    """A socket.socket, as far as a policy knows."""

    def detach(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A Sender has one for life, so a kept connection is never used under another."""

    allow_http: bool = False
    allowed_networks: tuple[str | Network, ...] = ()
    """What `addresses.blocked_reason` is to let through, such as "10.0.0.0/8"."""
    blocked_networks: tuple[str | Network, ...] = ()
    """What is refused beside the private ones, allowed or not."""
    ports: Ports | None = None
    """The only ports that may be dialled; None: all but those of well-known other protocols."""
    proxy: Proxy | None = None
    """What all requests leave by. It is told the address of a target, which is judged here as if it were dialled."""
    max_response_bytes: int = 65_536
    """The most bytes of a body; the rest is not read."""
    max_header_bytes: int = 65_536
    max_header_count: int = 256
    connect_timeout_seconds: float = 10.0
    """The limit for TCP and TLS together; a request's own time-out may be shorter."""
    ca_file: str = field(default_factory=certifi.where)
    """Certificate authorities in PEM: no others are trusted."""
    resolve: Callable[[str], Sequence[str]] | None = None
    """A name's addresses in the order to try them, or OSError; called in threads. None: the system's resolver."""
    open_socket: Callable[[int, tuple[Any, ...]], OpenSocket] | None = None
    """An unconnected TCP socket for the family and address about to be dialled, or OSError. None: a plain one."""

    def __post_init__(self) -> None:
        for network in (*self.allowed_networks, *self.blocked_networks):
            parse_network(network)
        if self.connect_timeout_seconds <= 0:
            raise ValueError(f"connect_timeout_seconds is {self.connect_timeout_seconds}: it must be above 0")
        for name in ("max_response_bytes", "max_header_bytes", "max_header_count"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must not be below 0")
