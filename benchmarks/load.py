"""Requests to a web process over a few kept connections, by as little code as that takes: it is not to be the limit."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered: how many requests in how many seconds, and the milliseconds each took, in order."""

    count: int
    seconds: float
    milliseconds: list[float]

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def p50(self) -> float:
        return median(self.milliseconds)

    @property
    def p99(self) -> float:
        return self.milliseconds[min(self.count - 1, self.count * 99 // 100)]


def request(
    method: str, path: str, *, key: str = "", cookie: str = "", body: Any = None, more: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of one request."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}"]
    lines += ["Content-Type: application/json"] if content else []
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += [f"Cookie: {cookie}"] if cookie else []
    lines += [f"{name}: {value}" for name, value in (more or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def send(port: int, wanted: bytes, *, seconds: float = 0.0, count: int = 0, connections: int = 8) -> Load:
    """The same request again and again, for so many seconds or so many times. Raises RuntimeError for an answer that
    is not 2xx."""
    return asyncio.run(_send(port, wanted, seconds=seconds, count=count, connections=connections))


async def _send(port: int, wanted: bytes, *, seconds: float, count: int, connections: int) -> Load:
    # Some requests before the clock starts: what a process and its threads build at the first is not to be measured.
    await asyncio.gather(*(_converse(port, wanted, iter([None]), []) for _ in range(connections)))
    milliseconds: list[float] = []
    began = time.perf_counter()
    turns = _turns(began + seconds) if seconds else iter([None] * count)
    await asyncio.gather(*(_converse(port, wanted, turns, milliseconds) for _ in range(connections)))
    took = time.perf_counter() - began
    return Load(len(milliseconds), took, sorted(milliseconds))


async def answered(port: int, wanted: bytes) -> list[float]:
    """The milliseconds of one request over a connection of its own. Raises RuntimeError if it is not answered 2xx."""
    milliseconds: list[float] = []
    await _converse(port, wanted, iter([None]), milliseconds)
    return milliseconds


def _turns(until: float) -> Iterator[None]:
    while time.perf_counter() < until:
        yield None


async def _converse(port: int, wanted: bytes, turns: Iterator[None], milliseconds: list[float]) -> None:
    """One connection: the next request once the last is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    try:
        for _ in turns:
            began = time.perf_counter()
            writer.write(wanted)
            await _read_answer(reader)
            milliseconds.append(1000 * (time.perf_counter() - began))
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        body = await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))
    else:
        body = await _read_chunks(reader)
    if head[9:10] != b"2":
        raise RuntimeError(f"answered {head[:200]!r} {body[:500]!r}")


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body
