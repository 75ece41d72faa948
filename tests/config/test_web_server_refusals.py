"""What the web server refuses by itself, and the bounds that it keeps."""

import ipaddress
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_django import Settings

from config.web import connections
from tests.config.web_servers import (
    PING,
    Application,
    WebServer,
    get,
    is_closed,
    read,
    running,
    until,
)


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    application.released.set()


@pytest.fixture
def web_server(application: Application) -> Iterator[WebServer]:
    with running(application) as server:
        yield server


def test_the_connections_of_one_address_are_bounded(application: Application, settings: Settings) -> None:
    settings.WEB_CONNECTIONS_PER_ADDRESS = 3
    with running(application) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(3)]
        for client in clients:
            client.sendall(PING)
            assert read(client).status == 200
        assert is_closed(stack.enter_context(server.connect()))
        clients[0].close()
        until(lambda: len(server.server.server_state.connections) <= 2)
        assert server.send(PING).status == 200


def test_they_are_bounded_in_all_processes_together(application: Application, settings: Settings) -> None:
    settings.WEB_CONNECTIONS_PER_ADDRESS = 3
    with running(application) as first, running(application) as second, ExitStack() as stack:
        for server in (first, second, first):
            client = stack.enter_context(server.connect())
            client.sendall(PING)
            assert read(client).status == 200
        assert is_closed(stack.enter_context(second.connect()))


def test_those_of_a_trusted_proxy_are_not(application: Application, settings: Settings) -> None:
    settings.WEB_CONNECTIONS_PER_ADDRESS = 1
    settings.BOOPER_TRUSTED_PROXIES = (ipaddress.ip_network("127.0.0.0/8"),)
    with running(application) as server, server.connect() as first:
        first.sendall(PING)
        assert read(first).status == 200
        assert server.send(PING).status == 200


def test_a_body_that_is_announced_as_too_long_is_not_waited_for(
    web_server: WebServer, application: Application
) -> None:
    answer = web_server.send(b"POST /threads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n")
    assert answer.body == b"got "
    assert application.environ["CONTENT_LENGTH"] == "1001"


def test_a_body_of_unknown_length_is_read_a_little_beyond_the_limit(
    web_server: WebServer, application: Application
) -> None:
    chunks = b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n0\r\n\r\n"
    request = b"POST /threads HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    assert web_server.send(request).body == b"got " + b"x" * 1001
    assert application.environ["CONTENT_LENGTH"] == "1001"


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("GARBAGE", "Host: localhost", 400),
        ("GET /quick?name=é HTTP/1.1", "Host: localhost", 400),
        ("get /quick HTTP/1.1", "Host: localhost", 400),
        ("FOO /quick HTTP/1.1", "Host: localhost", 405),
        ("GET /quick HTTP/1.1", "X-No-Host: 1", 400),
        ("GET /quick HTTP/1.1", "Host: a\r\nHost: b", 400),
        ("GET /quick HTTP/1.1", "Host: a\r\nContent-Length: abc", 400),
        ("GET /quick HTTP/1.1", "Host: a\r\nContent-Length: 1\r\nContent-Length: 2", 400),
        ("POST /quick HTTP/1.1", "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 400),
        ("GET /quick HTTP/1.1", "Host: a\r\nX A: 1", 400),
        ("OPTIONS * HTTP/1.1", "Host: a", 400),
        ("CONNECT example.com:443 HTTP/1.1", "Host: example.com:443", 400),
        (f"GET /quick?name={'x' * 9000} HTTP/1.1", "Host: a", 414),
        ("GET /quick HTTP/1.1", f"Host: a\r\nAuthorization: Bearer {'x' * 9000}", 431),
        ("GET /quick HTTP/1.1", "Host: a\r\n" + "\r\n".join(f"X-{number}: 1" for number in range(200)), 431),
        ("GET /quick HTTP/1.1", "Host: a\r\n" + "\r\n".join(f"X-{number}: {'x' * 8000}" for number in range(9)), 431),
        ("POST /quick HTTP/1.1", "Host: a\r\nTransfer-Encoding: gzip, chunked", 501),
        ("GET /quick HTTP/2.0", "Host: a", 505),
    ],
)
def test_what_the_server_cannot_take_is_refused_with_a_problem(
    web_server: WebServer, request_line: str, headers: str, status: int
) -> None:
    answer = web_server.send(f"{request_line}\r\n{headers}\r\n\r\n".encode())
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    problem = answer.problem
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"]
    assert problem["detail"]
    assert ("errors" in problem) == (status == 400)
    assert ("allow" in answer.headers) == (status == 405)


def test_a_header_without_an_end_is_refused_where_a_head_may_end(web_server: WebServer) -> None:
    with web_server.connect() as client:
        client.sendall(b"GET /quick HTTP/1.1\r\nHost: localhost\r\nX-Endless: " + b"x" * connections.LONGEST_HEAD)
        assert read(client).status == 431


def test_a_body_whose_framing_breaks_is_refused(web_server: WebServer) -> None:
    broken = b"POST /threads HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n"
    assert web_server.send(broken).status == 400


def test_a_fault_of_the_application_is_a_problem_and_says_nothing_of_it(
    web_server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer = web_server.send(get("/broken"))
    assert (answer.status, answer.problem["title"]) == (500, "Internal Server Error")
    assert b"secret" not in answer.body
    assert "a secret" in caplog.text
