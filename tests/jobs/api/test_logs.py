"""GET /api/logs and GET /api/logs/{id}: what happened, to whose jobs."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Job, LogEvent, User
from jobs.running import attempts, transitions
from tests.api import Api, data_of, pointers_of, problem_of
from tests.factories import NOON, make_job


def make_events(user: User) -> Job:
    """job.started, worker.http.request, then job.cancelled."""
    job = make_job(user=user)
    [claimed] = attempts.claim(uuid4(), limit=1, now=NOON)
    shown = {"url": job.url, "query": {}, "headers": {"X-A": "1"}, "body": {"content": "Hi"}}
    attempts.log_starts([(claimed, shown)], now=NOON)
    transitions.cancel(job, now=NOON)
    return job


def events_of(response: Any) -> list[str]:
    return [row["event"] for row in data_of(response)]


def test_a_log_row_is_answered_as_the_contract_has_it(api: Api, user: User) -> None:
    job = make_events(user)
    row = LogEvent.objects.get(event="worker.http.request")
    expected = {
        "id": str(row.id),
        "event": "worker.http.request",
        "inserted_at": "2026-03-01T12:00:00Z",
        "job_id": job.id,
        "user_id": str(user.id),
        "payload": {"url": job.url, "query": {}, "headers": {"X-A": "1"}, "body": {"content": "Hi"}},
    }
    assert data_of(api.get(f"/api/logs/{row.id}")) == expected
    assert data_of(api.get("/api/logs?event=worker.http.request")) == [expected]


def test_logs_are_listed_newest_first(api: Api, user: User) -> None:
    make_events(user)
    assert events_of(api.get("/api/logs")) == ["job.cancelled", "worker.http.request", "job.started"]
    assert events_of(api.get("/api/logs?order_by=inserted_at,asc&limit=2")) == ["job.started", "worker.http.request"]
    assert events_of(api.get("/api/logs?offset=1&limit=1")) == ["worker.http.request"]
    assert events_of(api.get("/api/logs?order_by=event,asc"))[0] == "job.cancelled"


def test_logs_are_filtered_by_job_and_event(api: Api, user: User) -> None:
    first, second = make_events(user), make_events(user)
    assert {row["job_id"] for row in data_of(api.get(f"/api/logs?job_id={first.id}"))} == {first.id}
    assert {row["job_id"] for row in data_of(api.get(f"/api/logs?job_id={second.uuid}"))} == {second.id}
    assert events_of(api.get(f"/api/logs?job_id={first.id}&event=job.started,job.error")) == ["job.started"]
    assert data_of(api.get("/api/logs?event=delivery.sent")) == []


def test_a_list_of_logs_costs_one_query(api: Api, user: User) -> None:
    job = make_events(user)
    row = LogEvent.objects.first()
    assert row is not None
    api.get("/api/logs")
    for path in ("/api/logs", f"/api/logs?job_id={job.uuid}&event=job.started", f"/api/logs/{row.id}"):
        with CaptureQueriesContext(connection) as queries:
            data_of(api.get(path))
        assert len(queries) == 1


def test_only_the_logs_of_ones_own_jobs_are_there(api: Api, other_api: Api, user: User) -> None:
    job = make_events(user)
    row = LogEvent.objects.first()
    assert row is not None
    assert data_of(other_api.get("/api/logs")) == []
    assert data_of(other_api.get(f"/api/logs?job_id={job.id}")) == []
    problem_of(other_api.get(f"/api/logs/{row.id}"), status=404)


@pytest.mark.parametrize("log_id", ["5", "abc", "{}", "00000000-0000-0000-0000-000000000000", "1" * 40])
def test_what_is_no_id_of_a_row_names_nothing(api: Api, log_id: str) -> None:
    problem_of(api.get(f"/api/logs/{log_id}"), status=404)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("job_id=abc", "/job_id"),
        ("job_id=" + "9" * 30, "/job_id"),
        ("job_id[]=1", "/job_id"),
        ("event=job.began", "/event"),
        ("order_by=payload,asc", "/order_by"),
        ("limit=0", "/limit"),
        ("state=completed", "/state"),
    ],
)
def test_a_query_for_logs_that_does_not_fit_is_refused(api: Api, query: str, pointer: str) -> None:
    assert pointers_of(api.get(f"/api/logs?{query}")) == [pointer]
