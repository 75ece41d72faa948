"""Runs an instance's processes: one that dies is started again, and when the supervisor ends, so do they all."""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from config import reaper
from config.console import Console
from config.procfile import Program

# TERM to the last KILL stays below ten seconds: eight for requests on the wire, one for the broker to write its file.
GRACE_SECONDS = 8.0
LAST_GRACE_SECONDS = 1.0
# Who lived this long died of something new, and is started at once; who did not waits longer every time.
STEADY_SECONDS = 10.0
FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 10.0
PROBE_SECONDS = 0.2
# One Ctrl-C can arrive twice, from the terminal and from a parent that passes it on.
SAME_CTRL_C_SECONDS = 0.5
READ_BYTES = 64 * 1024

PR_SET_PDEATHSIG = 1
# Linux alone has it; elsewhere the reaper is the only net.
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


@dataclass(slots=True, eq=False)
class Child:
    """A program and the process that runs it now, if any. Times are of the monotonic clock."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    output: int | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    quick_deaths: int = 0


@dataclass(slots=True)
class Stop:
    """The way down: who is told to go, until when, and whether it has come to killing."""

    requested_at: float
    waiting_for: list[Child]
    deadline: float


class Supervisor:
    """Runs `programs` in the folder `directory` until a signal; the one named `last` starts first and ends last.

    `probe` is asked a few times a second until it answers with a line, which is then printed.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        directory: Path,
        environment: Mapping[str, str],
        console: Console,
        last: str | None = None,
        grace_seconds: float = GRACE_SECONDS,
        probe: Callable[[], str | None] | None = None,
    ) -> None:
        ordered = sorted(programs, key=lambda program: program.name != last)
        self._children = [Child(program) for program in ordered]
        self._directory = directory
        self._environment = dict(environment)
        self._console = console
        self._last = last
        self._grace_seconds = grace_seconds
        self._probe = probe
        self._signals: list[tuple[int, float]] = []
        self._stop: Stop | None = None
        self._has_killed = False
        self._reaper: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Return 0 when every process ended by itself on being told to, 1 when one had to be killed."""
        with self._watched_signals() as wake:
            self._start_reaper()
            for child in self._children:
                self._start(child)
            while self._stop is None or any(child.process for child in self._children):
                self._wait(wake)
                self._notice_ends()
                self._notice_signals()
                if self._stop is None:
                    self._restart()
                    self._ask_probe()
                else:
                    self._go_down(self._stop)
            self._release_reaper()
        self._print_rest()
        return 1 if self._has_killed else 0

    @contextlib.contextmanager
    def _watched_signals(self) -> Iterator[int]:
        """Note signals as they come and wake the loop: the descriptor to watch."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        wakeup_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD]
        # nohup means it: whoever had SIGHUP ignored keeps that.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        handlers_before = {number: signal.signal(number, self._note_signal) for number in numbers}
        try:
            yield reading
        finally:
            for number, handler in handlers_before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup_before)
            os.close(reading)
            os.close(writing)

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._signals.append((number, time.monotonic()))

    # --- a process's life ---------------------------------------------------------------------------------------------

    def _start(self, child: Child) -> None:
        child.started_at, child.restart_at = time.monotonic(), None
        parent = os.getpid()
        try:
            process = subprocess.Popen(
                child.program.command,
                cwd=self._directory,
                env=self._environment | dict(child.program.variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches the supervisor alone, and what a process starts ends with it.
                process_group=0,
                preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 - safe: the supervisor has one thread
            )
        except OSError as error:
            self._plan_restart(child, f"could not be started ({error})")
            return
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        child.process, child.output = process, process.stdout.fileno()
        self._tell_reaper(f"+{process.pid}")

    def _notice_ends(self) -> None:
        if self._reaper is not None and self._reaper.poll() is not None:
            self._start_reaper()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, child.process)

    def _bury(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        # The leader is gone, what it started may not be: a web worker left over would keep the port.
        reaper.send(process.pid, signal.SIGKILL)
        self._tell_reaper(f"-{process.pid}")
        self._read(child)
        self._console.finish(child.program.name)
        if process.stdout is not None:
            process.stdout.close()
        child.process = child.output = None
        if self._stop is None:
            self._plan_restart(child, _manner_of_end(process.returncode))

    def _plan_restart(self, child: Child, what_happened: str) -> None:
        now = time.monotonic()
        lived_seconds = now - child.started_at
        child.quick_deaths = 0 if lived_seconds >= STEADY_SECONDS else child.quick_deaths + 1
        delay_seconds = restart_delay(child.quick_deaths)
        child.restart_at = now + delay_seconds
        when = f"in {delay_seconds:g} s" if delay_seconds else "at once"
        self._console.say(
            f"{child.program.name} {what_happened} after {lived_seconds:.1f} s; starting it again {when}."
        )

    def _restart(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is not None and child.restart_at <= now:
                self._start(child)

    # --- the way down -------------------------------------------------------------------------------------------------

    def _notice_signals(self) -> None:
        while self._signals:
            number, moment = self._signals.pop(0)
            if self._stop is None:
                self._console.say(
                    f"{signal.Signals(number).name}: ending. Requests on the wire have {GRACE_SECONDS:g} s."
                )
                self._stop = Stop(moment, [child for child in self._children if child.program.name != self._last], 0.0)
                self._tell_to_end(self._stop, grace_seconds=self._grace_seconds)
            elif number == signal.SIGINT and moment - self._stop.requested_at > SAME_CTRL_C_SECONDS:
                self._console.say("Ctrl-C again: killing what is left.")
                self._kill(self._children)

    def _tell_to_end(self, stop: Stop, *, grace_seconds: float) -> None:
        stop.deadline = time.monotonic() + grace_seconds
        for child in stop.waiting_for:
            if child.process is not None:
                reaper.send(child.process.pid, signal.SIGTERM)

    def _go_down(self, stop: Stop) -> None:
        if any(child.process for child in stop.waiting_for):
            if time.monotonic() >= stop.deadline:
                self._kill(stop.waiting_for)
            return
        left = [child for child in self._children if child.process]
        if left:
            stop.waiting_for = left
            self._tell_to_end(stop, grace_seconds=LAST_GRACE_SECONDS)

    def _kill(self, children: Sequence[Child]) -> None:
        for child in children:
            if child.process is not None:
                self._has_killed = True
                self._console.say(f"{child.program.name} is killed.")
                reaper.send(child.process.pid, signal.SIGKILL)
        if self._stop is not None:
            self._stop.deadline = time.monotonic() + LAST_GRACE_SECONDS

    # --- the watcher that survives kill -9 ----------------------------------------------------------------------------

    def _start_reaper(self) -> None:
        self._reaper = subprocess.Popen(
            # The standard library alone: it starts in milliseconds and takes a few megabytes.
            [sys.executable, "-I", "-S", reaper.__file__, str(self._grace_seconds)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A session of its own: a terminal that goes away does not take it along.
            start_new_session=True,
        )
        for child in self._children:
            if child.process is not None:
                self._tell_reaper(f"+{child.process.pid}")

    def _tell_reaper(self, message: str) -> None:
        assert self._reaper is not None
        assert self._reaper.stdin is not None
        # A reaper that was killed is noticed as the other ends are; its successor is told everything anew.
        with contextlib.suppress(BrokenPipeError):
            self._reaper.stdin.write(message.encode() + b"\n")

    def _release_reaper(self) -> None:
        if self._reaper is not None:
            self._reaper.communicate()

    # --- the loop's eyes and mouth ------------------------------------------------------------------------------------

    def _wait(self, wake: int) -> None:
        """Until a process writes or ends, a signal comes, or something is due; then move the output along."""
        outputs = {child.output: child for child in self._children if child.output is not None}
        writable = [] if self._console.descriptor is None else [self._console.descriptor]
        ready, has_room, _ = select.select([wake, *outputs], writable, [], self._patience_seconds())
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, READ_BYTES)
        for descriptor in ready:
            if descriptor in outputs:
                self._read(outputs[descriptor])
        if has_room:
            self._console.write()

    def _patience_seconds(self) -> float | None:
        moments = [child.restart_at for child in self._children if child.restart_at is not None and self._stop is None]
        now = time.monotonic()
        if self._stop is not None:
            moments.append(self._stop.deadline)
        if self._probe is not None:
            moments.append(now + PROBE_SECONDS)
        return max(0.0, min(moments) - now) if moments else None

    def _read(self, child: Child) -> None:
        if child.output is None:
            return
        with contextlib.suppress(BlockingIOError):
            output = os.read(child.output, READ_BYTES)
            if output:
                self._console.take(child.program.name, output)
            else:
                # It closed its output and lives on: nothing more to watch for.
                child.output = None

    def _ask_probe(self) -> None:
        answer = self._probe() if self._probe is not None else None
        if answer is not None:
            self._console.say(answer)
            self._probe = None

    def _print_rest(self) -> None:
        deadline = time.monotonic() + LAST_GRACE_SECONDS
        while self._console.descriptor is not None and time.monotonic() < deadline:
            _, has_room, _ = select.select([], [self._console.descriptor], [], 0.1)
            if has_room:
                self._console.write()


def restart_delay(quick_deaths: int) -> float:
    """Seconds until the next start after so many deaths in a row that came soon after a start."""
    if quick_deaths == 0:
        return 0.0
    return min(FIRST_DELAY_SECONDS * 2.0 ** min(quick_deaths - 1, 16), LONGEST_DELAY_SECONDS)


def _manner_of_end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _die_with(parent: int) -> None:
    """Makes the kernel end the new process when its parent dies: a second net below the reaper."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        # The parent may have died before that call: then nobody would ever send the signal.
        if os.getppid() != parent:
            os._exit(1)
