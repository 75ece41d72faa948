"""What reaches the API as a WSGI server hands it over: unannounced lengths, broken framing, hostile headers."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from pytest_django import Settings

from jobs.models import Job


@dataclass(slots=True)
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Endless(io.RawIOBase):
    """A body without an end, and how much of it was read."""

    def __init__(self) -> None:
        self.read_count = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        self.read_count += size
        return b" " * size


class Broken(io.RawIOBase):
    """A body whose framing a server can't make sense of."""

    def read(self, size: int = -1) -> bytes:
        raise ValueError("invalid chunk size")


@pytest.fixture
def call(wsgi_application: WSGIHandler) -> Callable[..., Answer]:
    def send(method: str, path: str, stream: Any, **environ: Any) -> Answer:
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "wsgi.input": stream, **environ}
        setup_testing_defaults(environ)
        answer = Answer()

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Callable[[bytes], object]:
            answer.status, answer.headers = int(status.split()[0]), dict(headers)
            return answer.body.__add__

        response = wsgi_application(environ, start)
        answer.body = b"".join(response)
        return answer

    return send


def test_a_body_of_unannounced_length_is_read(call: Any, token: str) -> None:
    body = io.BytesIO(b'{"url": "https://example.com"}')
    sent = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "HTTP_AUTHORIZATION": f"Token {token}"}
    answer = call("POST", "/api/jobs", body, **sent)
    assert (answer.status, answer.headers["Location"]) == (201, f"/api/jobs/{Job.objects.get().id}")


def test_a_body_without_an_end_is_left_at_the_limit(call: Any, settings: Settings) -> None:
    settings.MAX_REQUEST_BYTES = 5000
    body = Endless()
    answer = call("POST", "/api/echo", body, **{"wsgi.input_terminated": True})
    assert (answer.status, answer.json["status"]) == (413, 413)
    assert body.read_count == 5001


def test_a_body_that_is_announced_as_too_large_is_not_read(call: Any, settings: Settings) -> None:
    settings.MAX_REQUEST_BYTES = 5000
    for length in ("5001", "9" * 400):
        body = Endless()
        assert call("POST", "/api/echo", body, CONTENT_LENGTH=length).status == 413
        assert body.read_count == 0


def test_a_body_whose_framing_breaks_is_refused(call: Any) -> None:
    answer = call("POST", "/api/echo", Broken(), **{"wsgi.input_terminated": True})
    assert answer.status == 400
    assert "could not be read to its end" in answer.json["detail"]


def test_a_body_that_ends_early_is_refused(call: Any) -> None:
    answer = call("POST", "/api/echo", io.BytesIO(b'{"a": '), CONTENT_LENGTH="50")
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, "")


@pytest.mark.parametrize("length", ["", "-5", "abc"])
def test_a_length_that_is_no_number_counts_as_none(call: Any, length: str) -> None:
    answer = call("POST", "/api/echo", io.BytesIO(b"{}"), CONTENT_LENGTH=length)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset*=nonsense''x",
        "application/json; charset=base64",
        "application/json; charset=\x00",
        "application/json; charset=" + "x" * 5000,
        ";;;=",
        "application/json; charset",
    ],
)
def test_no_content_type_brings_the_server_down(call: Any, content_type: str) -> None:
    for query in ("", "a=%C3%A9"):
        body = io.BytesIO(b"{}")
        answer = call("POST", "/api/echo", body, CONTENT_TYPE=content_type, CONTENT_LENGTH="2", QUERY_STRING=query)
        assert answer.status in (200, 415)
        assert answer.headers["Content-Type"] in ("application/json", "application/problem+json")


@pytest.mark.parametrize("header", ["HTTP_COOKIE", "HTTP_ACCEPT", "HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_PROTO"])
def test_no_header_brings_the_server_down(call: Any, header: str) -> None:
    for value in ("\xff\xfe", "\x00", ";" * 5000, "a=" + "\u00e9" * 100):
        assert call("GET", "/api/jobs", io.BytesIO(), **{header: value}).status == 401
        assert call("GET", "/api/ping", io.BytesIO(), **{header: value}).status == 200


@pytest.mark.parametrize("path", ["/api/jobs/\xff", "/api/\x00", "/api/jobs/\xed\xa0\x80", "/api/%", "/api/jobs/\n"])
def test_no_path_brings_the_server_down(call: Any, token: str, path: str) -> None:
    answer = call("GET", path, io.BytesIO(), HTTP_AUTHORIZATION=f"Bearer {token}")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


# Half of a character, in UTF-7; what comes of it in other codecs is as little a text, or an exception.
_HALF = "+2AA-"
_COOKIE = f"csrftoken={'a' * 32}"
_CODECS = (
    "utf-7",
    "utf-16",
    "unicode_escape",
    "raw_unicode_escape",
    "punycode",
    "idna",
    "rot13",
    "undefined",
    "latin-1",
)


@pytest.mark.parametrize("charset", _CODECS)
@pytest.mark.parametrize("path", ["/sign-in", "/admin/login/", "/sign-in/code", "/invite/QQ/none/", "/admin/logout/"])
def test_a_form_that_says_it_is_in_anything_but_utf_8_is_refused(call: Any, path: str, charset: str) -> None:
    names = ("username", "password", "email", "next", "code", "csrfmiddlewaretoken")
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{_HALF}\r\n' for name in names)
    bodies = {
        "multipart/form-data; boundary=b": f"{parts}--b--\r\n",
        "application/x-www-form-urlencoded": "email=%2B2AA-",
    }
    for kind, body in bodies.items():
        sent = {"CONTENT_TYPE": f"{kind}; charset={charset}", "CONTENT_LENGTH": str(len(body)), "HTTP_COOKIE": _COOKIE}
        answer = call("POST", path, io.BytesIO(body.encode()), **sent)
        assert answer.status == 400
        assert "UTF-8" in answer.json["detail"]


@pytest.mark.parametrize("charset", _CODECS)
@pytest.mark.parametrize("path", ["/sign-in", "/admin/login/", "/api/jobs", "/livez"])
def test_a_query_is_read_as_utf_8_whatever_the_body_is_said_to_be(
    call: Any, token: str, path: str, charset: str
) -> None:
    sent = {"CONTENT_TYPE": f"text/plain; charset={charset}", "HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert call("GET", path, io.BytesIO(), QUERY_STRING="next=%2B2AA-&name=%2B2AA-", **sent).status in (200, 400)


def test_a_form_that_says_it_is_in_utf_8_is_read(call: Any) -> None:
    for charset in ("utf-8", "UTF8", "us-ascii"):
        kind = f"application/x-www-form-urlencoded; charset={charset}"
        answer = call("POST", "/api/echo", io.BytesIO(b"a=1"), CONTENT_TYPE=kind, CONTENT_LENGTH="3")
        assert (answer.status, answer.json) == (200, {"a": "1"})
        answer = call("POST", "/sign-in", io.BytesIO(b"a=1"), CONTENT_TYPE=kind, CONTENT_LENGTH="3")
        assert answer.status == 403
