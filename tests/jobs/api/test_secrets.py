"""/api/secrets, and jobs that refer to them: resolved when sent, never stored or shown, hidden where they come back."""

import base64
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booper.outcomes.outcome import Outcome, Request, Response
from jobs.delivering import stage as delivering
from jobs.engine.stage import Finished
from jobs.models import ApiKey, AuditEvent, Delivery, Job, LogEvent, Schedule, Scope, User
from jobs.running import stage
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import StoppedClock
from tests.factories import NOON
from tests.runs import deliver_due, run_due, start_due, take_lease

VALUE = 's3cr&t/"x'
URL = "https://example.com/hook"


@pytest.fixture
def vault(api: Api) -> Api:
    """The API of a user who has a secret TOKEN, and HOSTED, which may go to api.example.com alone."""
    data_of(api.call("PUT", "/api/secrets/TOKEN", {"value": VALUE}), status=201)
    data_of(api.call("PUT", "/api/secrets/HOSTED", {"value": "hosted", "hosts": ["API.example.com"]}), status=201)
    return api


def sent() -> Request:
    """The request of the only job that is due."""
    [started] = start_due(take_lease().id)
    assert started.request is not None, started.failure
    return started.request


def everything_stored() -> str:
    """All text of all tables that hold requests and what came of them."""
    tables = (Job, Schedule, LogEvent, Delivery, AuditEvent)
    with connection.cursor() as cursor:
        text = ""
        for model in tables:
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")
            text += str(cursor.fetchall())
        cursor.execute("SELECT * FROM jobs_secret")
        return text + str(cursor.fetchall())


def test_a_secret_is_set_listed_without_its_value_changed_and_deleted(api: Api, stopped_clock: StoppedClock) -> None:
    made = data_of(api.call("PUT", "/api/secrets/API_TOKEN", {"value": VALUE}), status=201)
    assert made == {
        "name": "API_TOKEN",
        "hosts": None,
        "inserted_at": "2026-03-01T12:00:00Z",
        "updated_at": "2026-03-01T12:00:00Z",
        "used_by": {"schedules": [], "jobs": []},
    }
    stopped_clock.advance(hours=1)
    changed = data_of(api.call("PUT", "/api/secrets/API_TOKEN", {"value": "other", "hosts": ["ä.example"]}))
    assert (changed["hosts"], changed["updated_at"]) == (["xn--4ca.example"], "2026-03-01T13:00:00Z")
    assert data_of(api.get("/api/secrets")) == [changed]
    assert data_of(api.call("DELETE", "/api/secrets/API_TOKEN")) == changed
    problem_of(api.call("DELETE", "/api/secrets/API_TOKEN"), status=404)
    assert data_of(api.get("/api/secrets")) == []


def test_a_value_is_encrypted_at_rest(vault: Api) -> None:
    assert VALUE not in everything_stored()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/value"),
        ({"value": 5}, "/value"),
        ({"value": ""}, "/value"),
        ({"value": "two\nlines"}, "/value"),
        ({"value": "x" * 16_385}, "/value"),
        ({"value": "x", "hosts": []}, "/hosts"),
        ({"value": "x", "hosts": "example.com"}, "/hosts"),
        ({"value": "x", "hosts": ["https://example.com"]}, "/hosts/0"),
        ({"value": "x", "hosts": ["example.com", "exa mple.com"]}, "/hosts/1"),
        ({"value": "x", "name": "OTHER"}, "/name"),
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(api: Api, body: dict[str, Any], pointer: str) -> None:
    response = api.call("PUT", "/api/secrets/TOKEN", body)
    assert pointers_of(response) == [pointer]
    assert "two" not in response.content.decode()


@pytest.mark.parametrize("name", ["token", "1A", "A-B", "A" * 65])
def test_what_is_no_name_is_refused(api: Api, name: str) -> None:
    assert pointers_of(api.call("PUT", f"/api/secrets/{name}", {"value": "x"})) == ["/name"]


def test_secrets_belong_to_their_user(vault: Api, other_api: Api) -> None:
    assert data_of(other_api.get("/api/secrets")) == []
    problem_of(other_api.call("DELETE", "/api/secrets/TOKEN"), status=404)
    refused = other_api.post("/api/jobs", {"url": URL, "body": "{{secret:TOKEN}}"})
    assert pointers_of(refused) == ["/body"]


def test_a_key_to_write_may_refer_to_secrets_and_not_touch_them(vault: Api, web: Client, user: User) -> None:
    writer = Api(web, token=ApiKey.issue(user.id, scope=Scope.WRITE)[1])
    data_of(writer.post("/api/jobs", {"url": URL, "body": "{{secret:TOKEN}}"}), status=201)
    problem_of(writer.get("/api/secrets"), status=403)
    problem_of(writer.call("PUT", "/api/secrets/TOKEN", {"value": "x"}), status=403)


def test_no_more_secrets_than_the_limit_has(vault: Api, user: User) -> None:
    User.objects.update(limits={"secrets": 2})
    assert problem_of(vault.call("PUT", "/api/secrets/THIRD", {"value": "x"}), status=429)["limit"] == "secrets"
    data_of(vault.call("PUT", "/api/secrets/TOKEN", {"value": "x"}))


def test_what_is_done_to_secrets_is_in_the_trail_by_name(vault: Api) -> None:
    data_of(vault.call("PUT", "/api/secrets/TOKEN", {"value": "another"}))
    data_of(vault.call("DELETE", "/api/secrets/TOKEN"))
    trail = [(event.action, event.details["secret"]) for event in AuditEvent.objects.order_by("id")]
    assert trail == [
        ("secret.made", "TOKEN"),
        ("secret.made", "HOSTED"),
        ("secret.changed", "TOKEN"),
        ("secret.deleted", "TOKEN"),
    ]


def test_references_are_resolved_when_sent_and_percent_encoded_in_urls(vault: Api) -> None:
    job = {
        "method": "post",
        "url": "https://example.com/{{secret:TOKEN}}/x?a={{secret:TOKEN}}",
        "query": {"b": "{{secret:TOKEN}}"},
        "headers": {"Authorization": "Bearer {{secret:TOKEN}}", "X-Braces": "{{{{x}}"},
        "body": {"deep": ["{{secret:TOKEN}}", "{{{{"], "n": 5},
    }
    data_of(vault.post("/api/jobs", job), status=201)
    request = sent()
    encoded = "s3cr%26t%2F%22x"
    assert request.url == f"https://example.com/{encoded}/x?a={encoded}&b={encoded}"
    headers = dict(request.headers)
    assert (headers["Authorization"], headers["X-Braces"]) == (f"Bearer {VALUE}", "{{x}}")
    assert json.loads(request.body or b"") == {"deep": [VALUE, "{{"], "n": 5}


def test_a_changed_secret_counts_from_the_next_request_on(vault: Api) -> None:
    data_of(vault.post("/api/jobs", {"url": URL, "method": "post", "body": "{{secret:TOKEN}}"}), status=201)
    data_of(vault.call("PUT", "/api/secrets/TOKEN", {"value": "changed"}))
    assert sent().body == b'"changed"'


def test_what_is_logged_told_and_kept_has_the_reference_and_never_the_value(vault: Api) -> None:
    job = {
        "method": "post",
        "url": "https://example.com/{{secret:TOKEN}}",
        "headers": {"Authorization": "Bearer {{secret:TOKEN}}"},
        "body": {"t": "{{secret:TOKEN}}"},
        "callback_url": "https://example.com/back?t={{secret:TOKEN}}",
        "webhook_url": "https://example.com/events",
    }
    data_of(vault.post("/api/jobs", job), status=201)
    lease = take_lease()
    [started] = start_due(lease.id)
    echo = json.dumps({"you_sent": f"Bearer {VALUE}", "raw": VALUE}).encode()
    headers = (("Content-Type", "application/json"), ("X-Echo", VALUE))
    outcome = Outcome(response=Response(500, headers, echo, truncated=False), failure=None, duration_ms=5)
    stage.record(lease.id, [Finished(started, outcome)], now=NOON)
    stored = everything_stored()
    assert VALUE not in stored
    assert json.dumps(VALUE)[1:-1] not in stored
    shown = LogEvent.objects.get(event="worker.http.request").payload
    assert shown["url"] == "https://example.com/{{secret:TOKEN}}"
    assert shown["headers"]["Authorization"] == "Bearer {{secret:TOKEN}}"
    assert shown["body"] == {"t": "{{secret:TOKEN}}"}
    answer = LogEvent.objects.get(event="worker.http.response").payload
    assert answer["body"] == {"you_sent": "Bearer ***", "raw": "***"}
    assert answer["headers"]["X-Echo"] == "***"


def test_callbacks_and_webhooks_are_sent_to_resolved_urls(vault: Api) -> None:
    urls = {"callback_url": "https://example.com/back?t={{secret:TOKEN}}", "webhook_url": "https://example.com/{{{{"}
    data_of(vault.post("/api/jobs", {"url": URL, **urls}), status=201)

    run_due()
    started, _ = delivering.claim(take_lease().id, limit=100, is_crowded=False, now=NOON)
    assert {item.request.url for item in started if item.request} == {
        "https://example.com/back?t=s3cr%26t%2F%22x",
        "https://example.com/{{",
    }


@pytest.mark.parametrize(
    ("job", "pointer"),
    [
        ({"url": "https://example.com/{{secret:NONE}}"}, "/url"),
        ({"url": URL, "headers": {"A": "{{secret:NONE}}"}}, "/headers/A"),
        ({"url": URL, "query": {"q": ["{{secret:NONE}}"]}}, "/query/q/0"),
        ({"url": URL, "body": {"a": ["x {{secret:NONE}}"]}}, "/body/a/0"),
        ({"url": URL, "body": "{{secret:lower}}"}, "/body"),
        ({"url": URL, "callback_url": "https://example.com/{{secret:NONE}}"}, "/callback_url"),
        ({"url": URL, "webhook_url": "https://example.com/{{secret:NONE}}"}, "/webhook_url"),
        ({"url": "https://{{secret:TOKEN}}/"}, "/url"),
        ({"url": "https://{{secret:TOKEN}}.example.com/"}, "/url"),
        ({"url": URL, "headers": {"A": "{{secret:HOSTED}}"}}, "/headers/A"),
        ({"url": "https://api.example.com", "callback_url": "https://example.com/{{secret:HOSTED}}"}, "/callback_url"),
    ],
)
def test_a_job_that_refers_to_what_it_may_not_is_refused(vault: Api, job: dict[str, Any], pointer: str) -> None:
    assert pointers_of(vault.post("/api/jobs", job)) == [pointer]
    data = data_of(vault.post("/api/jobs/batch", {"jobs": [job, {"url": URL}]}), status=207)
    assert [error["pointer"] for error in data[0]["error"]["errors"]] == [pointer]
    assert data[1]["args"] == {"url": URL}


def test_a_job_or_schedule_that_is_changed_is_asked_again(vault: Api) -> None:
    job = data_of(vault.post("/api/jobs", {"url": URL, "schedule_in": 60}), status=201)
    assert pointers_of(vault.patch(f"/api/jobs/{job['job_id']}", {"body": "{{secret:NONE}}"})) == ["/body"]
    recurring = data_of(vault.post("/api/jobs", {"url": URL, "repeat_every": 60}), status=201)
    path = f"/api/schedules/{recurring['schedule_id']}"
    assert pointers_of(vault.patch(path, {"body": "{{secret:NONE}}"})) == ["/body"]
    data_of(vault.patch(path, {"body": "{{secret:TOKEN}}"}))


def test_a_secret_that_is_gone_by_then_fails_the_attempt(vault: Api) -> None:
    job = data_of(vault.post("/api/jobs", {"url": URL, "body": "{{secret:TOKEN}}"}), status=201)
    data_of(vault.call("DELETE", "/api/secrets/TOKEN"))
    [started] = start_due(take_lease().id)
    assert started.request is None
    assert started.failure is not None
    assert started.failure.code == "no_such_secret"
    assert job["job_id"] == started.row.id


def test_a_secret_that_may_not_go_there_any_more_is_not_sent(vault: Api) -> None:
    data_of(vault.post("/api/jobs", {"url": URL, "body": "{{secret:TOKEN}}"}), status=201)
    data_of(vault.call("PUT", "/api/secrets/TOKEN", {"value": VALUE, "hosts": ["api.example.com"]}))
    [started] = start_due(take_lease().id)
    assert started.failure is not None
    assert "may not be sent to example.com" in started.failure.message


def test_a_delivery_whose_secret_is_gone_fails_with_the_same_code(vault: Api) -> None:
    url = "https://example.com/back?t={{secret:TOKEN}}"
    data_of(vault.post("/api/jobs", {"url": URL, "callback_url": url}), status=201)
    data_of(vault.call("DELETE", "/api/secrets/TOKEN"))
    run_due()
    assert deliver_due() == 1
    delivery = Delivery.objects.get()
    assert (delivery.error_code, delivery.url) == ("no_such_secret", url)


def test_what_a_target_answered_can_not_ask_for_a_secret(vault: Api) -> None:
    job = {"url": URL, "method": "post", "repeat_every": 60, "body": {"seen": "$previous.ask", "t": "{{secret:TOKEN}}"}}
    data_of(vault.post("/api/jobs", job), status=201)
    Schedule.objects.update(previous={"ask": "{{secret:TOKEN}} {{{{"})
    body = json.loads(sent().body or b"")
    assert (body["seen"], body["t"]) == ("{{secret:TOKEN}} {{{{", VALUE)


def test_the_list_tells_what_uses_each(vault: Api) -> None:
    job = data_of(vault.post("/api/jobs", {"url": URL, "body": "{{secret:TOKEN}}", "schedule_in": 60}), status=201)
    recurring = {"url": URL, "headers": {"A": "{{secret:TOKEN}}"}, "repeat_every": 60, "schedule_in": 60}
    schedule = data_of(vault.post("/api/jobs", recurring), status=201)["schedule_id"]
    told = {secret["name"]: secret["used_by"] for secret in data_of(vault.get("/api/secrets"))}
    assert told == {
        "TOKEN": {"schedules": [schedule], "jobs": [job["job_id"]]},
        "HOSTED": {"schedules": [], "jobs": []},
    }


def test_who_refers_to_no_secret_pays_no_query(vault: Api) -> None:
    data_of(vault.post("/api/jobs", {"url": URL}), status=201)
    with CaptureQueriesContext(connection) as queries:
        data_of(vault.post("/api/jobs", {"url": URL, "body": "{{{{ {{name}}"}), status=201)
    assert [query["sql"].split()[0] for query in queries] == ["INSERT"]
    Job.objects.first().delete()  # type: ignore[union-attr]
    with CaptureQueriesContext(connection) as queries:
        start_due(take_lease().id)
    assert len([query for query in queries if "jobs_secret" in query["sql"]]) == 1


def test_a_secret_among_bytes_that_are_no_text_is_not_kept(vault: Api) -> None:
    data_of(vault.post("/api/jobs", {"url": URL, "headers": {"A": "{{secret:TOKEN}}"}}), status=201)
    run_due(Outcome(Response(200, (), b"\xff" + VALUE.encode(), truncated=False), None, 1))
    payload = LogEvent.objects.get(event="worker.http.response").payload
    assert base64.b64decode(payload["body"]) == b"\xff***"
