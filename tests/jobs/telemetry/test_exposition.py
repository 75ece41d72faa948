"""What processes count, how it is added up, and what Prometheus reads of it all."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from jobs.database import row_counts
from jobs.delivering import stage
from jobs.engine.stage import Finished
from jobs.models import Job, Receiver
from jobs.running import attempts, transitions
from jobs.running import stage as running_stage
from jobs.telemetry import counters, exposition
from jobs.telemetry.counter_rows import CounterPage
from jobs.telemetry.counters import Histogram, Tallies
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import OK, REFUSED, deliver_due, run_due, start_due, take_lease

LATER = NOON + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Tallies:
    """This process's tallies, empty."""
    fresh = Tallies()
    monkeypatch.setattr(counters, "own", fresh)
    return fresh


def shown(now: datetime = NOON) -> dict[str, dict[str, float]]:
    """Each series' values by their label, or by nothing."""
    text = exposition.exposition(now=now, stored=exposition.count_stored()).decode()
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})["".join(sample.labels.values())] = sample.value
    return found


def test_counts_are_kept_by_label(own: Tallies):
    own.count("attempts", ["success", "success", "timeout"])
    counts, _ = own.read()
    assert counters.by_label(counts, "attempts") == {"success": 2, "timeout": 1}


def test_a_value_at_a_bound_is_at_most_that_bound(own: Tallies):
    histogram = Histogram("seconds", (0.1, 1, 10))
    own.observe(histogram, [0.1, 0.1001, 1, 11, -5])
    buckets, total = counters.distribution(own.read()[0], histogram)
    assert buckets == [("0.1", 2), ("1", 4), ("10", 4), ("+Inf", 5)]
    assert total == pytest.approx(12.2001)


def test_a_name_that_another_begins_with_is_another_name(own: Tallies):
    own.count("jobs", ["a"])
    own.count("jobs_finished", ["b"])
    assert counters.by_label(own.read()[0], "jobs") == {"a": 1}


@pytest.mark.django_db
def test_an_attempt_is_counted_with_its_outcome_duration_and_lateness(own: Tallies):
    make_job()
    run_due(OK, now=NOON + timedelta(seconds=2))
    counts, _ = own.read()
    assert counters.by_label(counts, counters.ATTEMPTS) == {"success": 1}
    assert counters.by_label(counts, counters.JOBS_FINISHED) == {"completed": 1}
    assert counters.by_label(counts, "lateness_seconds") == {"2.5": 1, "sum": 2.0}
    assert counters.by_label(counts, "request_duration_seconds") == {"0.05": 1, "sum": 0.03}


@pytest.mark.django_db
def test_a_failed_attempt_is_counted_by_what_went_wrong_and_ends_no_job(own: Tallies):
    make_job(max_attempts=2)
    run_due(REFUSED)
    assert counters.by_label(own.read()[0], counters.JOBS_FINISHED) == {}
    run_due(REFUSED, now=LATER)
    counts, _ = own.read()
    assert counters.by_label(counts, counters.ATTEMPTS) == {"connection_refused": 2}
    assert counters.by_label(counts, counters.JOBS_FINISHED) == {"discarded": 1}


@pytest.mark.django_db
def test_an_answer_that_comes_after_the_lease_was_lost_ends_the_job_once(own: Tallies):
    make_job(max_attempts=1)
    worker = uuid4()
    started = start_due(worker)
    running_stage.rescue(limit=10, now=LATER)
    running_stage.record(worker, [Finished(started[0], OK)], now=LATER)
    counts, _ = own.read()
    assert counters.by_label(counts, counters.JOBS_FINISHED) == {"discarded": 1}
    assert counters.by_label(counts, counters.ATTEMPTS) == {"lease_lost": 1, "success": 1}


@pytest.mark.django_db
def test_a_cancelled_job_is_counted(own: Tallies):
    transitions.cancel(make_job(), now=NOON)
    assert counters.by_label(own.read()[0], counters.JOBS_FINISHED) == {"cancelled": 1}


@pytest.mark.django_db
def test_deliveries_are_counted_apart_from_jobs(own: Tallies):
    make_job(callback_url="https://example.com/callback")
    run_due(OK)
    deliver_due(REFUSED)
    counts, _ = own.read()
    assert counters.by_label(counts, counters.DELIVERY_ATTEMPTS) == {"connection_refused": 1}
    assert counters.by_label(counts, "delivery_duration_seconds") == {"0.005": 1, "sum": 0.002}


@pytest.fixture
def jobs_in_each_state(db: None) -> None:
    make_job()
    run_due(OK)
    make_job(max_attempts=1)
    run_due(REFUSED)
    make_job(max_attempts=2, backoff_seconds=[3600.0])
    run_due(REFUSED)
    transitions.cancel(make_job(), now=NOON)
    make_job()
    process = take_lease(name="worker-1")
    attempts.claim(process.id, limit=1, now=NOON)
    make_job()
    make_job(scheduled_at=LATER)
    make_job(scheduled_at=LATER)


@pytest.mark.usefixtures("jobs_in_each_state")
def test_jobs_are_shown_in_the_states_they_read_as():
    expected = {"completed": 1, "discarded": 1, "retryable": 1, "cancelled": 1, "executing": 1, "available": 1}
    assert shown()["booper_jobs"] == expected | {"scheduled": 2}


@pytest.mark.usefixtures("jobs_in_each_state")
def test_beyond_the_limit_what_is_due_is_exact_and_the_rest_as_last_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exposition, "MOST_READ", 2)
    by_state = shown()["booper_jobs"]
    assert (by_state["available"], by_state["retryable"], by_state["scheduled"]) == (1, 1, 2)


@pytest.mark.django_db
def test_what_is_due_and_for_how_long():
    make_job()
    make_job(scheduled_at=NOON + timedelta(seconds=30))
    make_job(scheduled_at=LATER, callback_url="https://example.com/")
    found = shown(NOON + timedelta(seconds=70))
    assert found["booper_queue_due"] == {"jobs": 2, "queues": 0, "deliveries": 0}
    assert found["booper_queue_overdue"]["jobs"] == 1
    assert found["booper_queue_oldest_seconds"]["jobs"] == 70
    assert shown(NOON - timedelta(seconds=1))["booper_queue_oldest_seconds"]["jobs"] == 0


@pytest.mark.django_db
def test_deliveries_are_shown_by_state():
    before = shown()["booper_deliveries_created_total"][""]
    make_job(callback_url="https://example.com/callback", webhook_url="https://example.com/webhook")
    run_due(OK)
    worker = uuid4()
    started, _ = stage.claim(worker, limit=2, is_crowded=False, now=NOON)
    stage.record(worker, [Finished(started[0], OK)], now=NOON)
    assert shown()["booper_deliveries"] == {"delivered": 1, "sending": 1, "pending": 3, "failed": 0}
    assert shown()["booper_deliveries_created_total"][""] == before + 5


@pytest.mark.django_db
def test_the_count_of_jobs_created_never_falls():
    before = shown()["booper_jobs_created_total"][""]
    make_job()
    make_job()
    Job.objects.all().delete()
    assert shown()["booper_jobs_created_total"][""] == before + 2


@pytest.mark.django_db
def test_workers_are_shown_with_what_they_have_in_hand_and_could_have(own: Tallies):
    own.set_gauge(counters.CONCURRENCY, 500)
    CounterPage(own, name="worker-1").write(now=NOON)
    make_job()
    process = take_lease(name="worker-1")
    take_lease(name="worker-2")
    attempts.claim(process.id, limit=1, now=NOON)
    found = shown(NOON + timedelta(seconds=3))
    assert found["booper_worker_in_flight"] == {"worker-1": 1, "worker-2": 0}
    assert found["booper_worker_concurrency"] == {"worker-1": 500}
    assert found["booper_processes"] == {"worker": 2, "beat": 0}
    assert found["booper_heartbeat_age_seconds"] == {"worker": 3}
    # A dead worker's figures are not shown for ever.
    assert shown(LATER)["booper_processes"] == {"worker": 0, "beat": 0}
    assert "booper_worker_concurrency" not in shown(LATER)


@pytest.mark.django_db
def test_a_worker_says_itself_what_it_has_on_the_wire_cancelled_jobs_too(own: Tallies):
    make_job()
    process = take_lease(name="worker-1")
    attempts.claim(process.id, limit=1, now=NOON)
    own.set_gauge(counters.IN_FLIGHT, 1)
    CounterPage(own, name="worker-1").write(now=NOON)
    transitions.cancel(Job.objects.get(), now=NOON)
    assert shown(NOON + timedelta(seconds=3))["booper_worker_in_flight"] == {"worker-1": 1}


@pytest.mark.django_db
def test_how_late_beat_is():
    make_schedule(now=NOON - timedelta(days=1), first=NOON)
    make_schedule(now=NOON - timedelta(days=1), first=LATER)
    assert shown(NOON - timedelta(seconds=9))["booper_beat_lag_seconds"] == {"": 0}
    found = shown(NOON + timedelta(seconds=9))
    assert (found["booper_beat_lag_seconds"], found["booper_schedules_enabled"]) == ({"": 9}, {"": 2})


@pytest.mark.django_db
def test_receivers_that_fail_are_counted():
    user = make_user()
    for number, disabled_at in enumerate((None, None, NOON)):
        Receiver.objects.create(
            user=user,
            origin=f"https://{number}.example",
            failing_since=NOON,
            last_failed_at=NOON,
            disabled_at=disabled_at,
        )
    assert shown()["booper_receivers"] == {"failing": 2, "off": 1}


@pytest.mark.django_db
def test_what_processes_counted_is_shown_and_a_series_without_a_failure_is_there_as_zero(own: Tallies):
    assert shown()["booper_jobs_finished_total"] == {"completed": 0, "discarded": 0, "cancelled": 0}
    make_job()
    run_due(REFUSED)
    CounterPage(own, name="worker").write(now=NOON)
    found = shown()
    assert found["booper_attempts_total"] == {"success": 0, "lease_lost": 0, "connection_refused": 1}
    assert found["booper_lateness_seconds_count"] == {"": 1}
    assert found["booper_request_duration_seconds_bucket"]["0.005"] == 1


DOCS = Path(__file__).resolve().parents[3] / "docs"


ALERTS = DOCS / "examples" / "alerts.yml"


@pytest.mark.usefixtures("jobs_in_each_state")
def test_every_alert_asks_for_figures_that_there_are(own: Tallies):
    own.set_gauge(counters.CONCURRENCY, 500)
    CounterPage(own, name="worker-1").write(now=NOON)
    there = shown()
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    asked = re.findall(r"(booper_\w+)(?:\{\w+=\"(\w+)\"\})?", " ".join(rule["expr"] for rule in group["rules"]))
    assert len(asked) > 12
    for name, label in asked:
        assert name in there, f"{name} is not among the figures"
        assert not label or label in there[name], f"{name} has no {label}"


@pytest.mark.django_db
def test_what_it_costs_does_not_grow_with_the_jobs():
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            exposition.exposition(now=NOON, stored=exposition.Stored({}, 0))
        return len(queries)

    few = cost()
    for _ in range(20):
        make_job(callback_url="https://example.com/callback")
    run_due(OK)
    assert cost() == few


@pytest.fixture
def large_tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    """PostgreSQL, to which all tables are too large to be counted."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL estimates")
    monkeypatch.setattr(row_counts, "_COUNTED_BYTES", -1)
    return connection.cursor()


@pytest.mark.django_db
def test_a_large_table_is_estimated_from_the_databases_statistics(large_tables: Any):
    for number in range(30):
        job = make_job()
        if number < 10:
            transitions.cancel(job, now=NOON)
    large_tables.execute("ANALYZE jobs_job")
    with CaptureQueriesContext(connection) as queries:
        assert row_counts.by_state(Job, ("scheduled", "cancelled")) == {"scheduled": 20, "cancelled": 10}
        assert row_counts.of_table(Job) == 30
    assert all("EXPLAIN" in query["sql"] or "pg_relation_size" in query["sql"] for query in queries)


@pytest.mark.django_db
def test_the_page_on_operations_has_every_figure_and_every_alert_as_it_is():
    page = (DOCS / "operations.md").read_text()
    text = exposition.exposition(now=NOON, stored=exposition.count_stored()).decode()
    for family in re.findall(r"^# TYPE (booper_\w+) ", text, re.MULTILINE):
        assert f"`{family}`" in page, family
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    for rule in group["rules"]:
        assert f"| {rule['alert']} | `{' '.join(rule['expr'].split())}` |" in page
