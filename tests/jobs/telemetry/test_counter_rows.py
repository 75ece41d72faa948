"""What processes count is added up in the database, once, and no total falls."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError

from jobs.models import Tally
from jobs.telemetry import counter_rows, counters
from jobs.telemetry.counter_rows import CounterPage, Writer
from jobs.telemetry.counters import Tallies
from tests.factories import NOON

LATER = NOON + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Tallies:
    """This process's tallies, empty."""
    fresh = Tallies()
    monkeypatch.setattr(counters, "own", fresh)
    return fresh


def counted() -> dict[str, float]:
    return counters.by_label(counters.total(row.counts for row in counter_rows.read()), "attempts")


@pytest.mark.django_db
def test_what_several_processes_count_is_added_up():
    for _ in range(3):
        process = Tallies()
        process.count("attempts", ["success"])
        CounterPage(process, name="worker").write(now=NOON)
    assert Tally.objects.count() == 3
    assert counted() == {"success": 3}


@pytest.mark.django_db
def test_writing_twice_counts_nothing_twice(own: Tallies):
    page = CounterPage(own, name="worker")
    own.count("attempts", ["success"])
    page.write(now=NOON)
    page.write(now=NOON)
    own.count("attempts", ["success"])
    page.write(now=LATER)
    assert counted() == {"success": 2}
    assert Tally.objects.get().flushed_at == LATER


@pytest.mark.django_db
def test_no_total_falls_when_processes_are_gone():
    for name in ("a", "b"):
        process = Tallies()
        process.count("attempts", ["success", name])
        CounterPage(process, name=name).write(now=NOON)
    before = counted()
    assert counter_rows.close_old(gone_since=LATER) == 2
    assert (counted(), Tally.objects.count()) == (before, 1)
    assert counter_rows.close_old(gone_since=LATER + timedelta(days=1)) == 0


@pytest.mark.django_db
def test_the_row_of_a_process_that_writes_is_left_alone(own: Tallies):
    CounterPage(own, name="worker").write(now=LATER)
    assert counter_rows.close_old(gone_since=NOON) == 0
    assert Tally.objects.get().name == "worker"


@pytest.mark.django_db
def test_a_process_that_was_taken_for_gone_counts_on_and_nothing_twice(own: Tallies):
    page = CounterPage(own, name="worker")
    own.count("attempts", ["success"] * 5)
    page.write(now=NOON)
    counter_rows.close_old(gone_since=LATER)
    own.count("attempts", ["success"] * 2)
    page.write(now=LATER)
    assert counted() == {"success": 7}
    counter_rows.close_old(gone_since=LATER + timedelta(hours=1))
    page.write(now=LATER + timedelta(hours=2))
    assert counted() == {"success": 7}


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_writes_once_more(own: Tallies):
    own.count("attempts", ["success"])
    writer = Writer(CounterPage(own, name="worker"), seconds=3600)
    writer.start()
    writer.stop(timeout_seconds=10)
    assert counted() == {"success": 1}


class FailingPage(CounterPage):
    """Cannot be written at first."""

    def __init__(self, failures: int) -> None:
        super().__init__(Tallies(), name="")
        self.failures = failures
        self.is_written = threading.Event()

    def write(self, *, now: datetime) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise OperationalError("the database is away")
        self.is_written.set()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture):
    page = FailingPage(failures=3)
    writer = Writer(page, seconds=0.001)
    writer.start()
    assert page.is_written.wait(10)
    writer.stop(timeout_seconds=10)
    assert [record.getMessage() for record in caplog.records if record.name == "jobs.telemetry.counter_rows"] == [
        "what this process counts can't be written, it is kept for later: the database is away",
        "what this process counts is written again after 0 s",
    ]
