"""A network between a process and its server that a test may cut, slow down, or end in one direction only."""

import contextlib
import socket
import threading
import time
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_CHUNK_BYTES = 65_536


class Proxy:
    """Takes connections on a port of its own and carries bytes to `url`'s server and back, until it is told otherwise.

    What was sent while it drops is gone for good, so the connections of that time have to be reset afterwards, as
    networks do by themselves.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._is_dropping = threading.Event()
        self._delay_seconds = 0.0

    @property
    def url(self) -> str:
        """The server's URL, by way of this proxy."""
        port = self._listener.getsockname()[1]
        user = self._target.netloc.rpartition("@")[0]
        return urlunsplit(self._target._replace(netloc=f"{user}@127.0.0.1:{port}"))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave who waits in accept where they are.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def drop(self) -> None:
        """Takes what is sent, and loses it. New connections are taken too, and lead nowhere."""
        self._is_dropping.set()

    def delay(self, seconds: float) -> None:
        """Carries each chunk so much later, in both directions."""
        self._delay_seconds = seconds

    def recover(self) -> None:
        """Carries bytes as at first. Connections that lost some are reset."""
        self._delay_seconds = 0.0
        if self._is_dropping.is_set():
            self._is_dropping.clear()
            self.reset()

    def reset(self) -> None:
        """Ends all connections."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def half_close(self) -> None:
        """Tells the clients of all connections that no more will come, and goes on taking what they send."""
        for client, _ in list(self._pairs):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((self._target.hostname or "", self._target.port or 0), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._pairs.append((client, server))
            threading.Thread(target=self._join, args=(client, server), name="proxied", daemon=True).start()

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            back = threading.Thread(target=self._carry, args=(server, client), name="proxied back", daemon=True)
            back.start()
            self._carry(client, server)
            back.join()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                if self._is_dropping.is_set():
                    continue
                time.sleep(self._delay_seconds)
                sink.sendall(chunk)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
