"""What each step of a request took is measured, whichever way it ends."""

import time

from booper.sending.sender import Sender, send
from tests.booper.sending.senders import one_after_the_other
from tests.loopback import ANSWER, POLICY, Connection, a_request, answer_all, serving, silent_listener


def answer_slowly(connection: Connection) -> None:
    connection.read_request()
    time.sleep(0.2)
    connection.send(ANSWER[:-1])
    time.sleep(0.1)
    connection.send(ANSWER[-1:])


def test_the_steps_of_an_answer_add_up_to_it() -> None:
    with serving(answer_slowly) as server:
        outcome = send(a_request(server.url()), policy=POLICY)
    assert outcome.times_ms is not None
    assert list(outcome.times_ms) == ["dns", "connect", "first_byte", "body"][-len(outcome.times_ms) :]
    assert 190 < outcome.times_ms["first_byte"] < 1000
    assert 90 < outcome.times_ms["body"] < 1000
    assert abs(sum(outcome.times_ms.values()) - outcome.duration_ms) < 50


def test_what_never_answers_waits_for_its_first_byte() -> None:
    with silent_listener(backlog=1) as url:
        outcome = send(a_request(url, timeout_seconds=0.3), policy=POLICY)
    assert outcome.times_ms is not None
    assert max(outcome.times_ms, key=lambda name: outcome.times_ms[name]) == "first_byte"  # type: ignore[index]
    assert "body" not in outcome.times_ms


def test_a_connection_that_was_kept_takes_no_time_to_connect() -> None:
    with serving(answer_all()) as server, Sender[str](POLICY) as sender:
        first, second = one_after_the_other(sender, server.url(), server.url())
    assert first.times_ms is not None
    assert second.times_ms is not None
    assert "connect" in first.times_ms
    assert "connect" not in second.times_ms


def test_what_was_never_on_the_wire_has_no_times() -> None:
    outcome = send(a_request("http://127.0.0.1:1/".replace("127.0.0.1", "10.255.0.1")), policy=POLICY)
    assert outcome.failure is not None
    assert not (outcome.times_ms or {}).get("first_byte")
