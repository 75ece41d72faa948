"""POST /api/jobs: what is taken, what is answered, and what is written for it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.models import Job, User
from tests.api import FORM, Api, data_of, pointers_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON

REQUEST: dict[str, Any] = {"method": "post", "url": "https://example.com/hook", "body": {"content": "Hi"}}


def test_a_job_is_answered_as_the_contract_has_it(api: Api, user: User) -> None:
    asked = {**REQUEST, "schedule_in": [5, "minutes"], "name": "greeting", "description": "a first try"}
    data = data_of(api.post("/api/jobs", asked), status=201)
    job = Job.objects.get()
    assert data == {
        "id": str(job.uuid),
        "job_id": job.id,
        "user_id": str(user.id),
        "schedule_id": None,
        "name": "greeting",
        "description": "a first try",
        "idempotency_key": None,
        "inserted_at": "2026-03-01T12:00:00Z",
        "job": {
            "id": job.id,
            "state": "scheduled",
            "inserted_at": "2026-03-01T12:00:00Z",
            "scheduled_at": "2026-03-01T12:05:00Z",
            "attempted_at": None,
            "completed_at": None,
            "cancelled_at": None,
            "discarded_at": None,
            "has_confict": False,
            "has_conflict": False,
        },
        "parent_id": None,
        "expires_at": None,
        "tags": [],
        "queue": None,
        "attempt": 0,
        "max_attempts": 5,
        "error": None,
        "args": asked,
    }


def test_the_row_says_how_the_request_was_understood(api: Api, user: User) -> None:
    asked = {
        "method": "PUT",
        "url": "HTTPS://Example.COM:443/a?b=1#c",
        "callback_url": "https://example.com/done",
        "webhook_url": "https://example.com/events",
        "timeout": 2.5,
        "max_attempts": "7",
        "backoff": [5, [1, "minute"], "2 hours"],
    }
    api.post("/api/jobs", asked)
    job = Job.objects.get()
    assert (job.user_id, job.method, job.url) == (user.id, "put", "https://example.com/a?b=1")
    assert (job.callback_url, job.webhook_url) == ("https://example.com/done", "https://example.com/events")
    assert (job.timeout_seconds, job.max_attempts, job.backoff_seconds) == (2.5, 7, [5.0, 60.0, 7200.0])
    assert job.args == asked


def test_a_job_with_nothing_but_a_url_is_a_get_right_now(api: Api) -> None:
    response = api.post("/api/jobs", {"url": "https://example.com"})
    data = data_of(response, status=201)
    assert data["job"]["state"] == "available"
    assert data["job"]["scheduled_at"] == "2026-03-01T12:00:00Z"
    job = Job.objects.get()
    assert (job.method, job.timeout_seconds, job.max_attempts, job.backoff_seconds) == ("get", 30, 5, None)
    assert response.headers["Location"] == f"/api/jobs/{job.id}"


def test_null_is_the_same_as_leaving_a_field_out(api: Api) -> None:
    nothing = dict.fromkeys(("name", "schedule_in", "scheduled_at", "headers", "query", "cron", "backoff", "timeout"))
    data = data_of(api.post("/api/jobs", {"url": "https://example.com", **nothing}), status=201)
    assert data["job"]["state"] == "available"


def test_any_json_is_taken_as_body(api: Api) -> None:
    for body in ("text", 5, 0.5, True, [1, {"a": None}], {"ünï": "cødé \U0001f600"}, 10**4000):
        data = data_of(api.post("/api/jobs", {"url": "https://example.com", "body": body}), status=201)
        assert data["args"]["body"] == body
        assert Job.objects.get(id=data["job_id"]).args["body"] == body


def test_a_form_body_nests_by_brackets(api: Api) -> None:
    form = (
        "method=post&url=https%3A%2F%2Fexample.com%2Fhook&body[content]=Hi+there&body[tags][]=a&body[tags][]=b"
        "&schedule_in[]=30&schedule_in[]=seconds&headers[X-Tenant]=7&max_attempts=3&timeout=12.5"
    )
    data = data_of(api.post("/api/jobs", form, content_type=FORM), status=201)
    assert data["args"]["body"] == {"content": "Hi there", "tags": ["a", "b"]}
    assert data["args"]["schedule_in"] == ["30", "seconds"]
    assert data["job"]["scheduled_at"] == "2026-03-01T12:00:30Z"
    job = Job.objects.get()
    assert (job.max_attempts, job.timeout_seconds) == (3, 12.5)


def test_a_body_without_content_type_is_read_as_json(api: Api) -> None:
    data_of(api.post("/api/jobs", '{"url": "https://example.com"}', content_type=""), status=201)


def test_a_byte_order_mark_before_the_json_does_no_harm(api: Api) -> None:
    data_of(api.post("/api/jobs", b'\xef\xbb\xbf{"url": "https://example.com"}'), status=201)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"schedule_in": 90}, NOON + timedelta(seconds=90)),
        ({"schedule_in": 0.5}, NOON + timedelta(seconds=0.5)),
        ({"schedule_in": "90"}, NOON + timedelta(seconds=90)),
        ({"schedule_in": "30 seconds"}, NOON + timedelta(seconds=30)),
        ({"schedule_in": [2, "Hours"]}, NOON + timedelta(hours=2)),
        ({"schedule_in": [1, "month"]}, datetime(2026, 4, 1, 12, tzinfo=UTC)),
        ({"schedule_in": [1, "month"], "timezone": "Europe/London"}, datetime(2026, 4, 1, 11, tzinfo=UTC)),
        ({"schedule_in": 0}, NOON),
        ({"scheduled_at": "2026-03-01T13:00:00Z"}, NOON + timedelta(hours=1)),
        ({"scheduled_at": "2026-03-01T13:00:00+01:00"}, NOON),
        ({"scheduled_at": "2026-03-01 15:00"}, NOON + timedelta(hours=3)),
        ({"scheduled_at": "2026-07-01T09:00:00", "timezone": "Europe/London"}, datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ({"scheduled_at": NOON.timestamp() + 60}, NOON + timedelta(minutes=1)),
        ({"scheduled_at": str(int(NOON.timestamp()) + 60)}, NOON + timedelta(minutes=1)),
        ({"scheduled_at": (NOON.timestamp() + 60) * 1000}, NOON + timedelta(minutes=1)),
        ({"scheduled_at": "1999-01-01T00:00:00Z"}, NOON),
        ({"scheduled_at": 0}, NOON),
    ],
)
def test_the_time_may_be_written_in_many_ways(api: Api, when: dict[str, Any], expected: datetime) -> None:
    data_of(api.post("/api/jobs", {"url": "https://example.com", **when}), status=201)
    assert Job.objects.get().scheduled_at == expected


def test_a_second_job_with_a_key_that_is_held_answers_the_first(api: Api) -> None:
    first = data_of(api.post("/api/jobs", {**REQUEST, "idempotency_key": "k", "schedule_in": 60}), status=201)
    response = api.post("/api/jobs", {"url": "https://example.com/other", "idempotency_key": "k"})
    second = data_of(response, status=200)
    assert (second["id"], second["args"]) == (first["id"], first["args"])
    assert (second["job"]["has_confict"], second["job"]["has_conflict"]) == (True, True)
    assert (first["job"]["has_confict"], first["job"]["has_conflict"]) == (False, False)
    assert response.headers["Location"] == f"/api/jobs/{first['job_id']}"
    assert Job.objects.count() == 1


def test_a_key_of_another_user_is_no_conflict(api: Api, other_api: Api) -> None:
    for caller in (api, other_api):
        data_of(caller.post("/api/jobs", {**REQUEST, "idempotency_key": "k", "schedule_in": 60}), status=201)


def test_the_header_stands_in_for_the_idempotency_key(api: Api) -> None:
    first = data_of(
        api.post("/api/jobs", {**REQUEST, "schedule_in": 60}, Idempotency_Key="k é".encode().decode("latin-1")),
        status=201,
    )
    assert first["idempotency_key"] == "k é"
    assert "idempotency_key" not in first["args"]
    again = {**REQUEST, "idempotency_key": "k é"}
    assert data_of(api.post("/api/jobs", again))["id"] == first["id"]


def test_a_header_and_a_field_that_say_the_same_agree(api: Api) -> None:
    data_of(api.post("/api/jobs", {**REQUEST, "idempotency_key": "k"}, Idempotency_Key="k"), status=201)


@pytest.mark.parametrize(
    ("header", "key"),
    [('"k"', "k"), ('"a \\\\ b \\" c"', 'a \\ b " c'), ('"', '"'), ('"a" b', '"a" b'), ('"a"b"', '"a"b"')],
)
def test_a_header_in_quotes_says_what_is_between_them(api: Api, header: str, key: str) -> None:
    made = api.post("/api/jobs", {**REQUEST, "idempotency_key": key}, Idempotency_Key=header)
    assert data_of(made, status=201)["idempotency_key"] == key


@pytest.mark.parametrize("header", ["another", "", '""', "k" * 256, "tab\there"])
def test_an_idempotency_key_header_that_does_not_fit_is_refused(api: Api, header: str) -> None:
    response = api.post("/api/jobs", {**REQUEST, "idempotency_key": "k"}, Idempotency_Key=header)
    assert pointers_of(response) == ["/idempotency_key"]


def test_creating_costs_one_insert_and_a_first_look_at_the_key(api: Api) -> None:
    with CaptureQueriesContext(connection) as first:
        api.post("/api/jobs", REQUEST)
    with CaptureQueriesContext(connection) as second:
        api.post("/api/jobs", REQUEST)
    # The key is looked up, its use is noted (once a minute), the job is written.
    assert [query["sql"].split()[0] for query in first] == ["SELECT", "UPDATE", "INSERT"]
    assert [query["sql"].split()[0] for query in second] == ["INSERT"]


def test_a_refused_job_costs_no_query(api: Api) -> None:
    api.post("/api/jobs", REQUEST)
    with CaptureQueriesContext(connection) as queries:
        api.post("/api/jobs", {**REQUEST, "schedule_in": "soon"})
    assert len(queries) == 0


def test_the_wake_up_is_sent_after_the_commit(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        api.post("/api/jobs", {**REQUEST, "schedule_in": 10})
    assert announced.jobs == []
    for callback in callbacks:
        callback()
    assert announced.jobs == [NOON + timedelta(seconds=10)]


def test_a_duplicate_wakes_nobody(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    api.post("/api/jobs", {**REQUEST, "idempotency_key": "k"})
    with django_capture_on_commit_callbacks(execute=True):
        api.post("/api/jobs", {**REQUEST, "idempotency_key": "k"})
    assert announced.jobs == []


def test_the_id_is_a_uuid_and_the_job_id_a_number(api: Api, stopped_clock: StoppedClock) -> None:
    data = data_of(api.post("/api/jobs", REQUEST), status=201)
    assert UUID(data["id"]).version == 7
    assert isinstance(data["job_id"], int)
    assert data["job"]["id"] == data["job_id"]
    stopped_clock.advance(microseconds=1)
    later = data_of(api.post("/api/jobs", REQUEST), status=201)
    assert later["inserted_at"] == "2026-03-01T12:00:00.000001Z"
