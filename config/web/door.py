"""An ASGI application around a WSGI one: it takes a whole request in hand before a thread has to do with it."""

import asyncio
import io
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

from config.web import refusals
from config.web.pool import Full, Pool
from config.web.refusals import Refusal
from jobs.telemetry import counters

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_MOST_WAITING = 1_000
_PATIENCE_SECONDS = 30.0
# Of all the bodies that are in hand at a time.
_MOST_BYTES_IN_HAND = 256 * 1024 * 1024
# Of a thread at the interpreter, while others want it.
_TURN_SECONDS = 0.001
# A batch of some hundred jobs: a twentieth of a second of the interpreter's time, or more.
_HEAVY_BYTES = 64 * 1024
_RETRY_AFTER_SECONDS = "1"
# Says of an answer that it is to be held back, for so many milliseconds, and how many may be at a time.
_HOLD = b"booper-hold"
_MOST_HELD = 1_000
_WITHOUT_CONTENT = (204, 205, 304)
_SEPARATORS = {"HTTP_COOKIE": "; "}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class ClientGone(Exception):
    """Nobody is there to be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which paths run where, and how much of a body is read.

    `at_once` are answered without any waiting, so that they need no thread; `apart` have threads of their own, which
    no other request takes. `longest_body` says it of a path, `caller_of` with whom a request takes its turn.
    """

    at_once: frozenset[str]
    apart: frozenset[str]
    longest_body: Callable[[str], int]
    threads: int
    caller_of: Callable[[Mapping[str, Any]], str]
    base_path: str = ""


class Door:
    """The ASGI application. Its threads start with the first request, or with the server's lifespan."""

    def __init__(self, application: WSGIApplication, rules: Rules) -> None:
        self._application = application
        self._rules = rules
        self._bytes_in_hand = 0
        self._held_back = 0
        self._pool: Pool[Answer] | None = None
        self._probes: Pool[Answer] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
            else:
                self._stop()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    def _start(self) -> None:
        # What one thread is at holds up the others, and the loop, each time that they have waited for something.
        sys.setswitchinterval(_TURN_SECONDS)
        how: dict[str, Any] = {"most_waiting": _MOST_WAITING, "patience_seconds": _PATIENCE_SECONDS}
        self._pool = Pool(threads=self._rules.threads, name="web", **how)
        self._probes = Pool(threads=2, name="probes", **how)

    def _stop(self) -> None:
        for pool in (self._pool, self._probes):
            if pool is not None:
                pool.stop()
        self._pool = self._probes = None

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        environ = environment(scope, base_path=self._rules.base_path)
        held: list[bytes] = []
        try:
            await self._read(environ, receive, held)
            answer = await self._answer(environ, b"".join(held))
        except ClientGone:
            return
        except Full:
            counters.own.count(counters.UNAVAILABLE, [counters.NO_THREAD])
            answer = _refused(Refusal(503, "more is asked of this server than it can answer: try again in a second"))
        except Exception:  # the application answers for its own; what is left is ours
            logger.exception("%s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            answer = _refused(Refusal(500, "this is a fault of the server, which has logged it: tell its operator"))
        finally:
            self._bytes_in_hand -= sum(map(len, held))
        headers = await self._hold_back(answer)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _hold_back(self, answer: Answer) -> Sequence[tuple[bytes, bytes]]:
        """Waits as long as the answer asks for, if it does, which takes no thread; the headers without its asking."""
        for_milliseconds = next((int(value) for name, value in answer.headers if name.lower() == _HOLD), None)
        if for_milliseconds is None:
            return answer.headers
        if self._held_back < _MOST_HELD:
            self._held_back += 1
            try:
                await asyncio.sleep(for_milliseconds / 1000)
            finally:
                self._held_back -= 1
        return [(name, value) for name, value in answer.headers if name.lower() != _HOLD]

    async def _read(self, environ: dict[str, Any], receive: Receive, held: list[bytes]) -> None:
        """The body, no further than it may be long: one that is longer is for the application to refuse."""
        announced = environ.get("CONTENT_LENGTH")
        if announced in (None, "0") and "HTTP_TRANSFER_ENCODING" not in environ:
            return
        longest = self._rules.longest_body(environ["PATH_INFO"])
        if announced is not None and int(announced) > longest:
            return
        size, is_more = 0, True
        while is_more and size <= longest:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            is_more, part = message.get("more_body", False), message.get("body", b"")
            size += len(part)
            if self._bytes_in_hand + len(part) > _MOST_BYTES_IN_HAND:
                raise Full
            self._bytes_in_hand += len(part)
            held.append(part)
        environ["CONTENT_LENGTH"] = str(size)

    async def _answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"].rstrip("/")
        if path in self._rules.at_once:
            return call(self._application, environ)
        if self._pool is None or self._probes is None:
            self._start()
        pool = self._probes if path in self._rules.apart else self._pool
        assert pool is not None
        caller, is_heavy = self._rules.caller_of(environ), len(body) > _HEAVY_BYTES
        return await pool.run(lambda: call(self._application, environ), caller=caller, is_heavy=is_heavy)


def call(application: WSGIApplication, environ: dict[str, Any]) -> Answer:
    """The application's answer, all of it."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], _: Any = None, /) -> Callable[[bytes], object]:
        started[:] = [(status, headers)]
        return lambda _: None

    parts: Iterable[bytes] = application(environ, start)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = started[0]
    code = int(status[:3])
    if code in _WITHOUT_CONTENT:
        # What stood there would be taken for the beginning of the next answer.
        body, headers = b"", [(name, value) for name, value in headers if name.lower() != "content-length"]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if not any(name.lower() == "content-length" for name, _ in headers) and code not in (204, 304):
        encoded.append((b"content-length", str(len(body)).encode()))
    return Answer(code, encoded, body)


def environment(scope: Mapping[str, Any], *, base_path: str = "") -> dict[str, Any]:
    """What WSGI (PEP 3333) knows of a request, without its body."""
    path = scope["raw_path"]
    text = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
    if base_path and (text == base_path or text.startswith(f"{base_path}/")):
        text = text[len(base_path) :]
    client, server = scope.get("client") or ("", 0), scope.get("server") or ("localhost", 80)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": base_path,
        "PATH_INFO": text,
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]}{_SEPARATORS.get(key, ',')}{text}" if key in environ else text
    return environ


def _refused(refusal: Refusal) -> Answer:
    body = refusals.body(refusal.status, refusal.detail)
    headers = [(b"content-type", refusals.CONTENT_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", _RETRY_AFTER_SECONDS.encode()))
    return Answer(refusal.status, headers, body)
