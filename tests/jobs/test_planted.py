"""Sixty planted secrets go through an instance, and no surface but those that they are meant for has one."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse
from pytest_django import Settings

from booper.outcomes.outcome import Failure, Outcome, Response
from booper.targets.proxies import Proxy
from jobs.delivering import stage as delivering_stage
from jobs.guarding import inbox, second_factor, signing
from jobs.models import ApiKey, Delivery, DeliveryKind, Job, Receiver, RecoveryCode, User
from jobs.models.api_key import hash_token
from jobs.telemetry import exposition
from jobs.telemetry.log_records import JsonFormatter, LineFormatter
from jobs.waking import announcements
from jobs.waking.announcer import Lane
from tests import planted, second_factors
from tests.admin import log_in
from tests.api import Api, data_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON
from tests.runs import deliver_due, run_due

pytestmark = pytest.mark.django_db

JOBS: list[dict[str, Any]] = [
    {
        "method": "post",
        "url": url + ("&" if "?" in url else "?") + "p={{secret:IN_URL}}",
        "name": f"job {number}",
        "headers": planted.HEADERS | {"X-From": "{{secret:IN_HEADER}}"},
        "query": planted.QUERY | {"q": "{{secret:IN_QUERY}}"},
        "body": planted.BODY | {"put_in": "{{secret:IN_BODY}}"},
        "callback_url": planted.CALLBACK_URL + "&more={{secret:IN_CALLBACK}}",
        "webhook_url": planted.WEBHOOK_URL,
        "max_attempts": 2,
    }
    for number, url in enumerate(planted.URLS)
]
ALERT = {"name": "all", "when": {"discarded": 1}, "to": [*planted.URLS[1:5], planted.SERVICE_URL]}
ECHOED = Outcome(
    Response(500, planted.ECHO_HEADERS, json.dumps(planted.ECHO).encode(), truncated=False), None, duration_ms=3
)
FAILED = Outcome(None, Failure("bad_response", planted.FAILURE), duration_ms=3)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What the log has by now, as both formats write it."""
    caplog.set_level(logging.DEBUG)
    formatters: list[logging.Formatter] = [JsonFormatter(), LineFormatter("%(asctime)s %(levelname)s %(message)s")]

    def said() -> str:
        records = caplog.get_records("setup") + caplog.get_records("call")
        return "\n".join(formatter.format(record) for record in records for formatter in formatters)

    return said


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be sent to the broker."""
    sent: list[Any] = []
    monkeypatch.setattr(current_app, "send_task", lambda *given, **named: sent.append((given, named)))
    return sent


@pytest.fixture
def planted_everywhere(
    web: Client,
    user: User,
    settings: Settings,
    stopped_clock: StoppedClock,
    announced: Announced,
    lines: Callable[[], str],
    messages: list[Any],
) -> None:
    """A day of a tenant whose secrets are the planted ones, with targets that answer with them."""
    settings.BOOPER_ALERT_SERVICES = ("tgram",)
    settings.BOOPER_EGRESS_PROXY = Proxy("http", "proxy.internal", 3128, "booper", planted.PROXY_PASSWORD)
    _sign_with_planted(user)
    user.set_password(planted.PASSWORDS[0])
    user.save()
    ApiKey.objects.create(user=user, hint=planted.API_KEYS[0][:9], token_hash=hash_token(planted.API_KEYS[0]))
    api = Api(web, token=planted.API_KEYS[0])
    for name, value in planted.SECRETS.items():
        assert api.call("PUT", f"/api/secrets/{name}", {"value": value}).status_code == 201
    _call_wrongly(web, api)
    data_of(api.post("/api/preview", JOBS[0]))
    for job in JOBS:
        data_of(api.post("/api/jobs", job), status=201)
    alert = data_of(api.post("/api/alerts", ALERT), status=201)
    data_of(api.post(f"/api/alerts/{alert['id']}/test"), status=202)
    schedule = {"url": planted.URLS[0], "headers": planted.SCHEDULE_HEADERS, "body": planted.BODY, "cron": "* * * * *"}
    data_of(api.post("/api/jobs", schedule), status=201)
    web.post(
        f"/in/{inbox.of_user(user.id).token}", "{}", content_type="application/json", headers=planted.INBOX_HEADERS
    )
    web.post("/sign-in", {"email": user.email, "password": planted.PASSWORDS[1]})
    web.post("/admin/login/", {"username": user.email, "password": planted.PASSWORDS[1]})
    _sign_in_by_factor(user)
    _run_all()
    for lane, due in ((Lane.JOBS, Job.objects.all()), (Lane.DELIVERIES, Delivery.objects.all())):
        announcements._publish(
            lane, list(due.due_between(NOON - timedelta(hours=1), NOON + timedelta(days=1))) or [NOON]
        )


def _sign_with_planted(user: User) -> None:
    user.signing_secret = planted.SIGNING[0]
    user.save()
    signing.rotate(user.id, overlap=timedelta(days=1), actor="test", now=NOON)
    User.objects.filter(id=user.id).update(signing_secret=planted.SIGNING[1])


def _sign_in_by_factor(user: User) -> None:
    secret, recovery_code, wrong = planted.FACTOR
    second_factors.give(user, secret)
    plain = second_factor.plain(recovery_code)
    RecoveryCode.objects.create(user=user, code_hash=hashlib.sha256(plain.encode()).hexdigest())
    for code, status in ((wrong, 401), (recovery_code, 302), (second_factors.code_at(NOON, secret), 302)):
        browser = Client()
        browser.post("/sign-in", {"email": user.email, "password": planted.PASSWORDS[0]})
        assert browser.post("/sign-in/code", {"code": code}).status_code == status


def _call_wrongly(web: Client, api: Api) -> None:
    stranger = Api(web, token=planted.API_KEYS[1])
    assert stranger.post("/api/jobs", JOBS[0]).status_code == 401
    assert api.post("/api/jobs", JOBS[0] | {"url": planted.USER_INFORMATION}).status_code == 400
    assert api.post("/api/jobs", JOBS[0] | {"headers": {"Host": planted.NAMED[0]}}).status_code == 400
    assert api.post("/api/jobs", json.dumps(JOBS[0])[:-1]).status_code == 400


def _run_all() -> None:
    now = NOON
    for outcome in (ECHOED, FAILED):
        assert run_due(outcome, now=now) >= len(JOBS)
        now += timedelta(minutes=5)
    deliver_due(ECHOED, now=now)


def found_in(text: str, values: list[str]) -> list[str]:
    return [value for value in values if value in text]


def test_sixty_are_planted_and_went_in(planted_everywhere: None) -> None:
    assert len(set(planted.EVERYTHING)) >= 60
    everything: list[Any] = [
        planted.SECRETS,
        planted.SIGNING,
        planted.API_KEYS,
        planted.PASSWORDS,
        planted.PROXY_PASSWORD,
        planted.FACTOR,
    ]
    everything += [JOBS, ALERT, planted.ECHO, planted.ECHO_HEADERS, planted.FAILURE, planted.USER_INFORMATION]
    everything += [planted.SCHEDULE_HEADERS, planted.INBOX_HEADERS]
    assert found_in(json.dumps(everything), planted.EVERYTHING) == planted.EVERYTHING
    assert Job.objects.filter(state="discarded").count() == len(JOBS)
    assert Receiver.objects.exists()


def test_a_dump_has_none_of_what_is_encrypted_or_not_kept(planted_everywhere: None) -> None:
    tables = connection.introspection.table_names()
    assert len(tables) > 20
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows = [
                [bytes(cell) if isinstance(cell, memoryview) else cell for cell in row] for row in cursor.fetchall()
            ]
            assert found_in(str(rows), planted.SEALED) == [], table


def test_a_dump_has_what_is_in_clear_on_purpose(planted_everywhere: None) -> None:
    # Else the look of the test before would be one that finds nothing.
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM jobs_job")
        assert found_in(str(cursor.fetchall()), [planted.NAMED[20], planted.NAMED[29], planted.NAMED[17]])


def test_no_log_line_has_any(planted_everywhere: None, lines: Callable[[], str]) -> None:
    said = lines()
    assert "attempt 1: retryable" in said
    assert found_in(said, planted.EVERYTHING) == []


def test_the_metrics_have_none(planted_everywhere: None) -> None:
    said = exposition.exposition(now=NOON, stored=None).decode()
    assert "booper_attempts_total" in said
    assert found_in(said, planted.EVERYTHING) == []


def test_messages_to_the_broker_have_moments_and_nothing_else(planted_everywhere: None, messages: list[Any]) -> None:
    assert messages
    assert found_in(str(messages), planted.EVERYTHING) == []
    assert {given for given, _ in messages} == {("booper.run_due",), ("booper.deliver_due",)}
    for _, named in messages:
        assert named.keys() <= {"args", "ignore_result", "expires", "eta"}
        assert all(isinstance(moment, float) for moment in named["args"][0])


def test_webhooks_have_none(planted_everywhere: None) -> None:
    bodies = [row.body for row in Delivery.objects.filter(kind=DeliveryKind.WEBHOOK)]
    assert len(bodies) > 10 * len(JOBS) // 2
    for body in bodies:
        assert found_in(body, planted.EVERYTHING) == [], body
    sent, _ = delivering_stage.claim(uuid4(), limit=1000, is_crowded=False, now=NOON + timedelta(days=2))
    assert sent
    signing_and_keys = [*planted.SIGNING, *planted.API_KEYS]
    assert found_in(str([item.request.headers for item in sent if item.request]), signing_and_keys) == []


def _pages() -> Iterator[str]:
    """Every page of the admin that shows rows: lists, each row, its history."""
    yield reverse("admin:index")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        for row in model._default_manager.all()[:60]:
            yield reverse(f"{name}_change", args=[row.pk])
            try:
                yield reverse(f"{name}_history", args=[row.pk])
            except NoReverseMatch:
                continue


@pytest.mark.parametrize("is_superuser", [False, True])
def test_no_page_of_the_admin_has_any(planted_everywhere: None, web: Client, is_superuser: bool) -> None:
    every = Permission.objects.filter(content_type__app_label__in={"jobs", "django_celery_beat", "admin", "auth"})
    names = list(every.exclude(codename="view_content").values_list("codename", flat=True))
    log_in(web, *(["everything"] if is_superuser else dict.fromkeys(names)))
    seen = 0
    for path in _pages():
        response = web.get(path)
        assert response.status_code == 200, path
        assert found_in(response.content.decode(), planted.EVERYTHING) == [], path
        seen += 1
    assert seen > 60


def test_what_commands_print_has_none(planted_everywhere: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("diffsettings", "--all")
    with pytest.raises(SystemExit):
        call_command("doctor")
    assert found_in("".join(capsys.readouterr()), planted.EVERYTHING) == []


def test_every_table_of_ours_is_among_the_pages_or_named_here() -> None:
    # A new table with secrets in it is to be thought of.
    without_page = {model._meta.model_name for model in apps.get_app_config("jobs").get_models()} - {
        model._meta.model_name for model in admin.site._registry
    }
    assert without_page == {
        *("alert", "alertedend", "alertincident", "alertletter", "alertwatch", "calendar", "inbox", "inboxrequest"),
        *("parkedhost", "passwordreset"),
        *("recoverycode", "rolledupcount", "rolledupto", "secondfactor", "switch", "tally", "usage"),
    }
