"""Outages in the log: a line at the beginning, one for a new reason, one at the end, however often it is tried."""

import logging

import pytest

from jobs.database.outages import Outage


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(clock: Clock) -> Outage:
    return Outage(logging.getLogger("test"), begins="it is away", ends="it is there again", monotonic=clock)


def test_a_thousand_tries_are_one_line(outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(1000):
        outage.fails(OSError("connection refused"))
        clock.seconds += 1
    assert (outage.is_on, outage.seconds) == (True, 1000)
    outage.works()
    outage.works()
    assert caplog.messages == ["it is away: connection refused", "it is there again after 1000 s"]
    assert (outage.is_on, outage.seconds) == (False, 0)


def test_each_reason_is_said_once_also_where_two_take_turns(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        outage.fails(OSError("connection refused"))
        outage.fails(OSError("the database system\n  is starting up"))
    assert caplog.messages == ["it is away: connection refused", "it is away: the database system is starting up"]


def test_numbers_make_no_new_reason(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    for row in range(50):
        outage.fails(OSError(f"lock time-out at tuple (0,{row}), port {5000 + row}"))
    assert caplog.messages == ["it is away: lock time-out at tuple (0,0), port 5000"]


def test_reasons_without_end_are_not_lines_without_end(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    for index in range(500):
        outage.fails(OSError("x" * (index + 1)))
    assert len(caplog.messages) == 20


def test_the_next_outage_is_said_anew(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        outage.fails(OSError("connection refused"))
        outage.works()
    assert caplog.messages == ["it is away: connection refused", "it is there again after 0 s"] * 2


def test_what_says_nothing_is_named_by_its_kind(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    outage.fails(TimeoutError())
    assert caplog.messages == ["it is away: TimeoutError"]


def test_where_some_of_it_works_all_the_time_it_is_over_once_nothing_fails_for_a_while(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outage = Outage(logging.getLogger("t"), begins="away", ends="back", quiet_seconds=10, monotonic=clock)
    for _ in range(100):
        outage.fails(OSError("read-only"))
        clock.seconds += 1
        outage.works()
        clock.seconds += 1
    assert caplog.messages == ["away: read-only"]
    for _ in range(10):
        clock.seconds += 1
        outage.works()
    assert caplog.messages == ["away: read-only", "back after 199 s"]


def test_what_works_is_not_mentioned(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    outage.works()
    assert caplog.messages == []
