"""So many at once: refused when there are too many, counted seldom, and forgotten when they are gone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.guarding import stocks
from jobs.guarding.limits import LimitReached
from jobs.guarding.stocks import Stock
from jobs.models import Job, JobState, User
from tests.factories import NOON, make_job, make_user


def make(stock: Stock, user: User, count: int, *, allowed: int) -> int:
    """How many jobs get made, one after the other."""
    made = 0
    for _ in range(count):
        try:
            stock.add(user.id, overrides={"waiting_jobs": allowed}, now=NOON)
        except LimitReached:
            continue
        make_job(user=user)
        made += 1
    return made


@pytest.fixture
def stock() -> Stock:
    """As one process has it."""
    return Stock(stocks.waiting_jobs.limit, stocks.waiting_jobs._count)


@pytest.mark.parametrize("processes", [1, 3])
def test_no_more_wait_than_may(user: User, processes: int) -> None:
    made = 0
    all_of_them = [Stock(stocks.waiting_jobs.limit, stocks.waiting_jobs._count) for _ in range(processes)]
    for stock in all_of_them * 15:
        made += make(stock, user, 1, allowed=20)
    assert made == min(20, 15 * processes)


def test_what_has_ended_makes_room(stock: Stock, user: User) -> None:
    assert make(stock, user, 12, allowed=10) == 10
    Job.objects.filter(id__in=Job.objects.values_list("id")[:4]).update(state=JobState.COMPLETED, completed_at=NOON)
    assert make(stock, user, 12, allowed=10) == 4


def test_jobs_that_were_there_before_count(stock: Stock, user: User) -> None:
    for _ in range(8):
        make_job(user=user)
    assert make(stock, user, 5, allowed=10) == 2


def test_others_jobs_do_not_count(stock: Stock, user: User, other_user: User) -> None:
    for _ in range(8):
        make_job(user=other_user)
    assert make(stock, user, 5, allowed=5) == 5


def test_many_at_once_are_taken_together_or_not_at_all(stock: Stock, user: User) -> None:
    with pytest.raises(LimitReached) as reached:
        stock.add(user.id, amount=11, overrides={"waiting_jobs": 10}, now=NOON)
    assert (reached.value.allowed, reached.value.used) == (10, 0)
    stock.add(user.id, amount=10, overrides={"waiting_jobs": 10}, now=NOON)


def test_a_hundredth_is_made_without_a_query_and_no_limit_costs_none(stock: Stock, user: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        stock.add(user.id, amount=1000, overrides={"waiting_jobs": 100_000}, now=NOON)
        stock.add(user.id, amount=10**9, overrides={"waiting_jobs": 0}, now=NOON)
    assert len(queries) == 0


def test_a_count_of_many_rows_is_not_made_again_at_once(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    def count(user_id: object, most: int) -> int:
        counted.append(most)
        return 5_000_001

    stock = Stock(stocks.waiting_jobs.limit, count)
    overrides = {"waiting_jobs": 5_000_000}
    for seconds in (0, 0, 1, 4, 6):
        with pytest.raises(LimitReached):
            stock.add(user.id, amount=60_000, overrides=overrides, now=NOON + timedelta(seconds=seconds))
    assert len(counted) == 3


def test_how_many_there_are_is_told(user: User) -> None:
    for _ in range(3):
        make_job(user=user)
    make_job(user=make_user("grace@example.com"))
    assert stocks.waiting_jobs.used(user.id) == 3
