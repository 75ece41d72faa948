"""The processes of a measurement: started in groups of their own, watched through /proc, all ended with it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE_SECONDS = 10


class Group:
    """One command and all its children."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        return self._popen.poll() is None

    def pids(self) -> list[int]:
        """Its processes at the moment: those of its session."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, ValueError):
                    if int(_stat(int(entry.name))[3]) == self.pid:
                        found.append(int(entry.name))
        return found

    def cpu_seconds(self) -> float:
        """Of its living processes, user and system."""
        return _cpu_seconds(self.pids())

    def memory_mb(self) -> float:
        """What its processes hold, shared pages split between those that share them."""
        return sum(_pss_kb(pid) for pid in self.pids()) / 1024

    def end(self) -> None:
        """TERM, and KILL for what has not ended after some seconds."""
        for number, seconds in ((signal.SIGTERM, _PATIENCE_SECONDS), (signal.SIGKILL, _PATIENCE_SECONDS)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def cpu_seconds_of(*words: str) -> float:
    """Of all processes of this machine whose command line has all these words, whoever started them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
                if all(word in line for word in words):
                    found.append(int(entry.name))
    return _cpu_seconds(found)


def _cpu_seconds(pids: Iterable[int]) -> float:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = _stat(pid)
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name, which may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


class Processes:
    """Starts groups, and ends those that are left at the end of the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._groups: list[Group] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for group in reversed(self._groups):
            group.end()

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str]) -> Group:
        group = Group(command, env=env, log=self.folder / f"{name}.log")
        self._groups.append(group)
        return group

    def named(self, name: str) -> Group | None:
        return next((group for group in self._groups if group.log.stem == name), None)

    def end(self, groups: Sequence[Group]) -> None:
        for group in groups:
            group.end()
            self._groups.remove(group)


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without what a developer set for an instance of their own, and `variables`."""
    private = ("BOOPER_", "WEB_", "WORKER_", "FLOWER_", "DATABASE_URL", "BROKER_URL", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    scripts = str(Path(sys.executable).parent)
    return kept | {"PATH": f"{scripts}:{kept.get('PATH', '')}", "PYTHONPATH": str(ROOT)} | variables


def run(command: Sequence[str], *, env: Mapping[str, str], within_seconds: float = 300) -> str:
    """What a command that must succeed printed."""
    done = subprocess.run(
        command, cwd=ROOT, env=dict(env), capture_output=True, text=True, check=False, timeout=within_seconds
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_until(holds: Callable[[], bool], *, what: str, within_seconds: float, pause_seconds: float = 0.05) -> None:
    deadline = time.monotonic() + within_seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_seconds:g} s: {what}")
        time.sleep(pause_seconds)
