"""While the proxy that all leaves by can't be used, a request in a while tries it, and the rest waits unclaimed."""

import pytest

from booper.outcomes.outcome import Failure, Outcome
from jobs.engine.way_out import WayOut
from jobs.models import Job
from tests.factories import make_job
from tests.jobs.engine.stand_ins import OK, MemorySender, eventually, running


def failed(code: str) -> Outcome:
    return Outcome(None, Failure(code, "words"), 1)


DOWN = failed("proxy_unavailable")


def test_it_is_open_until_the_proxy_fails_and_open_again_when_anything_has_passed():
    way_out = WayOut()
    way_out.note([OK, failed("timeout")], now=0.0)
    assert way_out.room(50, now=0.0) == 50
    way_out.note([DOWN] * 40, now=0.0)
    assert way_out.room(50, now=0.5) == 0
    assert way_out.room(50, now=1.0) == 1
    assert way_out.room(0, now=1.0) == 0
    way_out.claimed(1, now=1.0)
    assert way_out.room(50, now=1.1) == 0
    way_out.note([OK], now=1.2)
    assert way_out.room(50, now=1.2) == 50


@pytest.mark.parametrize("code", ["connect_failed", "proxy_failed", "tls_failure", "timeout"])
def test_what_fails_behind_the_proxy_shows_that_it_can_be_used(code: str):
    way_out = WayOut()
    way_out.note([DOWN], now=0.0)
    way_out.note([failed(code)], now=0.1)
    assert way_out.room(50, now=0.1) == 50


@pytest.mark.parametrize(
    "code", ["aborted", "dns_failure", "blocked_address", "no_turn", "invalid_request", "internal"]
)
def test_what_never_came_to_the_proxy_says_nothing_of_it(code: str):
    way_out = WayOut()
    way_out.note([DOWN], now=0.0)
    way_out.note([failed(code)], now=0.1)
    assert way_out.room(50, now=0.1) == 0


def test_the_pauses_grow_to_ten_seconds_with_each_try_and_not_with_what_was_under_way():
    way_out = WayOut()
    now, pauses = 0.0, []
    way_out.note([DOWN], now=now)
    for _ in range(6):
        began = now
        while not way_out.room(50, now=now):
            now += 0.25
        pauses.append(now - began)
        way_out.claimed(1, now=now)
        for _ in range(3):
            way_out.note([DOWN], now=now)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_the_log_says_it_once_and_when_it_is_over(caplog: pytest.LogCaptureFixture):
    way_out = WayOut()
    for _ in range(5):
        way_out.note([DOWN], now=0.0)
    way_out.note([OK], now=1.0)
    way_out.note([OK], now=2.0)
    assert [record.getMessage() for record in caplog.records] == [
        "words; until then nothing else is sent",
        "the proxy that requests leave by can be used again",
    ]


@pytest.mark.django_db(transaction=True)
def test_hundreds_of_jobs_wait_unclaimed_and_go_out_when_the_proxy_is_back():
    for _ in range(300):
        make_job(max_attempts=1)
    is_down = [True]
    sender = MemorySender(lambda request: DOWN if is_down[0] else OK)
    with running(sender, concurrency=20):
        eventually(lambda: len(sender.requests) >= 22)
        tried = len(sender.requests)
        assert tried < 60, "all that is due was claimed"
        assert not Job.objects.filter(state="discarded").exists()
        is_down[0] = False
        eventually(lambda: Job.objects.filter(state="completed").count() >= 300 - tried)
    assert not Job.objects.filter(state="discarded").exists()
