"""A web server in this process, and a client of it that speaks bytes."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from uvicorn.server import Server

from config.web.__main__ import configured, listen
from config.web.door import Door, Rules

PING = b"GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n"


THREADS = 4


LONGEST_BODY = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        return found


class Application:
    """A WSGI application: /slow waits until it is `released`, everything says what it was given."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.entered = threading.Semaphore(0)
        self.environ: WSGIEnvironment = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        self.environ = environ
        if environ["PATH_INFO"] == "/slow":
            self.entered.release()
            assert self.released.wait(60)
        if environ["PATH_INFO"] == "/broken":
            raise RuntimeError("a secret")
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"x" * 2**24] if environ["PATH_INFO"] == "/long" else [b"got ", body]


@dataclass(frozen=True, slots=True)
class WebServer:
    address: tuple[str, int]
    server: Server

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=30)

    def send(self, request: bytes) -> Answer:
        with self.connect() as client:
            client.sendall(request)
            return read(client)


@contextmanager
def running(application: Application) -> Iterator[WebServer]:
    rules = Rules(
        at_once=frozenset({"/quick"}),
        apart=frozenset({"/apart"}),
        longest_body=lambda path: LONGEST_BODY,
        threads=THREADS,
        caller_of=lambda environ: environ.get("HTTP_AUTHORIZATION") or environ["REMOTE_ADDR"],
    )
    configuration = configured(workers=1)
    configuration.app = Door(application, rules)
    server = Server(configuration)
    listener = listen("127.0.0.1:0")
    thread = threading.Thread(target=server.run, args=([listener],), name="web-server")
    thread.start()
    try:
        yield WebServer(listener.getsockname(), server)
    finally:
        application.released.set()
        server.should_exit = True
        thread.join()
        listener.close()


def read(client: socket.socket) -> Answer:
    response = HTTPResponse(client)
    response.begin()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def is_closed(client: socket.socket) -> bool:
    """Whether the other side has ended it; waits for that."""
    try:
        return not client.recv(1000)
    except ConnectionResetError:
        return True


def until(holds: Callable[[], bool]) -> None:
    """The test's own time-out is the limit."""
    while not holds():
        time.sleep(0.005)


def get(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
