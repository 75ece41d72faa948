"""Bites are as large as fits into some hundredths of a second, with a breath between two of them where others wait."""

import pytest

from jobs.database import bites, sql, standing_back
from jobs.database.bites import Bites


class Time:
    """Stands for the module."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(bites, "time", time)
    monkeypatch.setattr(standing_back, "others_wait", lambda: False)
    return time


@pytest.fixture
def others(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some wait."""
    monkeypatch.setattr(sql, "is_postgresql", lambda: False)
    monkeypatch.setattr(standing_back, "others_wait", lambda: True)


def take(bite: Bites, time: Time, *, seconds: float) -> int:
    with bite:
        time.seconds += seconds
    return bite.size


def test_they_grow_where_one_takes_little_and_shrink_where_it_takes_much(time: Time):
    bite = Bites()
    assert bite.size == 50
    assert [take(bite, time, seconds=seconds) for seconds in (0.0151, 0.12, 9.0, 0.0)] == [99, 50, 50, 500]


def test_the_first_is_as_small_as_the_fewest_that_there_may_be(time: Time):
    bite = Bites(fewest=1)
    assert bite.size == 1
    assert [take(bite, time, seconds=seconds) for seconds in (0.2, 0.0015, 9.0)] == [1, 20, 1]


def test_there_are_never_more_than_were_asked_for(time: Time):
    bite = Bites(most=3)
    assert [take(bite, time, seconds=seconds) for seconds in (0.0, 9.0)] == [3, 3]


def test_who_waits_for_sqlite_is_let_in_between_two_and_the_first_waits_for_nobody(
    time: Time, monkeypatch: pytest.MonkeyPatch
):
    for is_postgresql in (False, True):
        monkeypatch.setattr(sql, "is_postgresql", lambda answer=is_postgresql: answer)
        bite = Bites()
        for _ in range(3):
            take(bite, time, seconds=0.01)
    assert time.slept == [0.005, 0.005]


@pytest.mark.usefixtures("others")
def test_those_who_waited_have_as_long_for_themselves_and_a_tenth_of_a_second_at_most(time: Time):
    bite = Bites()
    for seconds in (0.03, 0.001, 9.0, 0.0):
        take(bite, time, seconds=seconds)
    assert time.slept == [pytest.approx(0.03), 0.005, 0.1]


@pytest.mark.usefixtures("others")
def test_what_is_one_transaction_stands_back_before_it_and_breathes_after_it_if_it_is_large(time: Time):
    stood_back = []
    for is_large in (False, True):
        with bites.whole(is_large=is_large):
            stood_back.append(standing_back.stands_back())
            time.seconds += 0.04
    assert stood_back == [False, True]
    assert not standing_back.stands_back()
    assert time.slept == [pytest.approx(0.04)]


def test_nobody_waits_for_nobody(time: Time):
    with bites.whole(is_large=True):
        time.seconds += 0.04
    assert time.slept == []
