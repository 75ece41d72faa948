"""The web server on a real socket: half a request holds nobody up; what is refused is refused as the API does it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from pytest_django import Settings

from tests.config.web_servers import PING, THREADS, Application, WebServer, get, is_closed, read, running, until

HALF_A_HEAD = b"GET /quick HTTP/1.1\r\nHost: localhost\r\nX-Half"


HALF_A_BODY = b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"


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


@pytest.mark.parametrize("half", [HALF_A_HEAD, HALF_A_BODY, b""], ids=["heads", "bodies", "nothing"])
def test_64_halves_hold_up_neither_probes_nor_requests(web_server: WebServer, half: bytes) -> None:
    with ExitStack() as halves:
        for _ in range(64):
            halves.enter_context(web_server.connect()).sendall(half)
        for path in ("/quick", "/apart", "/threads"):
            assert web_server.send(get(path)).status == 200
        body = b"POST /threads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"
        assert web_server.send(body).body == b"got body"


def test_probes_are_answered_while_every_thread_waits(web_server: WebServer, application: Application) -> None:
    with ExitStack() as waiting:
        for index in range(THREADS * 4):
            client = waiting.enter_context(web_server.connect())
            client.sendall(get("/slow", f"Authorization: Bearer {index}\r\n"))
        for _ in range(THREADS):
            assert application.entered.acquire(timeout=30)
        for path in ("/quick", "/apart"):
            assert web_server.send(get(path)).status == 200


def test_one_caller_never_has_all_the_threads(web_server: WebServer, application: Application) -> None:
    with ExitStack() as greedy:
        for _ in range(THREADS * 4):
            client = greedy.enter_context(web_server.connect())
            client.sendall(get("/slow", "Authorization: Bearer greedy\r\n"))
        for _ in range(THREADS - 1):
            assert application.entered.acquire(timeout=30)
        assert web_server.send(get("/threads", "Authorization: Bearer modest\r\n")).status == 200


def test_what_waited_for_a_thread_is_answered_when_there_is_one(
    web_server: WebServer, application: Application
) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(web_server.connect()) for _ in range(THREADS * 4)]
        for index, client in enumerate(clients):
            client.sendall(get("/slow", f"Authorization: Bearer {index % 3}\r\n"))
        application.released.set()
        assert [read(client).status for client in clients] == [200] * len(clients)


@pytest.mark.parametrize(("half", "part"), [(HALF_A_HEAD, "headers"), (HALF_A_BODY, "body")])
def test_half_a_request_ends_with_a_408_at_its_deadline(
    application: Application, settings: Settings, half: bytes, part: str
) -> None:
    settings.WEB_HEAD_SECONDS = settings.WEB_BODY_SECONDS = 0.1
    with running(application) as server, server.connect() as client:
        client.sendall(half)
        answer = read(client)
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert part in answer.problem["detail"]
        assert is_closed(client)


@pytest.mark.parametrize("nothing", [b"", b"\r\n"])
def test_a_connection_that_says_nothing_ends_without_a_word(
    application: Application, settings: Settings, nothing: bytes
) -> None:
    settings.WEB_HEAD_SECONDS = 0.1
    with running(application) as server, server.connect() as client:
        client.sendall(nothing)
        assert is_closed(client)


def test_a_trickle_of_headers_is_half_a_request_too(application: Application, settings: Settings) -> None:
    settings.WEB_HEAD_SECONDS = 0.3
    with running(application) as server, server.connect() as client:
        client.settimeout(0.05)
        client.sendall(b"GET /quick HTTP/1.1\r\n")
        for number in range(1000):
            try:
                client.sendall(f"X-{number % 50}: 1\r\n".encode())
                received = client.recv(1000)
                break
            except TimeoutError:
                continue
        assert received.startswith(b"HTTP/1.1 408 ")


def test_who_does_not_read_its_answer_is_dropped(application: Application, settings: Settings) -> None:
    settings.WEB_BODY_SECONDS = 0.1
    with running(application) as server, server.connect() as client:
        client.sendall(get("/long"))
        assert client.recv(1)
        until(lambda: not server.server.server_state.connections)


def test_an_answer_that_takes_longer_than_a_head_may_is_waited_for(
    application: Application, settings: Settings
) -> None:
    settings.WEB_HEAD_SECONDS = settings.WEB_BODY_SECONDS = 0.1
    with running(application) as server, server.connect() as patient, server.connect() as idle:
        patient.sendall(get("/slow") + b"GET /qui")
        # Two sweeps have passed by when the idle one is dropped.
        assert is_closed(idle)
        application.released.set()
        assert read(patient).status == 200


@pytest.mark.parametrize("url", ["https://example.com/?" + "&" * 2027, "https://example.com/" + "ü" * 338])
def test_a_list_can_be_asked_for_the_longest_url(web_server: WebServer, url: str) -> None:
    assert web_server.send(get(f"/quick?state=scheduled&limit=100&url={quote(url, safe='')}")).status == 200


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "script_name", "PATH_INFO", "REMOTE_USER", "Content_Length"])
def test_no_client_says_by_a_header_what_the_server_says_of_a_request(
    web_server: WebServer, application: Application, name: str
) -> None:
    web_server.send(get("/quick", f"{name}: /api\r\n"))
    environ = application.environ
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/quick")
    assert {key for key, value in environ.items() if value == "/api"} == set()


def test_a_request_arrives_as_wsgi_has_it(web_server: WebServer, application: Application) -> None:
    headers = "Cookie: a=1\r\nCookie: b=2\r\nAccept: x\r\nAccept: y\r\nContent-Type: text/plain\r\n"
    web_server.send(get("/a%20b/%C3%A9%FF?x=%20y", headers))
    environ = application.environ
    assert environ["PATH_INFO"].encode("latin-1") == b"/a b/\xc3\xa9\xff"
    assert environ["QUERY_STRING"] == "x=%20y"
    assert (environ["HTTP_COOKIE"], environ["HTTP_ACCEPT"]) == ("a=1; b=2", "x,y")
    assert (environ["CONTENT_TYPE"], environ["REMOTE_ADDR"]) == ("text/plain", "127.0.0.1")


def test_an_answer_without_a_body_is_sent_at_once_too(web_server: WebServer) -> None:
    with web_server.connect() as client:
        client.sendall(b"HEAD /quick HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = client.recv(10_000)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert received.endswith(b"\r\n\r\n")
        client.sendall(PING)
        assert read(client).body == b"got "


def test_a_body_that_waits_to_be_asked_for_is_asked_for(web_server: WebServer) -> None:
    with web_server.connect() as client:
        client.sendall(b"POST /threads HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(10_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        assert read(client).body == b"got body"


def test_requests_on_one_connection_are_answered_in_their_order(web_server: WebServer) -> None:
    bodies = [b"POST /threads HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d" % number for number in range(5)]
    with web_server.connect() as client:
        client.sendall(b"".join(bodies))
        received = b""
        while received.count(b"got") < 5:
            received += client.recv(10_000)
    assert [received.index(b"got %d" % number) for number in range(5)] == sorted(
        received.index(b"got %d" % number) for number in range(5)
    )


def test_a_flood_of_requests_that_waits_for_no_answer_ends_the_connection(web_server: WebServer) -> None:
    with web_server.connect() as client:
        client.sendall(get("/slow") + PING * 1000)
        assert is_closed(client)


def test_what_was_asked_is_answered_before_the_process_ends(web_server: WebServer, application: Application) -> None:
    with web_server.connect() as busy, web_server.connect() as late:
        busy.sendall(get("/slow"))
        assert application.entered.acquire(timeout=30)
        web_server.server.should_exit = True
        until(lambda: not web_server.server.servers[0].is_serving())
        late.sendall(PING)
        assert (answer := read(late)).status == 200
        assert answer.headers["connection"] == "close"
        application.released.set()
        assert read(busy).status == 200
