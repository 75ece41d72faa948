"""A kept connection serves its owner alone, and nothing of one request is left in the next."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from booper.sending.sender import Sender
from tests.booper.sending.senders import code_of, one_after_the_other, outcomes_of
from tests.loopback import ANSWER, POLICY, Connection, a_request, answer_all, serving


@pytest.fixture
def sender() -> Iterator[Sender[str]]:
    with Sender[str](POLICY) as sender:
        yield sender


def test_a_kept_connection_is_used_again(sender: Sender[str]) -> None:
    with serving(answer_all()) as server:
        outcomes = one_after_the_other(sender, *(server.url(f"/{number}") for number in range(5)))
        assert [code_of(outcome) for outcome in outcomes] == [None] * 5
        assert (len(server.requests), server.connection_count) == (5, 1)


def test_a_kept_connection_serves_its_owner_alone(sender: Sender[str]) -> None:
    with serving(answer_all()) as server:
        for number, owner in enumerate(("ada", "ada", "grace", "grace", "ada")):
            sender.submit(str(number), replace(a_request(server.url()), owner=owner))
            ((_, outcome),) = outcomes_of(sender).items()
            assert code_of(outcome) is None
        assert server.connection_count == 3


def test_a_request_that_wants_a_connection_of_its_own_gets_one_and_leaves_none(sender: Sender[str]) -> None:
    with serving(answer_all()) as server:
        one_after_the_other(sender, server.url("/kept"))
        one_after_the_other(sender, server.url("/own"), method="POST", reuse=False)
        assert server.connection_count == 2
        one_after_the_other(sender, server.url("/kept-again"), server.url("/and-again"))
        assert server.connection_count == 2
        assert [head for head in server.heads if "Connection: close" in head] == [
            ["POST /own HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Content-Length: 0", "Connection: close"]
        ]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_kept_connection_that_dies_under_a_request_does_not_send_it_twice(sender: Sender[str], method: str) -> None:
    def answer_the_first(connection: Connection) -> None:
        connection.read_request()
        connection.send(ANSWER)
        connection.read_request()

    with serving(answer_the_first) as server:
        first, second = one_after_the_other(sender, server.url("/first"), server.url("/second"), method=method)
        third = one_after_the_other(sender, server.url("/third"), method=method)[0]
    assert [head[0] for head in server.heads] == [f"{method} /{path} HTTP/1.1" for path in ("first", "second", "third")]
    assert (code_of(first), code_of(third)) == (None, None)
    assert code_of(second) == "connection_closed"
    assert second.failure is not None
    assert "not sent again" in second.failure.message
    assert server.connection_count == 2


def test_a_kept_connection_that_the_target_has_closed_is_not_used(sender: Sender[str]) -> None:
    is_closed = threading.Event()

    def answer_one_and_close(connection: Connection) -> None:
        connection.read_request()
        connection.send(ANSWER)
        connection.close()
        is_closed.set()

    with serving(answer_one_and_close) as server:
        one_after_the_other(sender, server.url("/first"))
        assert is_closed.wait(5)
        outcome = one_after_the_other(sender, server.url("/second"))[0]
    assert code_of(outcome) is None
    assert server.connection_count == 2


@pytest.mark.parametrize("is_at_once", [True, False])
def test_an_answer_nobody_asked_for_is_not_taken_for_that_of_the_next_request(
    sender: Sender[str], is_at_once: bool
) -> None:
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    is_forged = threading.Event()

    def answer_twice(connection: Connection) -> None:
        while connection.read_request():
            connection.send(ANSWER + forged if is_at_once else ANSWER)
            if not is_at_once:
                connection.send(forged)
            is_forged.set()

    with serving(answer_twice) as server:
        one_after_the_other(sender, server.url("/first"))
        assert is_forged.wait(5)
        (outcome,) = one_after_the_other(sender, server.url("/second"))
    assert outcome.response is not None
    assert outcome.response.body == b"ok"
    assert server.connection_count == 2


def test_a_connection_whose_answer_was_cut_is_not_used_again(sender: Sender[str]) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
    with serving(answer_all(long)) as server:
        outcomes = one_after_the_other(sender, server.url("/1"), server.url("/2"))
    for outcome in outcomes:
        assert outcome.response is not None
        assert outcome.response.truncated
    assert server.connection_count == 2


def test_a_cookie_is_not_carried_from_one_request_to_the_next(sender: Sender[str]) -> None:
    with serving(answer_all(b"HTTP/1.1 200 OK\r\nSet-Cookie: tenant=1; Path=/\r\nContent-Length: 0\r\n\r\n")) as server:
        one_after_the_other(sender, server.url("/1"), server.url("/2"))
    assert server.connection_count == 1
    assert not any("cookie" in line.lower() for head in server.heads for line in head)


def test_nothing_of_one_request_is_left_in_the_next(sender: Sender[str]) -> None:
    with serving(answer_all()) as server:
        headers = (("Authorization", "Bearer secret"), ("Accept", "x/y"))
        sender.submit("full", a_request(server.url("/1"), method="PATCH", headers=headers, body=b"secret"))
        outcomes_of(sender)
        one_after_the_other(sender, server.url("/2"))
    assert server.requests[1] == b"GET /2 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port
