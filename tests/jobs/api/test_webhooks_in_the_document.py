"""What is delivered is what the document's section `webhooks` says."""

import json
from datetime import timedelta
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from booper.outcomes.outcome import Outcome, Response
from jobs.alerting import judging
from jobs.models import Delivery, User
from jobs.running import transitions
from tests.api import Api, data_of
from tests.conftest import StoppedClock
from tests.factories import NOON, make_job
from tests.runs import OK, REFUSED, answered, run_due

ADDRESSES: dict[str, Any] = {"webhook_url": "https://example.com/events", "callback_url": "https://example.com/done"}
TYPES = {"job.result", "job.started", "job.request", "job.response", "job.error", "job.finished"}
ALERTS = {"alert.firing", "alert.resolved"}


def _steering(answer: bytes, *headers: tuple[str, str]) -> Outcome:
    return Outcome(response=Response(200, headers, answer, truncated=False), failure=None, duration_ms=30)


@pytest.fixture
def section(web: Client) -> dict[str, Any]:
    found: dict[str, Any] = web.get("/api/openapi.json").json()["webhooks"]
    return found


def test_each_type_of_request_is_in_it(section: dict[str, Any]) -> None:
    assert set(section) == TYPES | ALERTS
    names = {parameter["name"] for parameter in section["job.finished"]["post"]["parameters"]}
    assert names == {"webhook-id", "webhook-timestamp", "webhook-signature"}


@pytest.mark.parametrize(
    "outcome",
    [
        OK,
        REFUSED,
        answered(503),
        _steering(b'{"$stop": true}', ("Content-Type", "application/json")),
        _steering(b"\xff\xfe\x00\x01\xff", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")),
        _steering(b""),
    ],
)
def test_what_is_delivered_is_as_it_says(section: dict[str, Any], user: User, outcome: Outcome) -> None:
    make_job(user=user, max_attempts=2, name="nightly", **ADDRESSES)
    waiting = make_job(user=user, scheduled_at=NOON + timedelta(days=1), **ADDRESSES)
    run_due(outcome)
    run_due(outcome, now=NOON + timedelta(hours=1))
    assert transitions.cancel(waiting, now=NOON) is not None
    bodies = [json.loads(delivery.body) for delivery in Delivery.objects.all()]
    assert {"job.result", "job.started", "job.request", "job.finished"} <= {body["type"] for body in bodies}
    require_as_said(bodies, section)


def test_what_tells_of_an_alert_is_as_it_says(
    section: dict[str, Any], api: Api, user: User, stopped_clock: StoppedClock
) -> None:
    wanted = {"name": "x", "when": {"discarded": 1}, "of": {"tag": "red"}, "to": ["https://example.com/alerts"]}
    alert = data_of(api.post("/api/alerts", wanted), status=201)
    data_of(api.post(f"/api/alerts/{alert['id']}/test"), status=202)
    for outcome in (answered(410), OK):
        make_job(user=user, tags=",red,")
        run_due(outcome)
        judging.judge_due(now=NOON)
    bodies = [json.loads(delivery.body) for delivery in Delivery.objects.all()]
    assert {body["type"] for body in bodies} == ALERTS
    require_as_said(bodies, section)


def require_as_said(bodies: list[Any], section: dict[str, Any]) -> None:
    for body in bodies:
        schema = section[body["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
        errors = [error.message for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(body)]
        assert errors == [], body
