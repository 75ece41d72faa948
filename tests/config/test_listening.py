"""Ports are checked before anything starts, and a taken one is named with the variable that moves it."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import listening

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "FLOWER_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_a_free_port_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setenv("PORT", str(free))
    assert listening.port(HOST) == free


def test_a_taken_port_stops_the_start_with_the_variable_to_set(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    monkeypatch.setenv("PORT", str(taken))
    with pytest.raises(
        ImproperlyConfigured, match=rf"PORT is {taken}, where something listens.*PORT={taken + 1} bin/up"
    ):
        listening.port(HOST)


def test_flower_is_refused_a_taken_port_that_was_asked_for(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    monkeypatch.setenv("FLOWER_PORT", str(taken))
    with pytest.raises(ImproperlyConfigured, match=f"FLOWER_PORT is {taken}, where something listens"):
        listening.flower_port(HOST, besides=1)


def test_flower_is_refused_the_port_of_the_web_server(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setenv("FLOWER_PORT", str(free))
    with pytest.raises(ImproperlyConfigured, match=f"FLOWER_PORT and PORT are both {free}"):
        listening.flower_port(HOST, besides=free)


def test_flower_moves_up_to_a_free_port_where_none_was_asked_for(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    monkeypatch.setattr(listening, "FLOWER_PORT", taken)
    chosen = listening.flower_port(HOST, besides=taken + 1)
    assert taken + 1 < chosen <= taken + listening.NEIGHBOURS


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_this_machine_is_refused_by_name(host: str, free: int) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"HOST is '{host}'"):
        listening.is_free(host, free, name="PORT")


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(ImproperlyConfigured, match=f"PORT is '{port}': write a whole number of at least 1"):
        listening.port(HOST)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.4.5", "::1", "localhost"])
def test_these_hosts_are_the_loopback(host: str) -> None:
    assert listening.is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "booper.example"])
def test_these_hosts_are_open_to_others(host: str) -> None:
    assert not listening.is_loopback(host)


@pytest.mark.parametrize(
    ("host", "written"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1")]
)
def test_a_host_is_written_as_a_url_has_it(host: str, written: str) -> None:
    assert listening.for_url(host) == written


def test_an_address_in_brackets_is_taken_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "[::1]")
    assert listening.host() == "::1"


class _NotFound(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_server_that_answers_anything_is_up() -> None:
    with http.server.HTTPServer((HOST, 0), _NotFound) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            for host in (HOST, "0.0.0.0"):
                assert listening.answers(
                    host, server.server_port, path="/livez", patience_seconds=10, name="b.example.com"
                )
        finally:
            server.shutdown()


def test_a_port_that_accepts_and_says_nothing_is_not_up_yet(taken: int, free: int) -> None:
    assert not listening.answers(HOST, taken, path="/livez", patience_seconds=0.05, name="localhost")
    assert not listening.answers(HOST, free, path="/livez", patience_seconds=10, name="localhost")
