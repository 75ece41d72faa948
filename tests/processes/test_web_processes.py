"""The web's processes are renewed without losing a request, and none of them outlives their supervisor."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from config import listening
from tests.processes.harness import ports

pytestmark = pytest.mark.processes
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The supervisor of two web processes that answer, and its port."""
    port = ports.free()
    environment = {**os.environ, "BOOPER_DATA_DIR": str(tmp_path), "BROKER_URL": "memory://", "WEB_PROCESSES": "2"}
    command = [sys.executable, "-m", "config.web", "--bind", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as process:
        try:
            until(lambda: answers(port))
            yield process, port
        finally:
            process.terminate()


def answers(port: int) -> bool:
    return listening.answers("127.0.0.1", port, path="/livez", patience_seconds=5, name="localhost")


def until(holds: Callable[[], bool]) -> None:
    """The test's own time-out is the limit."""
    while not holds():
        time.sleep(0.05)


def children(process: subprocess.Popen[bytes]) -> set[int]:
    """The web processes, of all that the supervisor has started."""
    found = set()
    for entry in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        # One that is told to go may have ended since it was listed.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"spawn_main" in Path(f"/proc/{entry}/cmdline").read_bytes():
                found.add(int(entry))
    return found


class Caller:
    """Asks for one thing after the other, each on a connection of its own or all on one, and counts what fails."""

    def __init__(self, port: int, *, keeps_connection: bool) -> None:
        self.count = 0
        self.failures: list[str] = []
        self._is_done = threading.Event()
        self._keeps_connection = keeps_connection
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_done.set()
        self._thread.join()

    def _run(self, port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        while not self._is_done.is_set():
            try:
                connection.request("POST", "/api/echo", body=b"{}", headers={"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    self.failures.append(str(response.status))
            except OSError as error:
                self.failures.append(repr(error))
                connection.close()
            if not self._keeps_connection:
                connection.close()
            self.count += 1
        connection.close()


@pytest.mark.parametrize("keeps_connection", [True, False])
def test_renewing_the_processes_loses_no_request(
    web: tuple[subprocess.Popen[bytes], int], keeps_connection: bool
) -> None:
    process, port = web
    before = children(process)
    with contextlib.ExitStack() as stack:
        callers = [Caller(port, keeps_connection=keeps_connection) for _ in range(4)]
        # Whatever happens: they would ask for ever, and hold up the end of the tests.
        for caller in callers:
            stack.callback(caller.stop)
        process.send_signal(signal.SIGHUP)
        until(lambda: len(now := children(process)) == 2 and not now & before)
        asked = sum(caller.count for caller in callers)
        until(lambda: sum(caller.count for caller in callers) > asked + 20)
    assert [caller.failures for caller in callers] == [[]] * 4


def test_a_supervisor_that_is_killed_leaves_nobody_on_the_port(web: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = web
    process.kill()
    until(lambda: is_free(port))


def test_a_process_that_dies_is_replaced(web: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = web
    before = children(process)
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(children(process)) == 2 and children(process) != before)
    assert answers(port)


def is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
            trial.listen(1)
        except OSError:
            return False
    return True
