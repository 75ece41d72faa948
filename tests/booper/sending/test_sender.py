"""Thousands of requests side by side on one thread: none waits for another, each goes out once and comes back once."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from booper.outcomes.outcome import Request
from booper.sending import lookups
from booper.sending import sender as sending
from booper.sending.sender import Sender
from booper.targets.policy import Policy
from tests.booper.sending.senders import code_of, one_after_the_other, outcomes_of
from tests.loopback import ANSWER, POLICY, Connection, a_request, answer_all, serving, silent_listener


@pytest.fixture
def sender() -> Iterator[Sender[str]]:
    with Sender[str](POLICY) as sender:
        yield sender


def test_a_quick_answer_does_not_wait_for_five_hundred_that_hang(sender: Sender[str]) -> None:
    with silent_listener(backlog=600) as url, serving(answer_all()) as server:
        for number in range(500):
            sender.submit(f"hanging {number}", a_request(url, timeout_seconds=30))
        assert sender.poll(0) == []
        sender.submit("quick", a_request(server.url()))
        ((key, outcome),) = sender.poll(10)
        assert (key, code_of(outcome)) == ("quick", None)
        assert outcome.duration_ms < 2000
        assert sender.in_flight == 500
        sender.abort_all()
        assert {code_of(outcome) for outcome in outcomes_of(sender).values()} == {"aborted"}


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip(f"needs 4,096 open files, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_two_thousand_are_on_the_wire_at_once(sender: Sender[str]) -> None:
    is_full = threading.Event()

    def answer_when_full(connection: Connection) -> None:
        connection.read_request()
        is_full.wait(30)
        connection.send(ANSWER)

    with silent_listener(backlog=4096) as url, serving(answer_when_full) as server:
        for number in range(2000):
            sender.submit(f"hanging {number}", a_request(url, timeout_seconds=60))
        # This one's file descriptor is beyond what select() could watch.
        sender.submit("last", a_request(server.url()))
        assert sender.poll(0) == []
        is_full.set()
        ((key, outcome),) = sender.poll(20)
    assert (key, code_of(outcome)) == ("last", None)
    assert sender.in_flight == 2000


def test_each_of_many_keys_comes_back_once_with_its_own_answer(sender: Sender[str]) -> None:
    def echo(connection: Connection) -> None:
        while request := connection.read_request():
            path = request.split(b" ")[1]
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))

    with serving(echo) as server:
        for number in range(300):
            sender.submit(f"/{number}", a_request(server.url(f"/{number}")))
        outcomes = outcomes_of(sender)
    assert len(outcomes) == 300
    for key, outcome in outcomes.items():
        assert outcome.response is not None
        assert outcome.response.body == key.encode()


def test_a_request_is_aborted_and_its_neighbour_goes_on(sender: Sender[str]) -> None:
    may_answer = threading.Event()

    def answer_later(connection: Connection) -> None:
        connection.read_request()
        may_answer.wait(10)
        connection.send(ANSWER)

    with serving(answer_later) as server:
        sender.submit("broken off", a_request(server.url("/a")))
        sender.submit("left alone", a_request(server.url("/b")))
        while len(server.requests) < 2:
            assert sender.poll(0.01) == []
        assert sender.abort("broken off")
        assert not sender.abort("broken off")
        assert not sender.abort("never seen")
        ((key, outcome),) = sender.poll(5)
        assert (key, code_of(outcome)) == ("broken off", "aborted")
        assert outcome.failure is not None
        assert "may have taken the request" in outcome.failure.message
        may_answer.set()
        assert {key: code_of(outcome) for key, outcome in outcomes_of(sender).items()} == {"left alone": None}


def test_an_abort_brings_what_has_come_of_the_answer(sender: Sender[str]) -> None:
    def answer_half(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Half: yes\r\nContent-Length: 10\r\n\r\n12345")
        connection.read_request()

    with serving(answer_half) as server:
        sender.submit("a", a_request(server.url("/")))
        while not (transfer := sender._transfers["a"]).exchange.reply.body_size:
            assert sender.poll(0.01) == []
        assert sender.abort("a")
        outcome = outcomes_of(sender)["a"]
    assert (code_of(outcome), outcome.response, transfer.key) == ("aborted", None, "a")
    assert outcome.came is not None
    assert (outcome.came.status, outcome.came.body, outcome.came.truncated) == (200, b"12345", True)
    assert ("X-Half", "yes") in outcome.came.headers


def test_an_abort_before_anything_was_sent_says_so(sender: Sender[str]) -> None:
    sender.submit("a", a_request("http://127.0.0.1:8000/"))
    sender.abort_all()
    outcome = outcomes_of(sender)["a"]
    assert code_of(outcome) == "aborted"
    assert outcome.failure is not None
    assert "nothing was sent" in outcome.failure.message


def test_an_abort_during_a_lookup_leaves_nothing_behind() -> None:
    is_over = threading.Event()

    def resolve(host: str) -> list[str]:
        is_over.wait(30)
        return ["127.0.0.1"]

    policy = type(POLICY)(allow_http=True, allowed_networks=POLICY.allowed_networks, resolve=resolve)
    with Sender[str](policy) as sender, serving(answer_all()) as server:
        sender.submit("a", a_request(server.url(host="slow.example.com"), timeout_seconds=30))
        sender.abort("a")
        assert code_of(outcomes_of(sender)["a"]) == "aborted"
        is_over.set()
        # The answer that comes now is for nobody; the next request of that name has it.
        sender.submit("b", a_request(server.url(host="slow.example.com")))
        assert code_of(outcomes_of(sender)["b"]) is None
        assert len(server.requests) == 1


def test_requests_that_cannot_be_sent_come_back_from_poll_like_all_others(sender: Sender[str]) -> None:
    sender.submit("invalid", a_request("http://"))
    sender.submit("blocked", a_request("http://10.0.0.1/"))
    assert sender.in_flight == 2
    assert {key: code_of(outcome) for key, outcome in sender.poll(0)} == {
        "invalid": "invalid_request",
        "blocked": "blocked_address",
    }
    assert sender.in_flight == 0


def test_poll_returns_at_its_time_when_nothing_happens(sender: Sender[str]) -> None:
    began = time.monotonic()
    assert sender.poll(0.1) == []
    assert 0.1 <= time.monotonic() - began < 20


def test_wake_ends_a_poll_from_another_thread(sender: Sender[str]) -> None:
    waking = threading.Timer(0.05, sender.wake)
    waking.start()
    began = time.monotonic()
    assert sender.poll(30) == []
    assert time.monotonic() - began < 20
    waking.join()


def test_a_wake_before_a_poll_ends_that_poll_and_no_other(sender: Sender[str]) -> None:
    # More of them than a pipe holds.
    for _ in range(70_000):
        sender.wake()
    began = time.monotonic()
    assert sender.poll(30) == []
    assert time.monotonic() - began < 20
    with serving(answer_all()) as server:
        sender.submit("a", a_request(server.url()))
        ((key, _),) = sender.poll(30)
    assert key == "a"


def test_a_key_in_flight_is_not_taken_a_second_time(sender: Sender[str]) -> None:
    with silent_listener(backlog=5) as url:
        sender.submit("a", a_request(url))
        with pytest.raises(ValueError, match="in flight already"):
            sender.submit("a", a_request(url))
        sender.abort_all()
        outcomes_of(sender)
        sender.submit("a", a_request(url))


def test_close_is_quick_with_requests_and_lookups_under_way_and_everything_after_it_is_refused() -> None:
    is_over = threading.Event()

    def resolve(host: str) -> list[str]:
        is_over.wait(30)
        return []

    policy = type(POLICY)(allow_http=True, allowed_networks=POLICY.allowed_networks, resolve=resolve)
    sender = Sender[str](policy)
    with silent_listener(backlog=50) as url, serving(answer_all()) as server:
        one_after_the_other(sender, server.url())
        for number in range(20):
            sender.submit(f"{number}", a_request(url))
            sender.submit(f"name {number}", a_request(f"http://{number}.example.com/"))
        sender.poll(0)
        began = time.monotonic()
        sender.close()
        assert time.monotonic() - began < 20
    is_over.set()
    sender.close()
    sender.wake()
    with pytest.raises(RuntimeError, match="closed"):
        sender.submit("a", a_request(url))
    with pytest.raises(RuntimeError, match="closed"):
        sender.poll(0)


def test_a_sender_belongs_to_the_thread_that_uses_it_first() -> None:
    sender = Sender[str](POLICY)

    def use() -> None:
        with sender:
            assert sender.poll(0) == []
            is_used.set()
            may_close.wait(10)

    is_used, may_close = threading.Event(), threading.Event()
    thread = threading.Thread(target=use)
    thread.start()
    assert is_used.wait(10)
    for forbidden in (lambda: sender.poll(0), lambda: sender.abort("a"), sender.close):
        with pytest.raises(RuntimeError, match="another thread"):
            forbidden()
    may_close.set()
    thread.join()


def test_a_sender_is_not_used_on_the_other_side_of_a_fork(sender: Sender[str], monkeypatch: pytest.MonkeyPatch) -> None:
    process_id = os.getpid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: process_id + 1)
        with pytest.raises(RuntimeError, match="fork"):
            sender.submit("a", a_request("http://127.0.0.1:8000/"))


def test_connections_beyond_those_in_use_are_not_hoarded(sender: Sender[str]) -> None:
    with serving(answer_all()) as server:
        for number in range(700):
            sender.submit(f"{number}", a_request(server.url()))
        outcomes_of(sender)
        assert server.connection_count == 700
        began = time.monotonic()
        while server.closed_count < 160 and time.monotonic() - began < 10:
            sender.poll(0.02)
        assert server.closed_count >= 160


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Names of one owner are looked up one at a time; those that begin with `hang` until the event is set."""
    monkeypatch.setattr(lookups, "_MAX_THREADS_OF_ONE", 1)
    is_over = threading.Event()
    yield is_over
    is_over.set()


def slow_policy(is_over: threading.Event) -> Policy:
    def resolve(host: str) -> list[str]:
        if host.startswith("hang"):
            is_over.wait(30)
        return ["127.0.0.1"]

    return Policy(allow_http=True, allowed_networks=POLICY.allowed_networks, resolve=resolve)


def owned(url: str, *, timeout_seconds: float) -> Request:
    return replace(a_request(url, timeout_seconds=timeout_seconds), owner="a")


def test_the_wait_for_a_lookup_to_begin_is_not_counted_in_the_time_out(crowded: threading.Event) -> None:
    with Sender[str](slow_policy(crowded)) as sender, serving(answer_all()) as server:
        sender.submit("first", owned(server.url(host="hang.example.com"), timeout_seconds=30))
        sender.submit("behind", owned(server.url(host="b.example.com"), timeout_seconds=0.2))
        assert sender.poll(0.5) == []
        crowded.set()
        assert {key: code_of(outcome) for key, outcome in outcomes_of(sender).items()} == {
            "first": None,
            "behind": None,
        }


def test_a_lookup_that_has_its_turn_is_counted(crowded: threading.Event) -> None:
    with Sender[str](slow_policy(crowded)) as sender:
        sender.submit("a", owned("http://hang.example.com/", timeout_seconds=0.2))
        assert code_of(outcomes_of(sender)["a"]) == "timeout"


def test_whoever_has_no_turn_for_long_comes_back_without_having_failed(
    crowded: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_LONGEST_WAIT_FOR_A_TURN_SECONDS", 0.4)
    with Sender[str](slow_policy(crowded)) as sender:
        sender.submit("first", owned("http://hang.example.com/", timeout_seconds=30))
        sender.submit("behind", owned("http://b.example.com/", timeout_seconds=0.1))
        ((key, outcome),) = sender.poll(5)
        assert (key, code_of(outcome)) == ("behind", "no_turn")
        assert outcome.duration_ms >= 400
