"""/api/deliveries, /api/receivers, /api/jobs/{id}/timeline: what arrived, what does not, and why something is late."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.delivering import transitions
from jobs.models import Delivery, Job, Receiver, User
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_job
from tests.runs import OK, REFUSED, answered, deliver_due, run_due, take_lease

CALLBACK = "https://receiver.example/callback"
WEBHOOK = "https://receiver.example/webhook"
NOON_SHOWN = "2026-03-01T12:00:00Z"


def make_deliveries(user: User, *, webhook_url: str | None = None) -> Job:
    job = make_job(user=user, callback_url=CALLBACK, webhook_url=webhook_url)
    run_due(OK)
    return job


def callback_of(job: Job) -> Delivery:
    return Delivery.objects.get(job=job, kind="callback")


def events_of(response: Any) -> list[str]:
    return [row["event"] for row in data_of(response)]


# --- Deliveries -------------------------------------------------------------------------------------------------------


def test_a_delivery_is_answered_with_how_its_sending_went_and_what_is_sent(api: Api, user: User) -> None:
    job = make_deliveries(user)
    deliver_due(answered(410))
    row = callback_of(job)
    shown = data_of(api.get(f"/api/deliveries/{row.uuid}"))
    body = shown.pop("body")
    assert shown == {
        "id": str(row.uuid),
        "job_id": job.id,
        "user_id": str(user.id),
        "kind": "callback",
        "event": "job.result",
        "sequence": None,
        "url": CALLBACK,
        "state": "failed",
        "attempt": 1,
        "inserted_at": NOON_SHOWN,
        "next_attempt_at": None,
        "attempted_at": NOON_SHOWN,
        "delivered_at": None,
        "failed_at": NOON_SHOWN,
        "resent_at": None,
        "response_status": 410,
        "error": {"code": "http_status", "message": "the target answered 410 Gone, which is never retried"},
    }
    assert (body["type"], body["data"]["job_id"]) == ("job.result", job.id)
    assert data_of(api.get("/api/deliveries")) == [shown]


def test_one_that_waits_says_until_when_and_why(api: Api, user: User) -> None:
    make_deliveries(user)
    deliver_due(REFUSED)
    [row] = data_of(api.get("/api/deliveries?state=pending"))
    assert row["next_attempt_at"].startswith("2026-03-01T12:00:05")
    assert row["error"] == {"code": "connection_refused", "message": "nobody listens there"}


def test_deliveries_are_listed_newest_first_and_page_by_page(api: Api, user: User) -> None:
    make_deliveries(user, webhook_url=WEBHOOK)
    everything = ["job.started", "job.request", "job.response", "job.finished", "job.result"]
    assert events_of(api.get("/api/deliveries?order_by=inserted_at,asc")) == everything
    assert events_of(api.get("/api/deliveries?limit=2")) == ["job.result", "job.finished"]
    assert events_of(api.get("/api/deliveries?limit=1&offset=1")) == ["job.finished"]
    first = api.get("/api/deliveries?limit=3&cursor=").json()
    second = api.get(f"/api/deliveries?limit=3&cursor={first['cursor']}").json()
    assert [row["event"] for row in first["data"] + second["data"]] == everything[::-1]


def test_deliveries_are_filtered_by_job_kind_and_state(api: Api, user: User) -> None:
    job, other = make_deliveries(user, webhook_url=WEBHOOK), make_deliveries(user)
    assert len(events_of(api.get(f"/api/deliveries?job_id={job.id}"))) == 5
    assert events_of(api.get(f"/api/deliveries?job_id={other.uuid}")) == ["job.result"]
    assert len(events_of(api.get("/api/deliveries?kind=callback"))) == 2
    assert len(events_of(api.get("/api/deliveries?kind=callback,webhook"))) == 6
    deliver_due(OK)
    assert data_of(api.get("/api/deliveries?state=pending,failed")) == []
    assert len(data_of(api.get("/api/deliveries?state=delivered&kind=webhook"))) == 4


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("kind=mail", "/kind"),
        ("state=sent", "/state"),
        ("job_id=abc", "/job_id"),
        ("order_by=body,asc", "/order_by"),
        ("event=job.result", "/event"),
    ],
)
def test_a_query_for_deliveries_that_does_not_fit_is_refused(api: Api, query: str, pointer: str) -> None:
    assert pointers_of(api.get(f"/api/deliveries?{query}")) == [pointer]


def test_a_list_of_deliveries_costs_one_query_and_reads_no_body(api: Api, user: User) -> None:
    make_deliveries(user, webhook_url=WEBHOOK)
    api.get("/api/ping")
    data_of(api.get("/api/deliveries"))
    with CaptureQueriesContext(connection) as queries:
        data_of(api.get("/api/deliveries"))
    assert len(queries) == 1
    assert '"body"' not in queries[0]["sql"]


def test_only_the_deliveries_of_ones_own_jobs_are_there(api: Api, other_api: Api, user: User) -> None:
    row = callback_of(make_deliveries(user))
    deliver_due(OK)
    assert data_of(other_api.get("/api/deliveries")) == []
    assert data_of(other_api.get(f"/api/deliveries?job_id={row.job_id}")) == []
    problem_of(other_api.get(f"/api/deliveries/{row.uuid}"), status=404)
    problem_of(other_api.post(f"/api/deliveries/{row.uuid}/resend"), status=404)
    row.refresh_from_db()
    assert row.state == "delivered"


@pytest.mark.parametrize("delivery_id", ["5", "abc", "00000000-0000-0000-0000-000000000000"])
def test_what_is_no_id_of_a_delivery_names_nothing(api: Api, delivery_id: str) -> None:
    problem_of(api.get(f"/api/deliveries/{delivery_id}"), status=404)
    problem_of(api.post(f"/api/deliveries/{delivery_id}/resend"), status=404)


# --- Sent again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 410])
def test_a_delivery_that_ended_is_sent_again_and_workers_are_woken(
    api: Api,
    user: User,
    stopped_clock: StoppedClock,
    announced: Announced,
    status: int,
    django_capture_on_commit_callbacks: Any,
) -> None:
    row = callback_of(make_deliveries(user))
    deliver_due(answered(status))
    stopped_clock.advance(hours=1)
    with django_capture_on_commit_callbacks(execute=True):
        shown = data_of(api.post(f"/api/deliveries/{row.uuid}/resend"))
    assert (shown["state"], shown["next_attempt_at"], shown["resent_at"]) == (
        "pending",
        "2026-03-01T13:00:00Z",
        "2026-03-01T13:00:00Z",
    )
    assert announced.deliveries == [stopped_clock.moment]
    assert deliver_due(OK, now=stopped_clock.moment) == 1
    assert data_of(api.get(f"/api/deliveries/{row.uuid}"))["state"] == "delivered"


def test_one_that_is_still_on_its_way_is_not_sent_twice(api: Api, user: User) -> None:
    row = callback_of(make_deliveries(user))
    assert "is pending" in problem_of(api.post(f"/api/deliveries/{row.uuid}/resend"), status=409)["detail"]
    transitions.claim(uuid4(), limit=1, now=NOON)
    assert "is sending" in problem_of(api.post(f"/api/deliveries/{row.uuid}/resend"), status=409)["detail"]


def test_one_is_sent_again_only_while_a_day_of_attempts_can_be_counted(api: Api, user: User) -> None:
    row = callback_of(make_deliveries(user))
    deliver_due(answered(410))
    Delivery.objects.update(attempt=15_000)
    assert "15000 attempts" in problem_of(api.post(f"/api/deliveries/{row.uuid}/resend"), status=409)["detail"]
    Delivery.objects.update(attempt=14_999)
    data_of(api.post(f"/api/deliveries/{row.uuid}/resend"))


def test_one_to_a_receiver_that_is_off_says_how_to_switch_it_on(api: Api, user: User) -> None:
    row = callback_of(make_deliveries(user))
    deliver_due(answered(410))
    Receiver.objects.update(disabled_at=NOON)
    detail = problem_of(api.post(f"/api/deliveries/{row.uuid}/resend"), status=409)["detail"]
    path = detail.split("POST ")[1].split(" ")[0]
    assert data_of(api.post(path))["state"] == "working"
    data_of(api.post(f"/api/deliveries/{row.uuid}/resend"))


# --- Receivers --------------------------------------------------------------------------------------------------------


def test_a_receiver_that_fails_is_listed_with_since_when_and_why(api: Api, user: User) -> None:
    make_deliveries(user)
    assert data_of(api.get("/api/receivers")) == []
    deliver_due(answered(503))
    row = Receiver.objects.get()
    expected = {
        "id": str(row.id),
        "user_id": str(user.id),
        "origin": "https://receiver.example",
        "state": "failing",
        "failing_since": NOON_SHOWN,
        "disabled_at": None,
        "last_failed_at": NOON_SHOWN,
        "response_status": 503,
        "error": {"code": "http_status", "message": "the target answered 503 Service Unavailable"},
    }
    assert data_of(api.get("/api/receivers?order_by=origin,asc")) == [expected]
    assert data_of(api.get(f"/api/receivers/{row.id}")) == expected


def test_one_call_switches_a_receiver_on_and_the_second_changes_nothing(api: Api, user: User) -> None:
    make_deliveries(user)
    deliver_due(REFUSED)
    row = Receiver.objects.get()
    Receiver.objects.update(disabled_at=NOON)
    assert data_of(api.get(f"/api/receivers/{row.id}"))["state"] == "off"
    for _ in range(2):
        shown = data_of(api.post(f"/api/receivers/{row.id}/enable"))
        assert (shown["state"], shown["disabled_at"], shown["failing_since"]) == ("working", None, None)


def test_somebody_elses_receiver_is_not_there(api: Api, other_api: Api, user: User) -> None:
    make_deliveries(user)
    deliver_due(REFUSED)
    row = Receiver.objects.get()
    assert data_of(other_api.get("/api/receivers")) == []
    problem_of(other_api.get(f"/api/receivers/{row.id}"), status=404)
    problem_of(other_api.post(f"/api/receivers/{row.id}/enable"), status=404)


# --- The timeline -----------------------------------------------------------------------------------------------------


def test_the_timeline_says_why_in_a_code_and_in_words_and_for_how_long(
    api: Api, user: User, stopped_clock: StoppedClock
) -> None:
    job = make_job(user=user)
    stopped_clock.advance(minutes=5)
    shown = data_of(api.get(f"/api/jobs/{job.id}/timeline"))
    assert (shown["job_id"], shown["id"], shown["state"]) == (job.id, str(job.uuid), "available")
    assert shown["reason"]["code"] == "no_workers"
    assert (shown["late_seconds"], shown["seconds_in_states"]) == (300.0, {"available": 300.0})
    assert shown["entries"] == [
        {
            "at": NOON_SHOWN,
            "type": "wait",
            "name": "available",
            "text": "has waited 5 min to be taken up",
            "attempt": None,
            "seconds": 300.0,
            "payload": {},
        }
    ]


def test_the_timeline_has_log_and_deliveries_in_order(api: Api, user: User, stopped_clock: StoppedClock) -> None:
    take_lease(now=NOON)
    job = make_deliveries(user)
    deliver_due(OK, now=NOON + timedelta(seconds=2))
    stopped_clock.advance(hours=1)
    shown = data_of(api.get(f"/api/jobs/{job.uuid}/timeline"))
    names = [entry["name"] for entry in shown["entries"]]
    assert names == [
        "job.started",
        "worker.http.request",
        "worker.http.response",
        "job.finished",
        "job.result",
        "delivery.sent",
    ]
    assert (shown["reason"]["code"], shown["late_seconds"], shown["is_complete"]) == ("on_time", 0.0, True)


def test_somebody_elses_timeline_is_not_there(other_api: Api, user: User) -> None:
    problem_of(other_api.get(f"/api/jobs/{make_job(user=user).id}/timeline"), status=404)
    problem_of(other_api.get("/api/jobs/abc/timeline"), status=404)
