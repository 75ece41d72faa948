"""Questions to the provider: what is asked is https, what is answered is bounded, and nobody else answers."""

from pathlib import Path

import pytest

from booper.identity import questions
from booper.identity.client import ProviderFailed
from tests.booper.targets.test_guard import certificate as certificate
from tests.booper.targets.test_guard import tls_context
from tests.loopback import Connection, answer_once, serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("url", ["https://id.example.com", "https://id.example.com:8443/a?b=c", "http://127.0.0.1:80/"])
def test_https_is_taken_and_this_machine(url: str) -> None:
    assert questions.is_taken(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com/",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
        "ftp://id.example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https://user@id.example.com/",
        "https://id.example.com/#a",
        "https://id.example.com/\r\nX: y",
        "https://id.example.com/a b",
        "https://id.exämple.com/",
        "https://[::1/",
        "https://id.example.com:port/",
        "",
    ],
)
def test_nothing_else_is(url: str) -> None:
    assert not questions.is_taken(url)


def test_a_form_is_posted_and_the_answer_comes_with_its_status() -> None:
    with serving(answer_once(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}")) as server:
        answer = questions.ask(server.url("/token"), ca_file="", form={"code": "a&b"}, headers={"Authorization": "x"})
    assert answer == questions.Answer(400, b"{}")
    assert server.heads[0][0] == "POST /token HTTP/1.1"
    assert {"Accept: application/json", "Authorization: x", "Content-Type: application/x-www-form-urlencoded"} <= set(
        server.heads[0]
    )
    assert server.bodies == [b"code=a%26b"]


def test_a_redirect_is_not_followed() -> None:
    with serving(answer_once(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")) as server:
        assert questions.ask(server.url(), ca_file="").status == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize("length", [b"Content-Length: 9999999\r\n\r\n", b"\r\n"])
def test_a_huge_answer_is_not_read(length: bytes) -> None:
    with (
        serving(answer_once(HEAD + length + b"a" * (questions.MOST_BYTES + 1))) as server,
        pytest.raises(ProviderFailed, match="answered more than 256 KiB"),
    ):
        questions.ask(server.url(), ca_file="")


@pytest.mark.parametrize("part", ["head", "body", "nothing"])
def test_a_slow_answer_is_given_up_on_however_steadily_it_drips(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "SECONDS", 0.3)

    def drip(connection: Connection) -> None:
        connection.read_request()
        if part == "nothing":
            connection.hang()
        if part == "body":
            connection.send(HEAD + b"Content-Length: 5000\r\n\r\n")
        connection.drip(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 5_000)

    with serving(drip) as server, pytest.raises(ProviderFailed, match=r"no whole answer within 0\.3 s"):
        questions.ask(server.url(), ca_file="")


def test_nobody_there_is_said_with_the_host() -> None:
    with serving(answer_once()) as server:
        url = server.url()
    with pytest.raises(ProviderFailed, match=r"127\.0\.0\.1 can't be asked"):
        questions.ask(url, ca_file="")


def test_a_certificate_counts_by_who_has_signed_it_and_by_its_name(certificate: Path) -> None:
    for ca_file in ("", str(certificate)):
        with (
            serving(answer_once(), tls=tls_context(certificate)) as server,
            pytest.raises(ProviderFailed, match=r"can't be asked"),
        ):
            questions.ask(server.url(scheme="https"), ca_file=ca_file)
        assert server.requests == []
