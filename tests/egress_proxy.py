"""A small proxy on the loopback, HTTP's CONNECT and SOCKS5 by one port, that notes what it is asked and by whom.

Whatever address it is asked for, it connects to the `server` it was given: tests need no network.
"""

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from booper.targets.proxies import Proxy, Scheme

SILENCE = b""
"""As an answer: none, the connection is left open."""


class EgressProxy:
    """`asked` are the places it was to connect to, `[2001:db8::1]:443` for IPv6; `heads` all that HTTP clients said."""

    def __init__(self, server_port: int | None = None, *, user: str | None = None, password: str | None = None) -> None:
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.signed_in: list[tuple[str, str]] = []
        self.connection_count = 0
        self.status: Callable[[str], int | bytes] = lambda place: 200
        """What CONNECT is answered, by place; bytes as they are."""
        self.reply: Callable[[str], int] = lambda place: 0
        """The same for SOCKS5."""
        self._server_port = server_port
        self._account = None if user is None else (user, password or "")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._is_over = threading.Event()
        self._sockets: list[socket.socket] = []

    def as_proxy(self, scheme: Scheme, *, user: str | None = None, password: str | None = None) -> Proxy:
        """How a policy is told of it."""
        return Proxy(scheme, "127.0.0.1", self.port, user, password)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connection_count += 1
                self._sockets.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client:
            first = _exactly(client, 1)
            is_connected = self._socks(client) if first == b"\x05" else self._connect(client, first)
            if is_connected:
                self._carry(client)

    def _connect(self, client: socket.socket, first: bytes) -> bool:
        head = first
        while b"\r\n\r\n" not in head:
            head += _exactly(client, 1)
        self.heads.append(head.decode())
        method, place, _ = self.heads[-1].split("\r\n")[0].split(" ")
        self.asked.append(place if method == "CONNECT" else f"{method} {place}")
        status: int | bytes = 407
        if self._account is None or f"Proxy-Authorization: Basic {_basic(self._account)}" in self.heads[-1]:
            status = self.status(place)
        if status == SILENCE:
            self._is_over.wait(30)
        answer = status if isinstance(status, bytes) else b"HTTP/1.1 %d Said so\r\nX-Of: the proxy\r\n\r\n" % status
        client.sendall(answer)
        return status == 200

    def _socks(self, client: socket.socket) -> bool:
        offered = _exactly(client, _exactly(client, 1)[0])
        wanted = 0 if self._account is None else 2
        if wanted not in offered:
            client.sendall(b"\x05\xff")
            return False
        client.sendall(bytes((5, wanted)))
        if self._account is not None and not self._signs_in(client):
            return False
        _, _, _, kind = _exactly(client, 4)
        host = {1: lambda: str(IPv4Address(_exactly(client, 4))), 4: lambda: f"[{IPv6Address(_exactly(client, 16))}]"}
        name = host[kind]() if kind in host else _exactly(client, _exactly(client, 1)[0]).decode()
        place = f"{name}:{struct.unpack('!H', _exactly(client, 2))[0]}"
        self.asked.append(place)
        said = self.reply(place)
        if said < 0:
            self._is_over.wait(30)
        client.sendall(bytes((5, said, 0, 1)) + bytes(6))
        return said == 0

    def _signs_in(self, client: socket.socket) -> bool:
        _exactly(client, 1)
        user = _exactly(client, _exactly(client, 1)[0]).decode()
        password = _exactly(client, _exactly(client, 1)[0]).decode()
        self.signed_in.append((user, password))
        is_known = (user, password) == self._account
        client.sendall(b"\x01\x00" if is_known else b"\x01\x01")
        return is_known

    def _carry(self, client: socket.socket) -> None:
        assert self._server_port is not None, "it was given no server"
        with socket.create_connection(("127.0.0.1", self._server_port)) as server:
            self._sockets.append(server)
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join(30)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65_536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


def _exactly(client: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        chunk = client.recv(count - len(received))
        if not chunk:
            raise OSError("the client has gone")
        received += chunk
    return received


def _basic(account: tuple[str, str]) -> str:
    return base64.b64encode(":".join(account).encode()).decode()
