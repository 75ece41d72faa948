"""A target on the loopback that records every request it gets and answers as it is told."""

import asyncio
import contextlib
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from http import HTTPStatus
from typing import Any, Self

_BACKLOG = 4096
# Time enough for the answer to be taken in, and its connection to be kept.
_LATE_SECONDS = 0.01


@dataclass(slots=True)
class Arrival:
    """One request as it came in; times are unix seconds. `answered_at` is None where the client went away before."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    answered_at: float | None = None
    status: int | None = None

    @property
    def job_id(self) -> int | None:
        return int(self.headers["booper-job-id"]) if "booper-job-id" in self.headers else None

    @property
    def attempt(self) -> int:
        return int(self.headers["booper-attempt"])

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """`delay_seconds` of None: it never comes. What is `late` comes after it, unasked, on the same connection."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    delay_seconds: float | None = 0.0
    late: bytes = b""


Answer = Callable[[Arrival], Reply]


def always(reply: Reply) -> Answer:
    return lambda arrival: reply


def in_turn(*replies: Reply) -> Answer:
    """Each once, the last one for ever."""
    left = list(replies)
    return lambda arrival: left.pop(0) if len(left) > 1 else left[0]


@dataclass
class Target:
    """Serves from a thread of its own while it is entered. `otherwise` answers for what no path is told to."""

    arrivals: list[Arrival] = field(default_factory=list)
    port: int = 0
    host: str = "127.0.0.1"
    otherwise: Answer = field(default_factory=lambda: always(Reply()))

    def __post_init__(self) -> None:
        self._answers: dict[str, Answer] = defaultdict(lambda: self.otherwise)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="target", daemon=True)
        self._is_up = threading.Event()
        self._connections: set[_Connection] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_up.wait(10), "the target did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}:{self.port}{path}"

    def answer(self, path: str, answer: Answer) -> str:
        """From now on requests for `path` are answered so, from the target's own thread. Returns the URL of `path`."""
        self._answers[path] = answer
        return self.url(path)

    def reply_to(self, arrival: Arrival) -> Reply:
        return self._answers[arrival.path.partition("?")[0]](arrival)

    def at(self, path: str) -> list[Arrival]:
        return [arrival for arrival in list(self.arrivals) if arrival.path == path]

    def count_by_job(self) -> Counter[int]:
        return Counter(arrival.job_id for arrival in list(self.arrivals) if arrival.job_id is not None)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(
                lambda: _Connection(self, self._loop, self._connections), self.host, self.port, backlog=_BACKLOG
            )
        )
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        self._loop.run_forever()
        server.close()
        for connection in list(self._connections):
            connection.abort()
        # Once more round the loop, in which they close.
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Connection(asyncio.Protocol):
    """Reads one request after the other; answers the one before it reads the next."""

    def __init__(self, target: Target, loop: asyncio.AbstractEventLoop, connections: "set[_Connection]") -> None:
        self._target = target
        self._loop = loop
        self._connections = connections
        self._unread = b""
        self._is_answering = False
        self._is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._is_open = False
        self._connections.discard(self)

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        self._next()

    def _next(self) -> None:
        head, found, rest = self._unread.partition(b"\r\n\r\n")
        if self._is_answering or not found:
            return
        line, _, fields = head.partition(b"\r\n")
        headers = {name.lower(): value for name, value in BytesHeaderParser().parsebytes(fields).items()}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        method, path, _ = line.decode("latin-1").split(" ")
        arrival = Arrival(at=time.time(), method=method, path=path, headers=headers, body=rest[:length])
        self._unread = rest[length:]
        self._target.arrivals.append(arrival)
        self._is_answering = True
        reply = self._target.reply_to(arrival)
        if reply.delay_seconds == 0:
            self._answer(arrival, reply)
        elif reply.delay_seconds is not None:
            self._loop.call_later(reply.delay_seconds, self._answer, arrival, reply)

    def _answer(self, arrival: Arrival, reply: Reply) -> None:
        if not self._is_open:
            return
        closes = arrival.headers.get("connection", "").lower() == "close"
        fields = [*reply.headers, ("Content-Type", "application/json"), ("Content-Length", str(len(reply.body)))]
        if closes:
            fields.append(("Connection", "close"))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        line = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
        arrival.answered_at, arrival.status = time.time(), reply.status
        with contextlib.suppress(OSError):
            self._transport.write(f"{line}{head}\r\n".encode() + reply.body)
            if reply.late:
                self._loop.call_later(_LATE_SECONDS, self._transport.write, reply.late)
        self._is_answering = False
        if closes:
            self._transport.close()
        else:
            self._next()
