"""Names are looked up side by side, each once, and nobody waits longer than they said."""

import math
import threading
from collections.abc import Sequence

import pytest

from booper.sending.lookups import Lookups, Resolved


class Resolver:
    """Answers when the test says so."""

    def __init__(self, addresses: Sequence[str] = ("192.0.2.1",)) -> None:
        self._addresses = addresses
        self.asked: list[str] = []
        self.threads: set[int] = set()
        self.may_answer = threading.Event()
        self.answered = threading.Semaphore(0)
        self.lookups: Lookups[str] = Lookups(self._resolve, wake=self.answered.release)

    def _resolve(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        self.threads.add(threading.get_ident())
        assert self.may_answer.wait(10)
        return self._addresses

    def wait_for(self, count: int) -> None:
        self.may_answer.set()
        for _ in range(count):
            assert self.answered.acquire(timeout=10)


@pytest.fixture
def resolver() -> Resolver:
    return Resolver()


def test_all_who_wait_for_a_name_share_one_lookup(resolver: Resolver) -> None:
    for waiter in ("first", "second", "third"):
        resolver.lookups.wait("a.example", waiter, until=100)
    assert resolver.lookups.settled(now=0) == []
    resolver.wait_for(1)
    answer = Resolved("a.example", ("192.0.2.1",), None)
    assert resolver.lookups.settled(now=1) == [("first", answer), ("second", answer), ("third", answer)]
    assert resolver.lookups.settled(now=101) == []
    assert resolver.asked == ["a.example"]
    resolver.lookups.close()


def test_an_answer_is_kept_for_ten_seconds(resolver: Resolver) -> None:
    resolver.lookups.wait("a.example", "x", until=100)
    assert resolver.lookups.kept("a.example", now=0) is None
    resolver.wait_for(1)
    resolver.lookups.settled(now=5)
    assert resolver.lookups.kept("a.example", now=14.9) == Resolved("a.example", ("192.0.2.1",), None)
    assert resolver.lookups.kept("a.example", now=15.0) is None
    assert resolver.lookups.kept("b.example", now=5) is None
    resolver.lookups.close()


def test_a_failed_lookup_is_not_kept() -> None:
    resolver = Resolver(addresses=())
    resolver.lookups.wait("a.example", "x", until=100)
    resolver.wait_for(1)
    ((_, answer),) = resolver.lookups.settled(now=1)
    assert answer == Resolved("a.example", (), "it has none")
    assert resolver.lookups.kept("a.example", now=1) is None
    resolver.lookups.wait("a.example", "x", until=100)
    resolver.wait_for(1)
    assert resolver.asked == ["a.example", "a.example"]
    resolver.lookups.close()


def test_a_waiter_whose_time_is_up_gets_no_answer_and_those_with_time_do(resolver: Resolver) -> None:
    resolver.lookups.wait("a.example", "patient", until=100)
    resolver.lookups.wait("a.example", "hasty", until=2)
    assert resolver.lookups.next_deadline() == 2
    assert resolver.lookups.settled(now=1.9) == []
    assert resolver.lookups.settled(now=2) == [("hasty", None)]
    assert resolver.lookups.next_deadline() == 100
    resolver.wait_for(1)
    assert [waiter for waiter, _ in resolver.lookups.settled(now=3)] == ["patient"]
    assert resolver.lookups.next_deadline() == math.inf
    resolver.lookups.close()


def test_a_waiter_that_gave_up_is_not_returned(resolver: Resolver) -> None:
    resolver.lookups.wait("a.example", "x", until=2)
    resolver.lookups.give_up("a.example", "x")
    resolver.lookups.give_up("b.example", "never waited")
    assert resolver.lookups.next_deadline() == math.inf
    resolver.wait_for(1)
    assert resolver.lookups.settled(now=5) == []
    assert resolver.lookups.kept("a.example", now=5) is not None
    resolver.lookups.close()


def test_names_are_looked_up_side_by_side() -> None:
    all_asked = threading.Barrier(100)
    answered = threading.Semaphore(0)

    def resolve(host: str) -> list[str]:
        all_asked.wait(10)
        return ["192.0.2.1"]

    lookups: Lookups[str] = Lookups(resolve, wake=answered.release)
    for number in range(100):
        lookups.wait(f"{number}.example", str(number), until=100)
    for _ in range(100):
        assert answered.acquire(timeout=15)
    assert {answer.problem for _, answer in lookups.settled(now=1) if answer is not None} == {None}
    lookups.close()


def test_names_that_never_answer_hold_up_nobody_elses() -> None:
    ended, answered = threading.Event(), threading.Semaphore(0)

    def resolve(host: str) -> list[str]:
        if host not in ("a.example", "499.hostile.example"):
            ended.wait(30)
        return ["192.0.2.1"]

    lookups: Lookups[str] = Lookups(resolve, wake=answered.release)
    for number in range(500):
        lookups.wait(f"{number}.hostile.example", f"hostile {number}", until=100, owner="hostile")
    lookups.wait("a.example", "other", until=100, owner="other")
    # Its owner's line has it as well: that is no reason to wait there.
    lookups.wait("499.hostile.example", "same name", until=100, owner="other")
    for _ in range(2):
        assert answered.acquire(timeout=10)
    assert {waiter for waiter, _ in lookups.settled(now=1)} == {"other", "same name", "hostile 499"}
    lookups.close()
    ended.set()


def test_all_names_of_an_owner_get_their_turn(resolver: Resolver) -> None:
    for number in range(200):
        resolver.lookups.wait(f"{number}.example", str(number), until=100, owner="a")
    settled: list[str] = []
    while len(settled) < 200:
        resolver.wait_for(1)
        settled += [waiter for waiter, _ in resolver.lookups.settled(now=1)]
    assert sorted(resolver.asked) == sorted(f"{number}.example" for number in range(200))
    resolver.lookups.close()


def test_a_thread_serves_one_name_after_the_other(resolver: Resolver) -> None:
    resolver.may_answer.set()
    for number in range(20):
        resolver.lookups.wait(f"{number}.example", str(number), until=100)
        resolver.wait_for(1)
        assert [waiter for waiter, _ in resolver.lookups.settled(now=1)] == [str(number)]
    assert len(resolver.threads) == 1
    resolver.lookups.close()


def test_of_very_many_addresses_the_first_sixteen_are_tried_each_once() -> None:
    resolver = Resolver(addresses=[f"192.0.2.{number // 2}" for number in range(200)])
    resolver.lookups.wait("a.example", "x", until=100)
    resolver.wait_for(1)
    ((_, answer),) = resolver.lookups.settled(now=1)
    assert answer is not None
    assert answer.addresses == tuple(f"192.0.2.{number}" for number in range(16))
    resolver.lookups.close()


def test_a_machine_without_threads_to_spare_lets_the_wait_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        resolver.lookups.wait("a.example", "unlucky", until=1)
    assert resolver.lookups.settled(now=1) == [("unlucky", None)]
    # The next one that comes starts a thread, which serves all that queue.
    resolver.lookups.wait("b.example", "lucky", until=100)
    resolver.wait_for(2)
    assert [waiter for waiter, _ in resolver.lookups.settled(now=2)] == ["lucky"]
    resolver.lookups.close()


def test_an_answer_says_when_its_turn_came(resolver: Resolver) -> None:
    for number in range(65):
        resolver.lookups.wait(f"{number}.example", str(number), until=100, owner="a", now=1)
    assert resolver.lookups.asked_at("0.example") == 1
    assert resolver.lookups.asked_at("64.example") is None
    resolver.wait_for(64)
    assert {answer.asked_at for _, answer in resolver.lookups.settled(now=7) if answer is not None} == {1}
    resolver.wait_for(1)
    assert [answer.asked_at for _, answer in resolver.lookups.settled(now=9) if answer is not None] == [7]
    assert resolver.lookups.asked_at("64.example") is None
    resolver.lookups.close()
