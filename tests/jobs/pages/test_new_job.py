"""/jobs/new and /schedules/new: what is typed becomes a job as the API makes one, or is refused at its field."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from jobs.models import Job, Schedule, Usage, User
from tests.conftest import Announced
from tests.factories import NOON, make_job

pytestmark = pytest.mark.django_db

TYPED = {"method": "post", "url": "https://example.com/hook", "body": '{"content": "Hi"}', "schedule_in": "10 minutes"}
ATTACK = "</script><script>window.attacked = 1</script>\u202e"


def refused(browser: Client, path: str = "/jobs/new", **typed: str) -> str:
    answer = browser.post(path, {**TYPED, **typed})
    assert answer.status_code == 400
    assert not Job.objects.exists()
    return answer.content.decode()


def errors_of(page: str, name: str) -> str:
    found = re.search(rf'<ul class="errors" id="e-{name}">(.*?)</ul>', page, re.DOTALL)
    return found[1] if found else ""


@pytest.mark.django_db(transaction=True)
def test_a_job_is_made_as_the_api_would(reader: Client, user: User, announced: Announced) -> None:
    done = reader.post(
        "/jobs/new", {**TYPED, "name": "greet", "queue": "mail", "timeout": "7", "headers": '{"X-A": "1"}'}
    )
    job = Job.objects.select_related("queue").get()
    assert done.headers["Location"] == f"/jobs/{job.id}"
    assert (job.user_id, job.name, job.timeout_seconds, job.queue and job.queue.name) == (user.id, "greet", 7.0, "mail")
    assert (job.scheduled_at - NOON).total_seconds() == 600
    assert job.args["body"] == {"content": "Hi"}
    assert "description" not in job.args
    assert len(announced.queues) == 1


def test_a_schedule_is_made_and_shown(reader: Client) -> None:
    done = reader.post(
        "/schedules/new", {**TYPED, "schedule_in": "", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}
    )
    schedule = Schedule.objects.get()
    assert done.headers["Location"] == f"/schedules/{schedule.id}"
    assert schedule.frequency == {"cron": "0 9 * * 1-5"}


def test_each_mistake_stands_at_its_field_and_what_was_typed_stays(reader: Client) -> None:
    page = refused(reader, url="ftp://example.com", timeout="forever", headers="{", body='{"a": NaN}', name=ATTACK)
    for name in ("headers", "body"):
        assert errors_of(page, name), name
    page = refused(reader, url="ftp://example.com", timeout="forever", name=ATTACK)
    for name in ("url", "timeout"):
        assert errors_of(page, name), name
    assert 'value="ftp://example.com"' in page
    assert "<script>window" not in page


def test_a_mistake_in_json_says_its_line(reader: Client) -> None:
    assert "line 2" in errors_of(refused(reader, body='{"a": 1,\n"b" 2}'), "body")


@pytest.mark.parametrize("body", ['{"a": 1, "a": 2}', '"\\u0000"', '"\\ud800"', "[" * 101 + "]" * 101])
def test_json_is_as_strict_as_the_apis(reader: Client, body: str) -> None:
    assert errors_of(refused(reader, body=body), "body")


def test_a_schedule_has_to_say_how_often(reader: Client) -> None:
    assert "a schedule needs" in errors_of(refused(reader, "/schedules/new"), "cron")


def test_a_limit_is_said_in_words(reader: Client, settings: Settings) -> None:
    settings.BOOPER_MAX_WAITING_JOBS = 1
    reader.post("/jobs/new", TYPED)
    answer = reader.post("/jobs/new", TYPED)
    assert answer.status_code == 400
    assert "waiting_jobs" in answer.content.decode()
    assert Job.objects.count() == 1
    assert Usage.objects.exists()


def test_a_held_idempotency_key_leads_to_its_job(reader: Client) -> None:
    first = reader.post("/jobs/new", {**TYPED, "idempotency_key": "k"})
    second = reader.post("/jobs/new", {**TYPED, "idempotency_key": "k"}, follow=True)
    assert second.redirect_chain == [(first.headers["Location"], 302)]
    assert "waits already" in second.content.decode()


def test_the_preview_says_when_and_makes_nothing(reader: Client) -> None:
    part = reader.post("/schedules/preview", {"cron": "30 1 * * *", "timezone": "Europe/Berlin"}).content.decode()
    assert "At 01:30 every day, Europe/Berlin" in part
    assert part.count("<li>") == 5
    assert "curl" in part
    assert not Schedule.objects.exists()
    assert "write five" in reader.post("/schedules/preview", {"cron": "30 1"}).content.decode()


def test_a_duplicate_hides_secrets_and_keeps_them(reader: Client) -> None:
    args: dict[str, Any] = {
        "method": "post",
        "url": "https://example.com/hook",
        "headers": {"Authorization": "Bearer s3cretvalue", "X-A": "1"},
    }
    job = make_job(args=args)
    page = reader.get(f"/jobs/new?from={job.id}").content.decode()
    assert "s3cretvalue" not in page
    typed = {"method": "post", "url": "https://example.com/other", "from": str(job.id)}
    headers = '{"Authorization": "***", "X-A": "1"}'
    reader.post("/jobs/new", {**typed, "headers": headers})
    copy = Job.objects.latest("id")
    assert copy.id != job.id
    assert copy.args["headers"] == args["headers"]
    changed = reader.post("/jobs/new", {**typed, "headers": headers.replace("1", "2")})
    assert changed.status_code == 400
    assert "write it anew" in errors_of(changed.content.decode(), "headers")


def test_nobody_duplicates_a_strangers_job(reader: Client, stranger: Client) -> None:
    job = make_job()
    assert stranger.get(f"/jobs/new?from={job.id}").status_code == 404
    assert stranger.post("/jobs/new", {**TYPED, "from": str(job.id)}).status_code == 404
    assert Job.objects.count() == 1


def test_all_that_the_api_takes_can_be_typed(reader: Client) -> None:
    reader.post("/calendars", {"name": "off", "dates": "2026-03-09"})
    done = reader.post(
        "/schedules/new",
        {
            **TYPED, "schedule_in": "", "cron": "0 9 * * 1-5\r\n0 12 1,15 * *", "jitter": "30 seconds",
            "skip_on": "off", "overlap": "queue", "disable_after": "3", "expires_in": "1 hour",
            "tags": "billing, eu",
            "success_when": '{"status": [200, "3xx"]}', "idempotency_key": "daily", "on_conflict": "refuse",
        },
    )  # fmt: skip
    schedule = Schedule.objects.get()
    assert done.headers["Location"] == f"/schedules/{schedule.id}"
    asked = {name: schedule.args[name] for name in ("cron", "jitter", "skip_on", "overlap", "disable_after", "tags")}
    assert asked == {
        "cron": ["0 9 * * 1-5", "0 12 1,15 * *"], "jitter": "30 seconds", "skip_on": ["off"], "overlap": "queue",
        "disable_after": 3, "tags": ["billing", "eu"],
    }  # fmt: skip
    again = reader.get(f"/schedules/new?from={schedule.id}").content.decode()
    assert "0 9 * * 1-5\n0 12 1,15 * *</textarea>" in again
    assert 'value="billing, eu"' in again


@pytest.mark.parametrize(("body_format", "body"), [("text", "Hi {not json"), ("base64", "SGk="), ("form", '{"a": 1}')])
def test_a_body_is_typed_as_it_goes_out(reader: Client, body_format: str, body: str) -> None:
    reader.post("/jobs/new", {**TYPED, "body": body, "body_format": body_format})
    job = Job.objects.get()
    assert job.args["body"] == ({"a": 1} if body_format == "form" else body)
    again = reader.get(f"/jobs/new?from={job.id}").content.decode()
    assert f'<option value="{body_format}" selected>' in again


def test_a_calendar_that_is_not_there_is_refused_at_its_field(reader: Client) -> None:
    page = reader.post("/schedules/new", {**TYPED, "schedule_in": "", "cron": "0 9 * * *", "skip_on": "off"})
    assert page.status_code == 400
    assert "off" in errors_of(page.content.decode(), "skip_on")


def test_the_same_is_shown_as_code_beside_it(reader: Client) -> None:
    page = reader.post(
        "/jobs/preview", {**TYPED, "headers": '{"Authorization": "Bearer s3cretvalue"}'}
    ).content.decode()
    for words in ("curl http", "from booper import Scheduler", "booper run POST https://example.com/hook"):
        assert words in page
    assert "s3cretvalue" not in page
