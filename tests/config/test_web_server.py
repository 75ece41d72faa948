"""What the web server refuses before the API sees it is answered as the API would; what it hands on is the client's."""

import json
import logging
import runpy
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import RequestParser, wsgi
from gunicorn.workers.base import Worker

CONFIGURATION = Path(__file__).resolve().parents[2] / "gunicorn.conf.py"
CLIENT = ("127.0.0.1", 50_000)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str | None
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Log(logging.Logger):
    def access(self, *_: object) -> None:
        """gunicorn's own level, which is off here."""


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Config:
    """gunicorn's configuration as it is here."""
    monkeypatch.setattr(util, "write_error", util.write_error)
    configuration, config = runpy.run_path(str(CONFIGURATION)), Config()
    for name in config.settings.keys() & configuration.keys():
        config.set(name, configuration[name])
    config.on_starting(None)
    return config


@pytest.fixture
def refusal(configured: Config) -> Callable[[bytes], Answer | None]:
    """What gunicorn says to a request by itself; None if it hands it on."""
    worker = SimpleNamespace(log=Log("gunicorn"), cfg=configured)

    def send(request: bytes) -> Answer | None:
        client, server = socket.socketpair()
        with client, server:
            client.sendall(request)
            try:
                next(RequestParser(configured, server, CLIENT))
            except Exception as error:
                Worker.handle_error(worker, None, server, CLIENT, error)
            else:
                return None
            response = HTTPResponse(client)
            response.begin()
            return Answer(response.status, response.headers["Content-Type"], response.read())

    return send


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("GARBAGE", "", 400),
        ("GET /api/jobs?name=é HTTP/1.1", "", 400),
        ("get /api/jobs HTTP/1.1", "", 400),
        ("GET /api/jobs HTTP/1.1", "Content-Length: abc", 400),
        ("GET /api/jobs HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2", 400),
        ("GET /api/jobs HTTP/1.1", "X A: 1", 400),
        (f"GET /api/jobs?name={'x' * 9000} HTTP/1.1", "", 414),
        ("GET /api/jobs HTTP/1.1", f"Authorization: Bearer {'x' * 9000}", 431),
        ("GET /api/jobs HTTP/1.1", "\r\n".join(f"X-{number}: 1" for number in range(200)), 431),
    ],
)
def test_what_the_server_cannot_read_is_refused_with_a_problem(
    refusal: Callable[[bytes], Answer | None], request_line: str, headers: str, status: int
) -> None:
    answer = refusal(f"{request_line}\r\nHost: localhost\r\n{headers}\r\n\r\n".encode())
    assert answer is not None
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    problem = answer.problem
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"]
    assert problem["detail"]
    assert ("errors" in problem) == (status == 400)


def test_a_fault_of_the_server_itself_is_a_problem_and_says_nothing_of_it(
    refusal: Callable[[bytes], Answer | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(RequestParser, "__next__", fail)
    answer = refusal(b"GET / HTTP/1.1\r\n\r\n")
    assert answer is not None
    assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert answer.problem["title"] == "Internal Server Error"
    assert b"secret" not in answer.body


@pytest.mark.parametrize("url", ["https://example.com/?" + "&" * 2027, "https://example.com/" + "ü" * 338])
def test_a_list_can_be_asked_for_the_longest_url(refusal: Callable[[bytes], Answer | None], url: str) -> None:
    target = f"/api/jobs?state=scheduled&limit=100&url={quote(url, safe='')}"
    assert refusal(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()) is None


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "script_name", "PATH_INFO", "REMOTE_USER"])
def test_no_client_says_by_a_header_what_the_server_says_of_a_request(configured: Config, name: str) -> None:
    client, server = socket.socketpair()
    with client, server:
        client.sendall(f"GET /api/ping HTTP/1.1\r\nHost: localhost\r\n{name}: /api\r\n\r\n".encode())
        request = next(RequestParser(configured, server, CLIENT))
        _, environ = wsgi.create(request, server, CLIENT, ("127.0.0.1", 8000), configured)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/api/ping")
    assert {key for key, value in environ.items() if value == "/api"} == set()
