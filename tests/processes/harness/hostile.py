"""What hostile tenants, strangers and targets do, in a process of its own: `python -m tests.processes.harness.hostile`.

In the process of the tests it would slow down what measures. From another machine it would take none of this one's
time: so it stands back behind all else, and fills what is left.
"""

import contextlib
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tests.processes.harness.target import Arrival, Reply, Target

_NICENESS = 10
# Another address than that of the tests, as an attacker has: connections are counted by it.
_ADDRESS = ("127.0.0.66", 0)
_HALVES = (
    b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nX-Half",
    b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
)
_MOST_HALVES = 600
_TELL_SECONDS = 0.2


def call(
    port: int, *, method: str, path: str, keys: list[str], connections: int, job: Any = None, times: int = 1
) -> None:
    """Sends the same on and on, on so many connections for each key: nothing, or a batch of one job `times` over."""
    body = None if job is None else json.dumps({"jobs": [job] * times}).encode()
    statuses: Counter[str] = Counter()

    def run(key: str) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=_ADDRESS)
        while True:
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                response.read()
                statuses[str(response.status)] += 1
            except (OSError, http.client.HTTPException):
                connection.close()
                statuses["none"] += 1

    for key in keys * connections:
        threading.Thread(target=run, args=(key,), daemon=True).start()
    _tell(lambda: statuses)


def hold_halves(port: int) -> None:
    """Keeps as many halves of requests open as there may be, and opens another for each that ends."""
    opened: list[socket.socket] = []
    counts: Counter[str] = Counter()

    def fill() -> None:
        while True:
            for half in _HALVES:
                with contextlib.suppress(OSError):
                    opened.append(socket.create_connection(("127.0.0.1", port), 5, source_address=_ADDRESS))
                    opened[-1].sendall(half)
                    counts["halves"] += 1
            while len(opened) > _MOST_HALVES:
                opened.pop(0).close()

    threading.Thread(target=fill, daemon=True).start()
    _tell(lambda: counts)


def serve(*, host: str, status: int = 200, headers: Mapping[str, str] = {}, delay_seconds: float | None = 0.0) -> None:
    """A target that answers always the same, and counts what it is sent by host and each three seconds."""
    starts: Counter[str] = Counter()
    reply = Reply(status, headers=tuple(headers.items()), delay_seconds=delay_seconds)

    def answer(arrival: Arrival) -> Reply:
        starts[f"{arrival.headers['host']} {int(arrival.at / 3)}"] += 1
        target.arrivals.clear()
        return reply

    with Target(host=host, otherwise=answer) as target:
        _tell(
            lambda: {
                "port": target.port,
                "requests": starts.total(),
                "in three seconds": max(starts.values(), default=0),
            }
        )


def _tell(counts: Callable[[], Mapping[str, int]]) -> None:
    """Says them to the test, which reads what this process writes, again and again; never returns."""
    while True:
        time.sleep(_TELL_SECONDS)
        sys.stdout.write(f"{json.dumps(dict(counts()))}\n")
        sys.stdout.flush()


ACTS: dict[str, Callable[..., None]] = {"call": call, "hold_halves": hold_halves, "serve": serve}

if __name__ == "__main__":
    os.nice(_NICENESS)
    ACTS[sys.argv[1]](**json.loads(sys.argv[2]))
