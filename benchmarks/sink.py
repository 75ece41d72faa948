"""The target of every measurement: answers at once (or after a delay), and counts what arrived and when.

`/` answers at once, `/slow/MS` after so many milliseconds, `/due/SECONDS` notes how late it is against that unix time.
`/_report` tells what arrived since `/_reset`. One process, so that no side has a quicker target than another.
"""

import asyncio
import json
import resource
import socket
import sys
import time
import urllib.request
from typing import Any

_MOST_SOCKETS = 20_000
_BODY = b'{"ok":true}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
_OK = _ANSWER % (len(_BODY), _BODY)


class Counts:
    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.lateness: list[float] = []
        self.waiting = 0
        self.most_waiting = 0

    def report(self) -> bytes:
        times = self.arrivals
        at = [times[min(len(times) - 1, len(times) * tenth // 10)] for tenth in range(11)] if times else []
        late = sorted(self.lateness)
        percentiles = {f"p{p}": late[min(len(late) - 1, len(late) * p // 100)] for p in (50, 99)} if late else {}
        return json.dumps(
            {"count": len(times), "tenths": at, "most_waiting": self.most_waiting, "late": percentiles}
        ).encode()


class Connection(asyncio.Protocol):
    counts = Counts()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data if self.buffer else data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            size = end + 4
            if buffer[:4] == b"POST":
                size += _content_length(buffer[:end])
                if len(buffer) < size:
                    break
            self.answer(buffer[: buffer.find(b"\r\n")])
            buffer = buffer[size:]
        self.buffer = buffer

    def answer(self, line: bytes) -> None:
        path = line.split(b" ", 2)[1]
        counts = Connection.counts
        if path.startswith(b"/_"):
            report = counts.report()
            if path == b"/_reset":
                Connection.counts = Counts()
            self.transport.write(_ANSWER % (len(report), report))
            return
        now = time.time()
        counts.arrivals.append(now)
        if path.startswith(b"/slow/"):
            counts.waiting += 1
            counts.most_waiting = max(counts.most_waiting, counts.waiting)
            asyncio.get_running_loop().call_later(int(path[6:]) / 1000, self.answer_late, counts)
            return
        if path.startswith(b"/due/"):
            counts.lateness.append(now - float(path[5:]))
        self.transport.write(_OK)

    def answer_late(self, counts: Counts) -> None:
        counts.waiting -= 1
        self.transport.write(_OK)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


def allow_open_files() -> None:
    """A socket for each request that waits: many systems start processes with 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_SOCKETS if hard == resource.RLIM_INFINITY else min(_MOST_SOCKETS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve(port: int) -> None:
    allow_open_files()
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    server = await asyncio.get_running_loop().create_server(Connection, sock=listener, backlog=4096)
    await server.serve_forever()


class Sink:
    """The sink as its measurement sees it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"

    def reset(self) -> None:
        self._get("_reset")

    def report(self) -> dict[str, Any]:
        return self._get("_report")

    def is_up(self) -> bool:
        try:
            self.report()
        except OSError:
            return False
        return True

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            report: dict[str, Any] = json.load(answer)
        return report


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
