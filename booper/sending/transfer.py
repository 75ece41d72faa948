"""One exchange on its libcurl handle: the options it is sent with, and what libcurl calls back for it."""

from __future__ import annotations

import math
import socket
from collections.abc import Hashable, Sequence
from typing import Any, Generic, TypeVar

import pycurl

from booper.outcomes.outcome import Request
from booper.sending import by_proxy
from booper.sending.connections import Connections
from booper.sending.exchange import Exchange
from booper.sending.sockets import Sockets
from booper.targets.urls import Target

Key = TypeVar("Key", bound=Hashable)

# Common servers close an idle connection after 5 s: one that is used up to that moment dies under a request.
_KEPT_IDLE_SECONDS = 4
_KEPT_AT_MOST_SECONDS = 60
# Addresses of one name that a proxy is asked for, one after the other, until it has a connection.
_MOST_TOLD = 4

_OPTIONS = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.PATH_AS_IS, 1),
    # An empty proxy outweighs http_proxy and its like in the environment.
    (pycurl.PROXY, ""),
    (pycurl.NOPROXY, "*"),
    (pycurl.NETRC, pycurl.NETRC_IGNORED),
    (pycurl.USERAGENT, ""),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.HTTP09_ALLOWED, 0),
    (pycurl.HTTP_CONTENT_DECODING, 0),
    (pycurl.SSL_VERIFYPEER, 1),
    (pycurl.SSL_VERIFYHOST, 2),
    (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
    (pycurl.TCP_NODELAY, 1),
    (pycurl.TCP_KEEPALIVE, 1),
    (pycurl.MAXAGE_CONN, _KEPT_IDLE_SECONDS),
    (pycurl.MAXLIFETIME_CONN, _KEPT_AT_MOST_SECONDS),
)
# Without a body, these say so: Content-Length: 0.
_METHODS_WITH_A_LENGTH = frozenset(("POST", "PUT", "PATCH"))

pycurl.global_init(pycurl.GLOBAL_DEFAULT)


def open_socket(family: int, address: tuple[Any, ...]) -> socket.socket:
    """An unconnected TCP socket for an address that has been permitted, or OSError."""
    return socket.socket(family, socket.SOCK_STREAM)


class Transfer(Generic[Key]):
    """An exchange on its libcurl handle: the callbacks, in libcurl's numbers."""

    __slots__ = (
        "_connections",
        "_dialled",
        "_judged",
        "_sockets",
        "begun_at",
        "easy",
        "exchange",
        "is_stale",
        "key",
        "known",
        "told",
        "waits_for",
    )

    def __init__(self, key: Key, exchange: Exchange, *, connections: Connections, sockets: Sockets) -> None:
        self.key = key
        self.exchange = exchange
        self.easy: Any = None
        self.begun_at = exchange.started_at
        """When libcurl was given it."""
        self.known: dict[str, Sequence[str]] = {}
        """The addresses of the names that were looked up for it."""
        self.waits_for: str | None = None
        """The name that is being looked up."""
        self.is_stale = False
        """The kept connection that libcurl chose was closed already, or another owner's: nothing was sent on it."""
        self._connections = connections
        self._sockets = sockets
        self._dialled: dict[tuple[str, int], int] = {}
        self.told: str | None = None
        """The target's address that the proxy is asked for."""
        self._judged = 0

    @property
    def unknown_name(self) -> str | None:
        """The next name that is to be looked up before anything is dialled."""
        target, proxy = self.exchange.target, self.exchange.policy.proxy
        if target.address is None and target.host not in self.known:
            return target.host
        if proxy is not None and not proxy.is_address and proxy.host not in self.known:
            return proxy.host
        return None

    @property
    def addresses(self) -> Sequence[str]:
        """The target's, in the order to try them."""
        target = self.exchange.target
        return self.known.get(target.host, ()) if target.address is None else (str(target.address),)

    def tell_next(self) -> bool:
        """Sets `told` to the next address that may be told to the proxy, if there is one."""
        for address in self.addresses[self._judged : _MOST_TOLD]:
            self._judged += 1
            if self.exchange.may_reach(address):
                self.told = address
                return True
        return False

    def on_dial(self, purpose: int, address: Any) -> int:
        if address.family not in (socket.AF_INET, socket.AF_INET6) or not self.exchange.may_dial(address.addr[0]):
            return int(pycurl.SOCKET_BAD)
        try:
            file = (self.exchange.policy.open_socket or open_socket)(address.family, address.addr).detach()
        except Exception as error:  # a hook's too: libcurl would print it and go on
            self.exchange.socket_error = str(error) or type(error).__name__
            return int(pycurl.SOCKET_BAD)
        self.exchange.has_dialled = True
        self._sockets.dialled(file)
        self._dialled[address.addr[:2]] = file
        return file

    def on_connected(self, remote_ip: str, local_ip: str, remote_port: int, local_port: int) -> int:
        endpoints = (remote_ip, remote_port, local_ip, local_port)
        file = self._dialled.get((remote_ip, remote_port))
        if file is not None:
            self._connections.opened(endpoints, file, owner=self.exchange.request.owner)
        elif not self.exchange.is_sent and not self._connections.may_serve(endpoints, self.exchange.request.owner):
            self.is_stale = True
            return int(pycurl.PREREQFUNC_ABORT)
        return int(pycurl.PREREQFUNC_OK if self.exchange.may_send() else pycurl.PREREQFUNC_ABORT)

    def on_header(self, line: bytes) -> int:
        return len(line) if self.exchange.reply.take_header(line) else -1

    def on_body(self, chunk: bytes) -> int:
        return len(chunk) if self.exchange.reply.take_body(chunk) else -1

    def dress(self, *, now: float) -> None:
        """Sets the options of the handle, which has none set."""
        easy, request, target, policy = self.easy, self.exchange.request, self.exchange.target, self.exchange.policy
        remaining_ms = max(1, math.ceil((self.exchange.deadline - now) * 1000))
        for option, value in _OPTIONS:
            easy.setopt(option, value)
        easy.setopt(pycurl.URL, target.url)
        if "%" in target.path:
            # By itself libcurl would spell escapes in its own way: %2F for %2f.
            easy.setopt(pycurl.REQUEST_TARGET, target.path)
        easy.setopt(pycurl.TIMEOUT_MS, remaining_ms)
        easy.setopt(pycurl.CONNECTTIMEOUT_MS, min(remaining_ms, math.ceil(policy.connect_timeout_seconds * 1000)))
        if target.scheme == "https":
            easy.setopt(pycurl.CAINFO, policy.ca_file)
            # Some builds of libcurl trust a folder of the system's as well.
            easy.unsetopt(pycurl.CAPATH)
        if policy.proxy is not None and self.told is not None:
            proxy_addresses = self.known.get(policy.proxy.host, ())
            self.exchange.proxy_addresses = frozenset(proxy_addresses or (policy.proxy.host,))
            by_proxy.dress(easy, policy.proxy, target=target, address=self.told, proxy_addresses=proxy_addresses)
        elif target.address is None:
            easy.setopt(pycurl.RESOLVE, [_resolve_entry(target, self.addresses)])
        if self.is_stale or not request.reuse_connection:
            easy.setopt(pycurl.FRESH_CONNECT, 1)
        _set_message(easy, request, header_lines=self.exchange.header_lines)
        easy.setopt(pycurl.OPENSOCKETFUNCTION, self.on_dial)
        easy.setopt(pycurl.PREREQFUNCTION, self.on_connected)
        easy.setopt(pycurl.HEADERFUNCTION, self.on_header)
        easy.setopt(pycurl.WRITEFUNCTION, self.on_body)


def _set_message(easy: Any, request: Request, *, header_lines: list[bytes]) -> None:
    if request.body is not None or request.method in _METHODS_WITH_A_LENGTH:
        easy.setopt(pycurl.POSTFIELDS, request.body or b"")
    if request.method != "GET" or request.body is not None:
        easy.setopt(pycurl.CUSTOMREQUEST, request.method)
    if request.reuse_connection:
        easy.setopt(pycurl.HTTPHEADER, header_lines)
    else:
        easy.setopt(pycurl.FORBID_REUSE, 1)
        # So that the target is the one to close, and its side waits out TCP's quarantine of the port.
        easy.setopt(pycurl.HTTPHEADER, [*header_lines, b"Connection: close"])


def _resolve_entry(target: Target, addresses: Sequence[str]) -> str:
    listed = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
    # The plus lets libcurl forget it again.
    return f"+{target.host}:{target.port}:{listed}"
