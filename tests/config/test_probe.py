"""The probe of workers and beat: HTTP and systemd are told the truth, whoever asks and however."""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from queue import SimpleQueue

import pytest

from config.probe import Probe, Systemd
from jobs.telemetry.signs_of_life import SignsOfLife
from tests.processes.harness import ports


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signs(clock: Clock) -> SignsOfLife:
    return SignsOfLife(monotonic=clock)


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "n"))
        receiver.setblocking(False)
        yield receiver


def told(receiver: socket.socket) -> list[str]:
    lines = []
    while True:
        try:
            lines += receiver.recv(4096).decode().split("\n")
        except BlockingIOError:
            return lines


def systemd_of(receiver: socket.socket, **variables: str) -> Systemd:
    return Systemd({"NOTIFY_SOCKET": receiver.getsockname(), **variables})


NOWHERE = Systemd({})


def of(signs: SignsOfLife, *, address: tuple[str, int] | None = None, systemd: Systemd = NOWHERE) -> Probe:
    return Probe(signs, address=address, systemd=systemd)


def test_a_process_without_an_engine_is_not_live(signs: SignsOfLife) -> None:
    probe = of(signs)
    assert probe.answer("/livez") == (503, {"status": "stuck", "message": "nothing runs in it"})


def test_who_waits_for_the_database_is_live_and_not_ready(signs: SignsOfLife) -> None:
    signs.sign("database")
    signs.wait_for("the database", "connection refused")
    probe = of(signs)
    assert probe.answer("/livez")[0] == 200
    assert probe.answer("/readyz") == (
        503,
        {"status": "not ready", "message": "the database: connection refused"},
    )
    signs.have("the database")
    assert probe.answer("/readyz") == (200, {"status": "ready", "message": "all goes on"})


def test_another_path_is_none_of_its_own(signs: SignsOfLife) -> None:
    assert of(signs).answer("/metrics")[0] == 404


def test_systemd_is_told_that_it_is_ready_once_and_that_it_lives_each_time(
    signs: SignsOfLife, notified: socket.socket
) -> None:
    probe = of(signs, systemd=systemd_of(notified))
    probe.look()
    assert told(notified) == ["STATUS=nothing runs in it"]
    signs.sign("start")
    signs.wait_for("the database", "connection\nrefused")
    probe.look()
    assert told(notified) == ["STATUS=the database: connection refused", "READY=1", "WATCHDOG=1"]
    probe.look()
    assert told(notified) == ["WATCHDOG=1"]
    signs.have("the database")
    probe.look()
    assert told(notified) == ["STATUS=all goes on", "WATCHDOG=1"]


def test_systemd_hears_no_more_of_one_that_is_stuck_and_the_log_has_where_it_stands_once(
    signs: SignsOfLife, clock: Clock, notified: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    probe = of(signs, systemd=systemd_of(notified))
    signs.sign("tick")
    probe.look()
    told(notified)
    clock.seconds += 100
    with caplog.at_level(logging.CRITICAL):
        probe.look()
        probe.look()
    assert told(notified) == ["STATUS=its thread tick has stood still for 100 s"]
    [record] = caplog.records
    assert "its thread tick has stood still for 100 s" in record.message
    assert "test_systemd_hears_no_more" in record.message


def test_an_abstract_socket_is_understood(signs: SignsOfLife) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0booper-probe-of-a-test")
        receiver.setblocking(False)
        signs.sign("tick")
        of(signs, systemd=Systemd({"NOTIFY_SOCKET": "@booper-probe-of-a-test"})).look()
        assert "READY=1" in told(receiver)


def test_a_systemd_that_is_not_there_is_a_warning_and_no_more(
    signs: SignsOfLife, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signs.sign("tick")
    of(signs, systemd=Systemd({"NOTIFY_SOCKET": str(tmp_path / "none")})).look()
    assert "systemd can't be told" in caplog.text


def test_a_watchdog_is_told_three_times_as_often_as_it_asks_for() -> None:
    assert Systemd({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "6000000"}).seconds_between_looks == 2.0
    assert Systemd({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "60000000"}).seconds_between_looks == 5.0
    assert Systemd({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "600", "WATCHDOG_PID": "1"}).seconds_between_looks == 5.0


def test_without_an_address_and_systemd_there_is_no_thread(signs: SignsOfLife) -> None:
    before = threading.active_count()
    of(signs).begin()
    assert threading.active_count() == before


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as asked:
        asked.sendall(request)
        parts = []
        # Closed on what it had not read, the kernel says so instead of ending the stream.
        with contextlib.suppress(ConnectionResetError):
            while part := asked.recv(65536):
                parts.append(part)
    return b"".join(parts)


@pytest.fixture(scope="module")
def port() -> int:
    """That of a probe which answers, of a process that is well."""
    signs, found = SignsOfLife(), ports.free()
    signs.sign("database", within_seconds=3600)
    of(signs, address=("127.0.0.1", found)).begin()
    waited = threading.Event()
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", found), timeout=1).close()
        except OSError:
            waited.wait(0.05)
        else:
            return found
    pytest.fail("it does not listen")


def test_it_answers_http(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/readyz?verbose")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b'{"status": "ready", "message": "all goes on"}')


@pytest.mark.parametrize("line", [b"POST /livez HTTP/1.1", b"nonsense", b"", b"GET /livez", b"GET  /livez HTTP/1.1"])
def test_it_says_no_to_what_is_no_question(port: int, line: bytes) -> None:
    assert ask(port, line + b"\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_a_head_without_a_body_is_answered_so(port: int) -> None:
    answer = ask(port, b"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_who_sends_without_end_or_nothing_at_all_keeps_nobody_else_from_an_answer(port: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(20)]
    try:
        assert ask(port, b"x" * 20_000 + b"\r\n\r\n") == b""
        assert ask(port, b"GET /livez HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
        silent[0].settimeout(10)
        assert silent[0].recv(100) == b""
    finally:
        for each in silent:
            each.close()


class Heard(Systemd):
    """Takes what is told, in place of a socket: the probe's thread goes on after the test, and is to find it there."""

    def __init__(self) -> None:
        super().__init__({"NOTIFY_SOCKET": "in place of one"})
        self.first: SimpleQueue[bool] = SimpleQueue()

    def tell(self, *, is_live: bool, status: str) -> None:
        self.first.put(is_live)


def test_an_address_that_is_taken_is_said_and_stops_nothing(
    signs: SignsOfLife, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    signs.sign("tick", within_seconds=3600)
    heard = Heard()
    of(signs, address=("127.0.0.1", port), systemd=heard).begin()
    assert heard.first.get(timeout=10) is True
    assert "PROBE_ADDRESS can't be listened on" in caplog.text
