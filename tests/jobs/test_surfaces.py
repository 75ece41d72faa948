"""Every surface that shows what tenants and targets said asks booper.content.redaction: none shows a planted secret."""

import json
import logging
import re
import sys
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from booper.outcomes.outcome import Outcome, Response
from jobs.engine.stage import Finished
from jobs.models import AuditEvent, Delivery, DeliveryKind, Job, LogEvent, User
from jobs.running import stage
from jobs.telemetry.log_records import JsonFormatter, LineFormatter
from tests.admin import log_in, page
from tests.api import Api, data_of
from tests.conftest import StoppedClock
from tests.factories import NOON
from tests.planted import SHAPED
from tests.runs import answered, deliver_due, start_due, take_lease

pytestmark = pytest.mark.django_db

NAMED = [f"plain-{number}" for number in range(12)]
PLANTED = [*SHAPED, *NAMED]

JOB: dict[str, Any] = {
    "method": "post",
    "url": f"https://hooks.slack.com/services/T0/B0/plain-0?token=plain-1&x={SHAPED[0]}",
    "headers": {
        "Authorization": "Bearer plain-2",
        "Cookie": "sid=plain-3",
        "X-Session": "plain-4",
        "X-Custom": SHAPED[3],
        "X-Api-Key": "plain-5",
    },
    "query": {"sig": "plain-6", "nested": {"jwt": "plain-7"}},
    "body": {"user": {"password": "plain-8", "pwd": "plain-9"}, "notes": SHAPED},
    "callback_url": "https://example.com/back?key=plain-10",
    "webhook_url": "https://example.com/events?key=plain-10",
}
# The same, and followed by the same.
CHAIN: dict[str, Any] = {**JOB, "then": [JOB], "on_failure": {**JOB, "then": JOB}}
ECHO = {"you_sent": [*SHAPED, "password=plain-11"], "access_token": "plain-8", "deep": {"secret": "plain-9"}}


@pytest.fixture
def ran(api: Api) -> Job:
    """A job full of secrets that has failed once against a target that answers with them."""
    data_of(api.post("/api/jobs", JOB), status=201)
    lease = take_lease()
    [started] = start_due(lease.id)
    headers = (("Content-Type", "application/json"), ("Set-Cookie", "sid=plain-3"), ("X-Echo", SHAPED[4]))
    response = Response(500, headers, json.dumps(ECHO).encode(), truncated=False)
    stage.record(lease.id, [Finished(started, Outcome(response=response, failure=None, duration_ms=3))], now=NOON)
    return Job.objects.get()


def seen_in(text: str) -> list[str]:
    return [secret for secret in PLANTED if re.search(rf"{re.escape(secret)}(?!\d)", text)]


def test_the_job_has_all_of_them(ran: Job) -> None:
    assert seen_in(json.dumps([JOB, ECHO])) == PLANTED


def test_previews(api: Api) -> None:
    assert seen_in(json.dumps(data_of(api.post("/api/preview", JOB)))) == []


def test_webhooks_and_no_credential_headers_in_them(ran: Job) -> None:
    bodies = [row.body for row in Delivery.objects.filter(kind=DeliveryKind.WEBHOOK)]
    assert len(bodies) >= 4
    assert seen_in("".join(bodies)) == []
    request = next(json.loads(body) for body in bodies if '"job.request"' in body)
    assert set(request["data"]["payload"]["headers"]).isdisjoint({"Authorization", "Cookie", "X-Session", "X-Api-Key"})


@pytest.mark.parametrize("permissions", [("view_job", "view_logevent", "view_delivery"), ("everything",)])
def test_the_pages_of_the_admin_for_operators_and_superusers(
    ran: Job, web: Client, stopped_clock: StoppedClock, permissions: tuple[str, ...]
) -> None:
    deliver_due()
    log_in(web, *permissions)
    paths = ["", "jobs/job/", f"jobs/job/{ran.id}/change/", "jobs/logevent/", "jobs/delivery/"]
    paths += [f"jobs/logevent/{row.pk}/change/" for row in LogEvent.objects.all()]
    paths += [f"jobs/delivery/{row.pk}/change/" for row in Delivery.objects.all()]
    for path in paths:
        assert seen_in(page(web, path)) == [], path


def test_content_is_for_those_with_the_permission_redacted_and_logged(
    ran: Job, web: Client, stopped_clock: StoppedClock, user: User
) -> None:
    Job.objects.filter(id=ran.id).update(args=JOB | {"body": {"greeting": "hello there", "password": "plain-8"}})
    path = f"jobs/job/{ran.id}/change/"
    log_in(web, "view_job")
    assert "hello there" not in page(web, f"{path}?content=1")
    assert not AuditEvent.objects.filter(action="content.seen").exists()
    log_in(web, "view_job", "view_content", email="auditor@example.com")
    assert "hello there" not in page(web, path)
    shown = page(web, f"{path}?content=1")
    assert "hello there" in shown
    assert seen_in(shown) == []
    event = AuditEvent.objects.get(action="content.seen")
    assert (event.actor, event.user_id) == ("operator auditor@example.com", user.id)
    assert event.details == {"what": f"job {ran.id}"}


@pytest.mark.parametrize("formatter", [JsonFormatter(), LineFormatter("%(message)s")])
def test_log_lines_and_what_exceptions_say_in_them(formatter: logging.Formatter) -> None:
    try:
        raise RuntimeError(f"could not send {SHAPED[0]} with password=plain-0")
    except RuntimeError:
        record = logging.LogRecord(
            "jobs", logging.ERROR, __file__, 1, "target said %s: token=plain-1", (SHAPED[14],), sys.exc_info()
        )
    assert seen_in(formatter.format(record)) == []


@pytest.fixture
def chained(api: Api) -> Job:
    """A job that was discarded and is followed by one that waits, both full of secrets, each followed by more."""
    data_of(api.post("/api/jobs", {**CHAIN, "max_attempts": 1}), status=201)
    lease = take_lease()
    [started] = start_due(lease.id)
    stage.record(lease.id, [Finished(started, answered(410))], now=NOON)
    return Job.objects.get(parent_uuid__isnull=False)


def test_headers_of_what_follows_are_encrypted_in_the_database_and_sent_as_they_were_written(chained: Job) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM jobs_job")
        stored = "".join(row[0] for row in cursor.fetchall())
    assert "plain-2" not in stored
    [request] = [item.request for item in start_due(take_lease().id)]
    assert request is not None
    assert dict(request.headers)["Authorization"] == "Bearer plain-2"


def test_previews_and_timelines_of_what_follows(api: Api, chained: Job) -> None:
    assert seen_in(json.dumps(data_of(api.post("/api/preview", CHAIN)))) == []
    for job in Job.objects.all():
        told = data_of(api.get(f"/api/jobs/{job.id}/timeline"))
        assert seen_in(json.dumps([told["parent"], told["children"], told["follows"]])) == []


def test_webhooks_of_what_is_followed(chained: Job) -> None:
    assert seen_in("".join(Delivery.objects.filter(kind=DeliveryKind.WEBHOOK).values_list("body", flat=True))) == []


def test_the_admin_shows_no_secret_of_what_follows_to_anybody(
    chained: Job, web: Client, stopped_clock: StoppedClock
) -> None:
    log_in(web, "everything")
    for job in Job.objects.all():
        for query in ("", "?content=1"):
            assert seen_in(page(web, f"jobs/job/{job.id}/change/{query}")) == []


def test_the_pages_of_owners_show_no_secret_of_what_follows(chained: Job, client: Client, user: User) -> None:
    client.force_login(user)
    for job in Job.objects.all():
        for path in (f"/jobs/{job.id}", f"/jobs/new?from={job.id}"):
            response = client.get(path)
            assert response.status_code == 200
            assert seen_in(response.content.decode()) == [], path
