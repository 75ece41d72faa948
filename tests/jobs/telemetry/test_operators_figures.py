"""The figures an operator is woken by: requests without an answer, open transactions, queues, what is not deleted."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from jobs.database import backlog, transactions
from jobs.guarding import suspension
from jobs.models import Delivery, Job, LogEvent, Queue
from jobs.telemetry import counters, exposition
from jobs.telemetry.counter_rows import CounterPage
from jobs.telemetry.counters import Tallies
from tests.factories import NOON, make_job, make_user
from tests.jobs.telemetry.test_exposition import shown
from tests.runs import OK, run_due

YEAR = timedelta(days=366)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Tallies:
    """This process's tallies, empty."""
    fresh = Tallies()
    monkeypatch.setattr(counters, "own", fresh)
    return fresh


@pytest.mark.django_db
def test_requests_that_were_answered_503_are_told_by_what_the_web_lacked(own: Tallies):
    assert shown()["booper_unavailable_total"] == {"database": 0, "full": 0}
    own.count(counters.UNAVAILABLE, [counters.NO_DATABASE] * 3 + [counters.NO_THREAD])
    CounterPage(own, name="web@one").write(now=NOON)
    assert shown()["booper_unavailable_total"] == {"database": 3, "full": 1}


@pytest.mark.django_db
def test_a_queue_that_may_start_jobs_and_is_not_looked_into_is_stuck():
    user, suspended = make_user(), make_user("eve@example.com")
    suspension.suspend(suspended, now=NOON)
    for number, ready_at in enumerate((NOON - 2 * MINUTE, NOON - MINUTE / 2, NOON + MINUTE, None)):
        Queue.objects.create(user=user, name=str(number), inserted_at=NOON, refilled_at=NOON, ready_at=ready_at)
    Queue.objects.create(user=suspended, name="q", inserted_at=NOON, refilled_at=NOON, ready_at=NOON - YEAR)
    assert shown()["booper_queues_stuck"] == {"": 1}


@pytest.mark.django_db
def test_what_should_have_been_deleted_is_counted_by_kind():
    make_job(webhook_url="https://example.com/")
    run_due(OK)
    make_job(scheduled_at=NOON + 2 * YEAR)
    Delivery.objects.update(state="delivered", delivered_at=NOON)
    events = LogEvent.objects.count()
    assert backlog.rows_behind(now=NOON) == {"log": 0, "deliveries": 0, "jobs": 0}
    deliveries = Delivery.objects.count()
    assert backlog.rows_behind(now=NOON + YEAR) == {"log": events, "deliveries": deliveries, "jobs": 1}


@pytest.mark.django_db
def test_it_is_counted_up_to_a_bound_and_costs_three_queries(monkeypatch: pytest.MonkeyPatch):
    for _ in range(5):
        make_job()
    run_due(OK)
    Job.objects.update(completed_at=NOON)
    monkeypatch.setattr(backlog, "MOST_ROWS", 3)
    with CaptureQueriesContext(connection) as queries:
        assert backlog.rows_behind(now=NOON + YEAR) == {"log": 3, "deliveries": 0, "jobs": 3}
    assert len(queries) == 3
    assert all("LIMIT 3" in query["sql"] for query in queries)


@pytest.fixture
def other() -> Iterator[Any]:
    """Another connection to the database, which has a transaction open. PostgreSQL's alone are looked at."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has transactions that hold others up for long")
    made = connections.create_connection("default")
    with closing(made):
        made.set_autocommit(False)
        with made.cursor() as cursor:
            cursor.execute("SET application_name = 'a report'")
            cursor.execute("SELECT pg_backend_pid()")
            [pid] = cursor.fetchone()
        yield made, pid


@pytest.mark.django_db(transaction=True)
def test_the_oldest_transaction_is_named_with_its_process(other: Any):
    report, pid = other
    [found] = [each for each in transactions.oldest(limit=50) if each.pid == pid]
    assert (found.application, found.state) == ("a report", "idle in transaction")
    assert 0 <= found.seconds < 60
    assert shown()["booper_database_transaction_seconds"][""] >= found.seconds
    report.rollback()
    assert pid not in [each.pid for each in transactions.oldest(limit=50)]


@pytest.mark.django_db
def test_ones_own_transaction_is_none_of_others():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [own_pid] = cursor.fetchone()
        assert own_pid not in [each.pid for each in transactions.oldest(limit=50)]
    else:
        assert transactions.oldest(limit=50) == []


@pytest.mark.django_db
def test_they_cost_a_query_each_whatever_there_is():
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            exposition.exposition(now=NOON, stored=exposition.Stored({}, 0))
        return len(queries)

    few = cost()
    user = make_user()
    for number in range(30):
        Queue.objects.create(user=user, name=str(number), inserted_at=NOON, refilled_at=NOON, ready_at=NOON - YEAR)
    assert cost() == few
