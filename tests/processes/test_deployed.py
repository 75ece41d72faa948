"""The commands of the image and of compose.yaml run for a user who may write nothing but the data folder."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests import deployed
from tests.processes.harness import ports

pytestmark = pytest.mark.processes
# Debian's `nobody`; whoever is not root runs it all as themselves.
NOBODY = 65534
GRACE_SECONDS = 20


class Machine:
    """A checkout that cannot be written, as the image has it, and a data folder."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "booper"
        self.data = folder / "data"
        self.port = ports.free()
        # Where compose.yaml has a network for each part, they are side by side here.
        self.probes = {part: ports.free() for part in ("worker", "beat")}
        self._user = NOBODY if os.getuid() == 0 and _is_open_to_others(Path(sys.executable)) else None
        self.checkout.mkdir()
        self.data.mkdir()
        for name in ("booper", "config", "jobs", "manage.py"):
            source, copy = deployed.ROOT / name, self.checkout / name
            shutil.copytree(
                source, copy, ignore=shutil.ignore_patterns("__pycache__")
            ) if source.is_dir() else shutil.copy(source, copy)
        for path in [self.checkout, *self.checkout.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        if self._user is not None:
            os.chown(self.data, self._user, self._user)

    def start(self, command: list[str], *, part: str = "") -> subprocess.Popen[bytes]:
        ports_of = {"8000": self.port, "8001": self.probes.get(part, 0), "0.0.0.0": "127.0.0.1"}
        for written, there in ports_of.items():
            command = [word.replace(written, str(there)) for word in command]
        return subprocess.Popen(
            command,
            cwd=self.checkout,
            env=self._environment(part),
            start_new_session=True,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )

    def run(self, command: list[str], *, part: str = "") -> int:
        return self.start(command, part=part).wait(timeout=60)

    def files(self) -> set[Path]:
        """What is in the checkout: root would be let write there, so it is looked at."""
        return set(self.checkout.rglob("*"))

    def _environment(self, part: str) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.data),
            "PYTHONDONTWRITEBYTECODE": "1",
            "BOOPER_DATA_DIR": str(self.data),
            "BOOPER_EMBEDDED_BROKER": "filesystem",
            "WEB_PROCESSES": "1",
            "FLOWER_ADDRESS": "127.0.0.1",
            "FLOWER_PORT": str(ports.free()),
            "FLOWER_BASIC_AUTH": "booper:booper",
            **({"PROBE_ADDRESS": f"127.0.0.1:{self.probes[part]}"} if part in self.probes else {}),
        }


def _is_ready(port: int) -> bool:
    """Whether database, broker, beat and workers are all there."""
    return _status(port, "/readyz") == 200


def _status(port: int, path: str) -> int | None:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except OSError:
        return None


def _is_open_to_others(path: Path) -> bool:
    """Whether anybody may run it: a Python in root's own home is for root alone."""
    return all(parent.stat().st_mode & 0o001 for each in (path, path.resolve()) for parent in each.parents)


@pytest.fixture
def machine() -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield Machine(folder)
    finally:
        for path in folder.rglob("*"):
            if path.is_dir():
                path.chmod(0o755)
        shutil.rmtree(folder)


def test_all_parts_run_without_writing_to_the_checkout_and_end_when_told(machine: Machine) -> None:
    commands, there = deployed.of_compose(), machine.files()
    assert machine.run(commands.pop("migrate")) == 0
    with ExitStack() as stack:
        running = {part: machine.start(command, part=part) for part, command in commands.items()}
        for process in running.values():
            stack.callback(process.kill)
        while not _is_ready(machine.port):
            assert [part for part, process in running.items() if process.poll() is not None] == []
            time.sleep(0.2)
        assert machine.run(deployed.of_image()["health"]) == 0
        healths = {part: deployed.compose()["services"][part]["healthcheck"]["test"][1:] for part in machine.probes}
        assert {part: machine.run(health, part=part) for part, health in healths.items()} == {"worker": 0, "beat": 0}
        assert {part: _status(port, "/readyz") for part, port in machine.probes.items()} == {"worker": 200, "beat": 200}
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        ended = {part: process.wait(timeout=GRACE_SECONDS) for part, process in running.items()}
    assert ended == {"web": 0, "worker": 0, "beat": 0, "flower": 0}
    assert machine.run(deployed.of_image()["health"]) != 0
    assert all(machine.run(health, part=part) != 0 for part, health in healths.items())
    assert machine.files() == there
