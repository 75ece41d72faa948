"""What a worker and beat tell whoever asks whether they live: HTTP at PROBE_ADDRESS, and systemd by its socket.

Without either there is no thread. Answered by a thread of its own, whatever the others do.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings

from jobs.telemetry import signs_of_life
from jobs.telemetry.signs_of_life import SignsOfLife

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
# Of a request: its time to arrive, its length, and how many are taken in hand at once.
_PATIENCE_SECONDS = 2.0
_MOST_BYTES = 8192
_MOST_AT_ONCE = 64


class Systemd:
    """Tells systemd what it is to know, where it started this process and asks for that (sd_notify(3))."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        name = variables.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        microseconds = variables.get("WATCHDOG_USEC", "")
        is_ours = variables.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self._watched_seconds = int(microseconds) / 1e6 if microseconds.isdigit() and is_ours else 0.0
        self._is_ready = False
        self._status = ""

    @property
    def is_there(self) -> bool:
        return bool(self._address)

    @property
    def seconds_between_looks(self) -> float:
        """A third of what the watchdog waits for, so that one that comes late is no death."""
        return min(_LOOK_SECONDS, self._watched_seconds / 3 or _LOOK_SECONDS)

    def tell(self, *, is_live: bool, status: str) -> None:
        """READY=1 with the first sign of life: a start does not hang for as long as the database is away."""
        lines = []
        if status != self._status:
            lines.append(f"STATUS={status}")
        if is_live:
            lines += ["READY=1"] * (not self._is_ready) + ["WATCHDOG=1"]
        if lines and self._send("\n".join(lines)):
            self._is_ready, self._status = self._is_ready or is_live, status

    def _send(self, text: str) -> bool:
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notified:
                notified.settimeout(1.0)
                notified.sendto(text.encode(), self._address)
        except OSError as error:
            logger.warning("systemd can't be told that this process lives: %s", error)
            return False
        return True


class Probe:
    """Says how a process fares, by the signs of life of its threads. `begin` has it answer from then on."""

    def __init__(self, signs: SignsOfLife, *, address: tuple[str, int] | None, systemd: Systemd) -> None:
        self._signs = signs
        self._address = address
        self._systemd = systemd
        self._has_said_stuck = False
        self._in_hand = 0

    def begin(self) -> None:
        if self._address is not None or self._systemd.is_there:
            threading.Thread(target=self._run, name="probe", daemon=True).start()

    def look(self) -> None:
        """Tells systemd, and the log where each thread stands, once, if one is stuck."""
        vitals = self._signs.look()
        if vitals.stuck and self._signs.stacks() and not self._has_said_stuck:
            stacks = "".join(f"\n{name}:\n{stack}" for name, stack in self._signs.stacks().items())
            logger.critical("this process is stuck, as its probe says: %s%s", vitals, stacks)
        self._has_said_stuck = bool(vitals.stuck)
        self._systemd.tell(is_live=vitals.is_live, status=str(vitals).replace("\n", " "))

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """The status and the body for GET `path`."""
        vitals = self._signs.look()
        if path == "/livez":
            status, is_well = ("alive" if vitals.is_live else "stuck"), vitals.is_live
        elif path == "/readyz":
            status, is_well = ("ready" if vitals.is_ready else "not ready"), vitals.is_ready
        else:
            return HTTPStatus.NOT_FOUND, {"status": "refused", "message": "there are /livez and /readyz"}
        code = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
        return code, {"status": status, "message": str(vitals)}

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            logger.exception("the probe has ended: nobody is told any more that this process lives")

    async def _serve(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            if self._address is not None:
                await self._listen(*self._address, stack)
            while True:
                self.look()
                await asyncio.sleep(self._systemd.seconds_between_looks)

    async def _listen(self, host: str, port: int, stack: contextlib.AsyncExitStack) -> None:
        try:
            server = await asyncio.start_server(self._take, host, port, limit=_MOST_BYTES)
        except OSError as error:
            # Another process of this machine has it, as under bin/up: its work goes on.
            logger.error("PROBE_ADDRESS can't be listened on, so this process answers no probe: %s", error)
        else:
            await stack.enter_async_context(server)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._in_hand += 1
        try:
            if self._in_hand <= _MOST_AT_ONCE:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._response(head))
                    await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            # Whoever asks like that gets no answer.
            pass
        finally:
            self._in_hand -= 1
            writer.close()

    def _response(self, head: bytes) -> bytes:
        words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        target = words[1] if len(words) == 3 and words[0] in ("GET", "HEAD") else ""
        status, content = self.answer(target.partition("?")[0].rstrip("/"))
        body = json.dumps(content).encode()
        lines = (
            f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "Connection: close",
        )
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if words[0] == "HEAD" else body)


def attach() -> None:
    """Has a process begin to answer with the first sign of life in it, which a worker's engine or beat gives."""
    signs_of_life.own.at_first(_begin)


def _begin() -> None:
    Probe(signs_of_life.own, address=settings.PROBE_ADDRESS, systemd=Systemd(os.environ)).begin()
