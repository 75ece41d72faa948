"""Requests that leave by a proxy: what libcurl is told of it, and whose failure it is when there is no connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import pycurl

from booper.outcomes import failures
from booper.outcomes.failures import Progress
from booper.outcomes.outcome import Failure
from booper.targets.proxies import Proxy
from booper.targets.urls import Target

# pycurl has no name for this option of libcurl's: what the proxy answers is no answer of the target.
_SUPPRESS_CONNECT_HEADERS = 265
_TIMED_OUT = 28
_FAILED_AT_THE_PROXY = 97
_NO_CREDENTIALS = 407
# RFC 9110: whoever is behind the gateway did not answer it, or not in time.
_TARGET_DID_NOT_ANSWER = frozenset((502, 504))


class _Said(IntEnum):
    """libcurl's CURLPX_ numbers, which are part of its binary interface, as far as they decide something."""

    BAD_VERSION = 2
    NO_AUTH = 12
    RECV_AUTH = 14
    CONNECTION_REFUSED = 19
    GENERAL_FAILURE = 20
    HOST_UNREACHABLE = 21
    NETWORK_UNREACHABLE = 22
    NOT_ALLOWED = 23
    TTL_EXPIRED = 24
    USER_REJECTED = 33


_UNREACHABLE: dict[int, str] = {
    _Said.CONNECTION_REFUSED: "its connection was refused",
    _Said.HOST_UNREACHABLE: "the host can't be reached from there",
    _Said.NETWORK_UNREACHABLE: "the network can't be reached from there",
    _Said.TTL_EXPIRED: "it is too far away from there",
}
_NOT_KNOWN_TO_IT: dict[int, str] = {
    _Said.BAD_VERSION: "it does not speak SOCKS5",
    _Said.NO_AUTH: "it takes none of the ways to sign in that there are",
    _Said.RECV_AUTH: "it ended the connection as we signed in",
    _Said.USER_REJECTED: "it does not take our user and password",
}
_REFUSALS: dict[int, str] = {
    _Said.GENERAL_FAILURE: "it failed, and does not say why",
    _Said.NOT_ALLOWED: "its rules don't allow it",
}


@dataclass(frozen=True, slots=True)
class Handshake:
    """How far a request has come with its proxy."""

    is_connected: bool
    status: int
    """What the proxy answered CONNECT with; 0 if it did not, or is no HTTP proxy."""
    said: int
    """libcurl's number for what a SOCKS proxy said."""

    @classmethod
    def of(cls, easy: Any) -> Self:
        return cls(
            is_connected=easy.getinfo(pycurl.CONNECT_TIME) > 0,
            status=easy.getinfo(pycurl.HTTP_CONNECTCODE),
            said=easy.getinfo(pycurl.PROXY_ERROR),
        )

    @property
    def has_tunnel(self) -> bool:
        """An HTTP proxy has connected us: what fails from here on is the target's."""
        return 200 <= self.status < 300


def dress(easy: Any, proxy: Proxy, *, target: Target, address: str, proxy_addresses: Sequence[str]) -> None:
    """Has `easy` ask `proxy` for a tunnel to `address`, and speak in it to `target` by its name, be it TLS or not."""
    # The name is never told: as socks5h it would be sent, were it not for CONNECT_TO, and as socks5 looked up here.
    scheme = "socks5h" if proxy.scheme == "socks5" else proxy.scheme
    easy.setopt(pycurl.PROXY, f"{scheme}://{proxy.url.partition('://')[2]}")
    easy.setopt(pycurl.NOPROXY, "")
    easy.setopt(pycurl.HTTPPROXYTUNNEL, 1)
    easy.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
    easy.setopt(pycurl.CONNECT_TO, [f"::{_bracketed(address)}:{target.port}"])
    if proxy_addresses:
        easy.setopt(pycurl.RESOLVE, [f"+{proxy.host}:{proxy.port}:{','.join(map(_bracketed, proxy_addresses))}"])
    if proxy.user is not None:
        easy.setopt(pycurl.PROXYAUTH, pycurl.HTTPAUTH_BASIC)
        easy.setopt(pycurl.PROXYUSERNAME, proxy.user.encode())
        easy.setopt(pycurl.PROXYPASSWORD, (proxy.password or "").encode())


def failure(progress: Progress, handshake: Handshake, number: int, words: str) -> Failure | None:
    """The failure of a request that ended with libcurl's `number` before it was sent; None if it is the target's.

    A proxy that can't be reached, or does not know us, is nobody's fault; one that would not connect fails the attempt
    without a word against the target; one that says that the target did not answer is believed.
    """
    if handshake.has_tunnel:
        return None
    if not handshake.is_connected:
        return failures.proxy_unavailable(progress, "it does not answer in time" if number == _TIMED_OUT else words)
    if handshake.status == _NO_CREDENTIALS:
        return failures.proxy_unavailable(progress, "it answers 407, that it does not take our user and password")
    if handshake.status in _TARGET_DID_NOT_ANSWER:
        return failures.connect_failed(progress, f"the proxy answers {handshake.status}")
    if handshake.status:
        return failures.proxy_failed(progress, f"the proxy answers {handshake.status}")
    if number == _TIMED_OUT:
        seconds = progress.connect_timeout_seconds
        return failures.proxy_failed(progress, f"the proxy has not made one within {seconds:g} s")
    if number == _FAILED_AT_THE_PROXY:
        return _of_socks(progress, handshake.said, words)
    return failures.proxy_failed(progress, words)


def _of_socks(progress: Progress, said: int, words: str) -> Failure:
    if said in _NOT_KNOWN_TO_IT:
        return failures.proxy_unavailable(progress, _NOT_KNOWN_TO_IT[said])
    if said in _UNREACHABLE:
        return failures.connect_failed(progress, f"the proxy says that {_UNREACHABLE[said]}")
    return failures.proxy_failed(progress, f"the proxy says that {_REFUSALS[said]}" if said in _REFUSALS else words)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
