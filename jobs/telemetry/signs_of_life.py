"""Signs of life: each thread that a process needs says that it goes on, and until when it will say so again.

One that is overdue waits for a server, which no restart would bring back, or is stuck. Which of both, its stack says:
whatever it asked, it stands in what speaks to that server.
"""

import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType

# Late by this much, a thread does not do its work just now; by that much, it is stuck unless a server holds it up.
LATE_SECONDS = 10.0
STUCK_SECONDS = 60.0
DATABASE, BROKER = "the database", "the broker"
# Who calls them is Booper's own; what they call are drivers and sockets.
_SPEAKS_TO = {"django.db.backends": DATABASE, "kombu": BROKER, "amqp": BROKER, "redis": BROKER}


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is wrong with a process, in words. `stuck`: only a restart helps. `waits_for`: it lives, and can't work."""

    stuck: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        return not self.stuck

    @property
    def is_ready(self) -> bool:
        return not self.stuck and not self.waits_for

    def __str__(self) -> str:
        return "; ".join([*self.stuck, *self.waits_for]) or "all goes on"


class SignsOfLife:
    """Any thread may call any method. `sign` costs a microsecond, so that each turn of a loop can make one."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._promises: dict[str, tuple[int, float]] = {}
        self._waits_for: dict[str, str] = {}
        self._at_first: Callable[[], None] | None = None
        # A plain attribute, as it is set by a signal's handler.
        self.is_ending = False

    def at_first(self, call: Callable[[], None]) -> None:
        """Has `call` be called with the first sign of life."""
        self._at_first = call

    def sign(self, name: str, *, within_seconds: float = 0.0) -> None:
        """Says that the calling thread, `name`, goes on, and will say so again within that time, if all is well."""
        self._promises[name] = (threading.get_ident(), self._monotonic() + within_seconds)
        if self._at_first is not None:
            call, self._at_first = self._at_first, None
            call()

    def end(self, name: str) -> None:
        """Says that the thread has ended as it should."""
        self._promises.pop(name, None)

    def wait_for(self, what: str, reason: str) -> None:
        """Says that the process can't do its work without `what`, and lives."""
        self._waits_for[what] = reason

    def have(self, what: str) -> None:
        """Says that it is there again."""
        self._waits_for.pop(what, None)

    def look(self) -> Vitals:
        if self.is_ending:
            return Vitals(waits_for=("it is ending",))
        now, frames = self._monotonic(), sys._current_frames()
        promises = sorted(self._promises.copy().items())
        if not promises:
            return Vitals(stuck=("nothing runs in it",))
        stuck, waits = [], [f"{what}: {reason}" for what, reason in sorted(self._waits_for.copy().items())]
        for name, (thread_id, until) in promises:
            late_seconds = now - until
            if late_seconds < LATE_SECONDS:
                continue
            server = _speaks_to(frames.get(thread_id))
            words = f"its thread {name} has stood still for {late_seconds:.0f} s"
            if server is not None:
                waits.append(f"{words}, waiting for {server}")
            elif late_seconds >= STUCK_SECONDS:
                stuck.append(words)
            else:
                waits.append(words)
        return Vitals(tuple(stuck), tuple(waits))

    def stacks(self) -> Mapping[str, str]:
        """Says where each thread stands, by its name; files, lines and code alone."""
        frames = sys._current_frames()
        return {
            name: "".join(traceback.format_stack(frames[thread_id])) if thread_id in frames else "it has ended\n"
            for name, (thread_id, _) in self._promises.copy().items()
        }


def _speaks_to(frame: FrameType | None) -> str | None:
    """The server that the innermost code of a stack, up to Booper's own, is speaking to."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        for package, server in _SPEAKS_TO.items():
            if module == package or module.startswith(f"{package}."):
                return server
        if module.startswith("jobs."):
            return None
        frame = frame.f_back
    return None


own = SignsOfLife()
"""Those of this process."""
