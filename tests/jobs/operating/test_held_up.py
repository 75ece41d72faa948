"""What the doctor finds to hold work up in a system that is sound: switches, places, targets, transactions."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from jobs.database import transactions
from jobs.database.transactions import OpenTransaction
from jobs.guarding import suspension
from jobs.models import Queue, Receiver, User
from jobs.operating import held_up, installation
from jobs.operating.findings import Check, Trouble
from jobs.telemetry import counters
from jobs.telemetry.counter_rows import CounterPage
from tests.factories import NOON, make_user

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def seen(name: str, *, checks: tuple[Check, ...] = held_up.CHECKS) -> list[Trouble]:
    [check] = [check for check in checks if check.name == name]
    return list(check.look(NOON))


def test_a_system_that_nothing_holds_up_has_none_of_it_and_costs_a_query_or_two_each():
    for check in held_up.CHECKS:
        with CaptureQueriesContext(connection) as queries:
            assert list(check.look(NOON)) == [], check.name
        assert len(queries) <= 2


def test_a_pause_is_named_with_how_long_it_lasts_and_how_to_end_it():
    suspension.pause(now=NOON - 90 * MINUTE)
    [trouble] = seen("pause")
    assert (trouble.level, trouble.remedy) == ("warning", "manage.py unpause")
    assert "for 1 h 30 min" in trouble.message
    suspension.unpause(now=NOON)
    assert seen("pause") == []


def test_suspended_users_are_named():
    for name in ("ada", "bob"):
        suspension.suspend(make_user(f"{name}@example.com"), now=NOON)
    [trouble] = seen("suspended users")
    assert "2 suspended users" in trouble.message
    assert "ada@example.com" in trouble.message


def test_pruning_that_was_switched_off_is_named():
    interval = IntervalSchedule.objects.create(every=10, period="seconds")
    entry = PeriodicTask.objects.create(name="booper.prune", task="booper.prune", interval=interval)
    assert seen("pruning") == []
    PeriodicTask.objects.filter(id=entry.id).update(enabled=False)
    [trouble] = seen("pruning")
    assert "nothing old is deleted" in trouble.message


def test_queues_that_nobody_looks_into_are_named():
    user = make_user()
    for name, ready_at in (("mail", NOON - 2 * MINUTE), ("fax", NOON)):
        Queue.objects.create(user=user, name=name, inserted_at=NOON, refilled_at=NOON, ready_at=ready_at)
    [trouble] = seen("queues")
    assert "1 queues" in trouble.message
    assert trouble.message.endswith(": mail")


@pytest.mark.parametrize(("taken", "is_full"), [(179, False), (180, True), (200, True)])
def test_workers_without_places_are_named(taken: int, is_full: bool):
    for name, held in (("one", taken // 2), ("two", taken - taken // 2)):
        page = counters.Tallies()
        page.set_gauge(counters.CONCURRENCY, 100)
        page.set_gauge(counters.IN_FLIGHT, held)
        CounterPage(page, name=name).write(now=NOON)
    assert [trouble.message for trouble in seen("places")] == [
        f"workers have {taken} of their 200 places taken: what is due waits for one"
    ] * is_full


def test_what_a_worker_that_is_gone_said_counts_no_more():
    page = counters.Tallies()
    page.set_gauge(counters.CONCURRENCY, 100)
    page.set_gauge(counters.IN_FLIGHT, 100)
    page.set_gauges(counters.PARKED, {"00|https://a.example": 1.0})
    CounterPage(page, name="one").write(now=NOON - MINUTE)
    assert (seen("places"), seen("parked hosts")) == ([], [])


def test_hosts_that_are_parked_are_named():
    page = counters.Tallies()
    page.set_gauges(counters.PARKED, {"00|https://a.example": 1.0, "01|https://b.example": 2.0})
    CounterPage(page, name="one").write(now=NOON)
    [trouble] = seen("parked hosts")
    assert "2 hosts" in trouble.message
    assert "https://a.example, https://b.example" in trouble.message


@pytest.mark.parametrize(("failing", "are_many"), [(10, False), (11, True)])
def test_many_receivers_that_fail_at_once_are_named(failing: int, are_many: bool):
    user = make_user()
    for number in range(failing):
        _failing(user, f"https://{number}.example")
    _failing(user, "https://off.example", disabled_at=NOON)
    assert [trouble.message.split()[0] for trouble in seen("receivers")] == [str(failing)] * are_many


def _failing(user: User, origin: str, **fields: Any) -> None:
    Receiver.objects.create(user=user, origin=origin, failing_since=NOON, last_failed_at=NOON, **fields)


def test_a_transaction_that_is_open_for_long_is_named_with_its_process_and_how_to_end_it(
    monkeypatch: pytest.MonkeyPatch,
):
    found = [
        OpenTransaction(4711, "pg_dump", "backup", "active", 7200.0),
        OpenTransaction(None, "prepared x", "app", "prepared", 660.0),
        OpenTransaction(1, "booper", "booper", "active", 2.0),
    ]
    monkeypatch.setattr(transactions, "oldest", lambda *, limit: found)
    [dump, prepared] = seen("transactions", checks=installation.CHECKS)
    assert "pg_dump, process 4711 (role backup, active) is open for 2 h" in dump.message
    assert dump.remedy == "let it end, or end it: SELECT pg_terminate_backend(4711)"
    assert prepared.message.startswith("a transaction of prepared x (role app, prepared)")


def test_connections_that_are_nearly_used_up_are_named(monkeypatch: pytest.MonkeyPatch):
    assert seen("connections", checks=installation.CHECKS) == []
    monkeypatch.setattr(installation, "_CONNECTIONS", "SELECT 95, 100")
    expected = ["95 of the 100 connections"] if connection.vendor == "postgresql" else []
    assert [trouble.message[:25] for trouble in seen("connections", checks=installation.CHECKS)] == expected
