"""So much in a minute: exact within a tenth across processes, and no query for who uses little."""

import logging
from datetime import datetime, timedelta

import pytest
from django.db import Error, connection
from django.test.utils import CaptureQueriesContext

from jobs.guarding import limits
from jobs.guarding.rates import Rate
from jobs.models import Usage
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def a_rate() -> Rate:
    """As one process has it."""
    return Rate(limits.REQUESTS, seconds=60)


def passed(rates: list[Rate], count: int, *, allowed: int, now: datetime, subject: str = "key") -> int:
    """How many of `count` requests, taken by the processes in turn, get through."""
    return sum(
        not rates[number % len(rates)].take(subject, allowed=allowed, now=now).is_over for number in range(count)
    )


@pytest.mark.parametrize("processes", [1, 2, 5, 10])
@pytest.mark.parametrize("allowed", [1, 7, 60, 600, 10_000])
def test_no_more_than_a_tenth_off_however_many_processes(processes: int, allowed: int) -> None:
    count = passed([a_rate() for _ in range(processes)], allowed * 2, allowed=allowed, now=NOON)
    assert allowed * 0.9 <= count <= allowed * 1.1


def test_of_one_process_that_is_busy_and_nine_that_do_little() -> None:
    rates = [a_rate() for _ in range(10)]
    few = passed(rates[1:], 9, allowed=1000, now=NOON)
    count = few + passed(rates[:1], 2000, allowed=1000, now=NOON)
    assert 900 <= count <= 1100


def test_a_minute_slides() -> None:
    rate = a_rate()
    passed([rate], 1000, allowed=1000, now=NOON + timedelta(seconds=59))
    # A new minute by the clock, but not since those.
    assert passed([rate], 1000, allowed=1000, now=NOON + timedelta(seconds=60)) <= 100
    assert 400 <= passed([rate], 1000, allowed=1000, now=NOON + timedelta(seconds=90)) <= 600


def test_a_minute_later_all_is_there_again() -> None:
    rate = a_rate()
    passed([rate], 200, allowed=100, now=NOON)
    assert passed([rate], 200, allowed=100, now=NOON + timedelta(seconds=125)) >= 90


def test_who_uses_little_costs_no_query() -> None:
    rate = a_rate()
    with CaptureQueriesContext(connection) as queries:
        assert passed([rate], 3000, allowed=300_000, now=NOON) == 3000
    assert len(queries) == 0


def test_who_uses_much_costs_a_query_or_so_for_each_hundredth() -> None:
    rate = a_rate()
    with CaptureQueriesContext(connection) as queries:
        passed([rate], 30_000, allowed=30_000, now=NOON)
    updates = [query for query in queries if query["sql"].startswith("UPDATE")]
    assert len(updates) <= 101


def test_who_is_over_costs_no_query_for_a_second() -> None:
    rate = a_rate()
    passed([rate], 60, allowed=50, now=NOON)
    with CaptureQueriesContext(connection) as queries:
        assert passed([rate], 100, allowed=50, now=NOON + timedelta(seconds=0.5)) == 0
    assert len(queries) == 0


def test_subjects_do_not_share() -> None:
    rate = a_rate()
    passed([rate], 20, allowed=10, now=NOON, subject="one")
    assert passed([rate], 10, allowed=10, now=NOON, subject="another") == 10


def test_who_is_refused_is_told_when_it_is_worth_trying_again() -> None:
    rate = a_rate()
    passed([rate], 10, allowed=10, now=NOON)
    standing = rate.take("key", allowed=10, now=NOON)
    assert (standing.is_over, standing.remaining) == (True, 0)
    # Six seconds into the next minute, a tenth of this one has slid out.
    assert 60 < standing.wait_seconds <= 66
    with pytest.raises(limits.LimitReached) as reached:
        standing.require()
    assert (reached.value.limit, reached.value.allowed, reached.value.used) == ("requests", 10, 10)
    assert not rate.take("key", allowed=10, now=NOON + timedelta(seconds=standing.wait_seconds + 0.1)).is_over


def test_what_remains_is_told() -> None:
    rate = a_rate()
    told = [rate.take("key", allowed=1000, now=NOON).remaining for _ in range(30)]
    assert told == list(range(999, 969, -1))
    assert rate.standing("key", allowed=1000, now=NOON).used == 30


def test_an_amount_that_never_fits_is_refused_and_takes_nothing() -> None:
    rate = a_rate()
    assert rate.take("key", amount=11, allowed=10, now=NOON).is_over
    assert rate.standing("key", allowed=10, now=NOON).used == 0


def test_a_database_that_is_away_refuses_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rate = a_rate()

    def fail(*_: object, **__: object) -> None:
        raise Error("gone")

    monkeypatch.setattr(rate, "_locked", fail)
    with caplog.at_level(logging.WARNING):
        assert passed([rate], 20, allowed=10, now=NOON) == 20
    assert "can't be looked at" in caplog.text


def test_a_row_is_there_only_for_those_who_used_more_than_a_share() -> None:
    rate = a_rate()
    for number in range(50):
        passed([rate], 5, allowed=600, now=NOON, subject=f"192.0.2.{number}")
    assert not Usage.objects.exists()
