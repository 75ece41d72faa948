"""A host of a tenant that only fails is parked; a few try it; what waits is let go slowly."""

from uuid import uuid4

import pytest

from booper.outcomes.outcome import Failure, Outcome, Response
from jobs.guarding.breakers import Breakers, is_failure

A, B = uuid4(), uuid4()
HOST, OTHER = "https://a.example/", "https://b.example/"


def answered(status: int) -> Outcome:
    return Outcome(Response(status, (), b"", truncated=False), None, 1)


def failed(code: str) -> Outcome:
    return Outcome(None, Failure(code, "words"), 1)


WELL, DOWN = answered(200), failed("connect_failed")


def parked(*, at: float = 0.0, failures: int = 50) -> Breakers:
    breakers = Breakers(failures)
    for _ in range(failures):
        breakers.note(A, HOST, DOWN, now=at)
    return breakers


@pytest.mark.parametrize("outcome", [answered(500), answered(503), answered(429), DOWN, failed("timeout")])
def test_network_failures_5xx_and_429_speak_against_a_host(outcome: Outcome):
    assert is_failure(outcome) is True


@pytest.mark.parametrize("code", ["proxy_unavailable", "proxy_failed"])
def test_what_goes_wrong_with_our_own_proxy_says_nothing_of_a_host(code: str):
    assert is_failure(failed(code)) is None


@pytest.mark.parametrize("outcome", [WELL, answered(404), answered(302), answered(410)])
def test_any_other_answer_speaks_for_it(outcome: Outcome):
    assert is_failure(outcome) is False


@pytest.mark.parametrize("code", ["aborted", "blocked_address", "invalid_request", "internal", "no_such_secret"])
def test_what_this_side_ends_says_nothing(code: str):
    assert is_failure(failed(code)) is None


def test_a_host_is_parked_after_so_many_failures_in_a_row():
    breakers = parked(failures=50)
    assert breakers.rooms(now=0.0) == {(A, HOST): 0}
    assert breakers.parked() == {(A, HOST): 0.0}


def test_one_good_answer_in_between_begins_the_count_anew():
    breakers = parked(failures=50)
    fresh = Breakers(50)
    for outcome in (*[DOWN] * 49, WELL, *[DOWN] * 49):
        fresh.note(A, HOST, outcome, now=0.0)
    assert (fresh.rooms(now=0.0), fresh.parked(), breakers.are_idle) == ({}, {}, False)


def test_failures_that_come_seldom_park_nothing():
    breakers = Breakers(3)
    for now in range(0, 1000, 40):
        breakers.note(A, HOST, DOWN, now=float(now))
    assert breakers.rooms(now=1000.0) == {}


def test_hosts_and_tenants_are_judged_apart():
    breakers = parked()
    breakers.note(A, OTHER, DOWN, now=0.0)
    breakers.note(B, HOST, DOWN, now=0.0)
    assert list(breakers.rooms(now=0.0)) == [(A, HOST)]


def test_a_few_try_it_and_each_round_that_fails_makes_the_pause_longer():
    breakers = parked()
    assert [breakers.rooms(now=now)[A, HOST] for now in (1.9, 2.0)] == [0, 3]
    breakers.claimed([(A, HOST)] * 3, now=2.0)
    assert breakers.rooms(now=3.5) == {(A, HOST): 0}
    for _ in range(3):
        breakers.note(A, HOST, DOWN, now=4.0)
    assert [breakers.rooms(now=now)[A, HOST] for now in (7.9, 8.0)] == [0, 3]


def test_a_pause_has_an_end():
    breakers, now = parked(), 0.0
    for _ in range(10):
        now += 31.0
        assert breakers.rooms(now=now) == {(A, HOST): 3}
        breakers.claimed([(A, HOST)], now=now)
        breakers.note(A, HOST, DOWN, now=now)


def test_a_try_that_was_broken_off_makes_room_for_the_next():
    breakers = parked()
    breakers.claimed([(A, HOST)], now=2.0)
    breakers.note(A, HOST, failed("aborted"), now=2.5)
    assert breakers.rooms(now=4.0) == {(A, HOST): 3}


def test_one_that_nothing_was_due_for_is_offered_again_a_second_later():
    breakers = parked()
    breakers.claimed([(B, OTHER)], now=2.0)
    assert [breakers.rooms(now=now)[A, HOST] for now in (2.9, 3.0)] == [0, 3]


def test_it_is_let_go_slowly_until_it_has_all_again():
    breakers, now, per_second = parked(), 2.0, []
    breakers.claimed([(A, HOST)], now=now)
    breakers.note(A, HOST, WELL, now=now)
    assert breakers.parked() == {}
    while not breakers.are_idle:
        room = breakers.rooms(now=now)[A, HOST]
        per_second.append(room)
        breakers.claimed([(A, HOST)] * room, now=now)
        now += 1.0
        for _ in range(room):
            if not breakers.are_idle:
                breakers.note(A, HOST, WELL, now=now)
    assert per_second == [3, 6, 12, 24, 48, 96]


def test_it_is_parked_again_if_it_fails_while_it_is_let_go():
    breakers = parked()
    breakers.claimed([(A, HOST)], now=2.0)
    breakers.note(A, HOST, WELL, now=2.0)
    for _ in range(10):
        breakers.note(A, HOST, DOWN, now=3.0)
    assert (breakers.rooms(now=6.9), breakers.parked()) == ({(A, HOST): 0}, {(A, HOST): 0.0})


def test_what_nothing_is_sent_to_is_forgotten():
    breakers = parked()
    breakers.forget(now=59.0)
    assert not breakers.are_idle
    breakers.forget(now=61.0)
    assert breakers.are_idle


def test_one_tenant_has_so_many_parked_at_most():
    breakers = Breakers(1)
    for number in range(60):
        breakers.note(A, f"https://{number}.example/", DOWN, now=0.0)
    assert len(breakers.parked()) == 50


def test_without_the_setting_nothing_is_parked():
    breakers = Breakers(0)
    for _ in range(1000):
        breakers.note(A, HOST, DOWN, now=0.0)
    assert breakers.are_idle
