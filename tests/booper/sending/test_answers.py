"""Whatever a target answers is a response within its caps, as it came."""

import gzip
from dataclasses import replace

import pytest

from booper.outcomes.outcome import Response
from booper.sending.sender import send
from tests.booper.sending.exchanges import OK, answered, failure_of, response_of
from tests.loopback import (
    POLICY,
    Connection,
    a_request,
    answer_all,
    answer_once,
    serving,
)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 401, 407, 410, 417, 421, 426, 500, 503, 599, 999])
def test_any_status_is_a_response_and_is_not_acted_upon(status: int) -> None:
    headers = (
        b"Location: http://127.0.0.1:9/\r\nRetry-After: 0\r\nWWW-Authenticate: Basic realm=x\r\n"
        b"Proxy-Authenticate: Basic\r\nAlt-Svc: h3\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"
    )
    with serving(answer_all(b"HTTP/1.1 %d Whatever\r\n" % status + headers)) as server:
        outcome = send(a_request(server.url(), method="POST", body=b"x"), policy=POLICY)
    assert response_of(outcome).status == status
    assert len(server.requests) == 1


def test_a_redirect_to_metadata_is_a_response_like_any_other() -> None:
    outcome = answered(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
    assert response_of(outcome).headers[0] == ("Location", "http://169.254.169.254/")


def test_response_headers_keep_their_order_spelling_and_repetition() -> None:
    lines = b"Set-Cookie: a=1\r\nx-B:  spaced \t\r\nSET-cookie: b=2\r\n"
    odd_lines = b"X-Latin: \xfc\r\nX-Long: one\r\n  two\r\nX-Empty:\r\n"
    outcome = answered(OK + lines + odd_lines + b"\r\nbody")
    assert response_of(outcome) == Response(
        200,
        (
            ("Set-Cookie", "a=1"),
            ("x-B", "spaced"),
            ("SET-cookie", "b=2"),
            ("X-Latin", "ü"),
            ("X-Long", "one two"),
            ("X-Empty", ""),
        ),
        b"body",
        False,
    )


def test_interim_answers_and_trailers_are_no_headers_of_the_response() -> None:
    outcome = answered(
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + OK
        + b"Transfer-Encoding: chunked\r\nA: b\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    assert response_of(outcome).headers == (("Transfer-Encoding", "chunked"), ("A", "b"))
    assert response_of(outcome).body == b"ok"


def test_a_compressed_body_is_inflated_up_to_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    outcome = answered(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)
    response = response_of(outcome)
    assert (response.body, response.truncated) == (b"\0" * 65_536, True)
    assert ("Content-Encoding", "gzip") in response.headers


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"gzip\r\nContent-Encoding: br", b"lzw"])
def test_what_is_no_such_coding_stays_as_it_came(encoding: bytes) -> None:
    body = b"\x81not compressed at all"
    response = response_of(
        answered(OK + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(body)) + body)
    )
    assert (response.body, response.truncated) == (body, False)


def test_an_answer_that_switches_protocols_fails_at_once() -> None:
    def switch(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        connection.hang()

    with serving(switch) as server:
        outcome = send(a_request(server.url(), timeout_seconds=20), policy=POLICY)
    assert failure_of(outcome).code == "bad_response"
    assert "101" in failure_of(outcome).message
    assert outcome.duration_ms < 5000


def test_headers_of_an_answer_are_utf_8_or_else_latin_1() -> None:
    head = OK + b"X-New: caf\xc3\xa9\r\nX-Old: caf\xe9\r\nContent-Length: 0\r\n\r\n"
    assert response_of(answered(head)).headers[:2] == (("X-New", "café"), ("X-Old", "café"))


def test_a_body_of_exactly_the_limit_is_whole_and_one_byte_more_is_cut() -> None:
    policy = replace(POLICY, max_response_bytes=1000)
    for size, truncated in ((999, False), (1000, False), (1001, True), (300_000, True)):
        with serving(answer_once(OK + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)) as server:
            response = response_of(send(a_request(server.url()), policy=policy))
        assert response.truncated is truncated
        assert response.body == b"x" * min(size, 1000)


def test_a_body_without_end_is_cut_at_the_limit() -> None:
    def flood(connection: Connection) -> None:
        connection.read_request()
        connection.send(OK + b"\r\n")
        while True:
            connection.send(b"x" * 10_000)

    with serving(flood) as server:
        response = response_of(send(a_request(server.url()), policy=POLICY))
    assert response.truncated
    assert response.body == b"x" * POLICY.max_response_bytes


@pytest.mark.parametrize(
    "headers",
    [b"X: " + b"a" * 70_000, b"\r\n".join([b"X: 1"] * 300), b"X: " + b"a" * 700_000],
    ids=["one long", "many short", "beyond libcurl's own limit"],
)
def test_headers_over_the_cap_are_a_failure(headers: bytes) -> None:
    failure = failure_of(answered(OK + headers + b"\r\n\r\n"))
    assert failure.code == "response_headers_too_large"
    assert "256" in failure.message


def test_headers_under_the_cap_are_taken() -> None:
    outcome = answered(OK + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 200) for number in range(256)) + b"\r\n")
    assert len(response_of(outcome).headers) == 256


def test_interim_answers_without_end_are_a_failure() -> None:
    def flood(connection: Connection) -> None:
        connection.read_request()
        while True:
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    with serving(flood) as server:
        outcome = send(a_request(server.url()), policy=POLICY)
    assert failure_of(outcome).code == "response_headers_too_large"
