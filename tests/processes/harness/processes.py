"""Processes of a test: each in a group of its own, its output in a file, none of them left behind."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from config import reaper

ROOT = Path(__file__).resolve().parents[3]
_LAST_LINES = 40


class Running:
    """One process and its group; every method but `wait` and `is_alive` is a fault."""

    def __init__(self, name: str, popen: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.log = log
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        return self._popen.poll() is None

    def signal(self, number: signal.Signals) -> None:
        reaper.send(self.pid, number)

    def kill(self) -> None:
        """As the kernel does when memory is short: at once, the whole group, nobody is asked."""
        self.signal(signal.SIGKILL)
        self.wait(within_seconds=10)

    def terminate(self) -> None:
        """As a deploy does: only the first process is told, it looks after those it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def wait(self, *, within_seconds: float) -> int:
        """Its exit status. AssertionError, with the end of its output, when it does not end in time."""
        try:
            return self._popen.wait(within_seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within_seconds:g} s\n{self.last_output()}") from None

    def last_output(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])


class Processes:
    """Starts processes and ends them all, even when the test run itself is killed: then the reaper does."""

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self._running: list[Running] = []
        log_dir.mkdir(exist_ok=True)

    def __enter__(self) -> Self:
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__, "0"], stdin=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            # Also where the first process has ended: others of its group may live on.
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGKILL)
        for process in self._running:
            process.wait(within_seconds=10)
        self._reaper.communicate()

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], user: str | None = None, cwd: Path = ROOT
    ) -> Running:
        """`user` is whom to run as, where this is root. A name may be used again: its file is written on."""
        log = self.log_dir / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        assert self._reaper.stdin is not None
        self._reaper.stdin.write(f"+{popen.pid}\n".encode())
        process = Running(name, popen, log)
        self._running.append(process)
        return process

    def written(self) -> str:
        """All that the processes have written: for what is to stand there nowhere."""
        return "\n".join(log.read_text(errors="replace") for log in sorted(self.log_dir.glob("*.log")))

    def output(self) -> str:
        """The end of what each process has written, under its name."""
        logs = sorted(self.log_dir.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{_tail(log)}" for log in logs)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
