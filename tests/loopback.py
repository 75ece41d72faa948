"""Servers on the loopback that answer byte for byte what a test tells them to, each connection in a thread."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from booper.outcomes.outcome import Request
from booper.sending.sender import Policy

POLICY = Policy(allow_http=True, allowed_networks=("127.0.0.0/8", "::1"))
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def a_request(
    url: str,
    *,
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
    timeout_seconds: float = 10.0,
    reuse_connection: bool = True,
) -> Request:
    return Request(
        method=method,
        url=url,
        headers=headers,
        body=body,
        timeout_seconds=timeout_seconds,
        reuse_connection=reuse_connection,
    )


class Connection:
    """The server's end of one connection."""

    def __init__(self, server: "Server", peer: socket.socket) -> None:
        self.server = server
        self._peer = peer
        self._unread = b""

    def read_request(self) -> bytes:
        """Head and body; b"" once the client has closed. Every request is noted in `server.requests`."""
        while b"\r\n\r\n" not in self._unread:
            if not self._read_more():
                return b""
        head, _, rest = self._unread.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(rest) < length and self._read_more():
            rest = self._unread.partition(b"\r\n\r\n")[2]
        request = head + b"\r\n\r\n" + rest[:length]
        self._unread = rest[length:]
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        self._peer.sendall(data)

    def drip(self, data: bytes, *, every_seconds: float = 0.02) -> None:
        """One byte at a time, until the client or the test has had enough."""
        for number in range(len(data)):
            self.send(data[number : number + 1])
            if self.server.is_over.wait(every_seconds):
                return

    def hang(self) -> None:
        self.server.is_over.wait(30)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._peer.close()

    def _read_more(self) -> bool:
        chunk = self._peer.recv(65_536)
        self._unread += chunk
        return bool(chunk)


class Server:
    """Notes every connection and request; each connection has a thread."""

    def __init__(
        self, listener: socket.socket, handle: Callable[[Connection], None], tls: ssl.SSLContext | None
    ) -> None:
        self.port: int = listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.connection_count = 0
        self.is_over = threading.Event()
        self._listener = listener
        self._handle = handle
        self._tls = tls
        self._connections: list[Connection] = []
        self._closed: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, path: str = "/", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def heads(self) -> list[list[str]]:
        """The lines of each request's head."""
        return [request.partition(b"\r\n\r\n")[0].decode().split("\r\n") for request in self.requests]

    @property
    def bodies(self) -> list[bytes]:
        return [request.partition(b"\r\n\r\n")[2] for request in self.requests]

    @property
    def closed_count(self) -> int:
        return len(self._closed)

    def stop(self) -> None:
        self.is_over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(5)
        for connection in self._connections:
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connection_count += 1
                thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, peer: socket.socket) -> None:
        # The client hangs up when it has had enough: that is what is being tested, not an error here.
        with contextlib.suppress(OSError):
            if self._tls is not None:
                peer = self._tls.wrap_socket(peer, server_side=True)
            connection = Connection(self, peer)
            self._connections.append(connection)
            self._handle(connection)
            connection.close()
        peer.close()
        self._closed.append(peer)


@contextlib.contextmanager
def serving(
    handle: Callable[[Connection], None], *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Server]:
    """A server that hands each connection to `handle`, and closes it after that."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = Server(socket.create_server((host, 0), family=family, backlog=512), handle, tls)
    try:
        yield server
    finally:
        server.stop()


def answer_all(answer: bytes = ANSWER) -> Callable[[Connection], None]:
    """Answers every request of a connection with `answer`, as long as the client keeps it."""

    def handle(connection: Connection) -> None:
        while connection.read_request():
            connection.send(answer)

    return handle


def answer_once(answer: bytes = ANSWER) -> Callable[[Connection], None]:
    """Answers one request with `answer`, then closes the connection."""

    def handle(connection: Connection) -> None:
        connection.read_request()
        connection.send(answer)

    return handle


@contextlib.contextmanager
def silent_listener(*, backlog: int) -> Iterator[str]:
    """The URL of a port where connections are made, by the kernel, and nobody ever reads from them."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
