"""Jobs that say how their body goes out and what is a success, and targets that say what is to become of them."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from booper.outcomes.outcome import Failure, Outcome, Response
from jobs.engine.stage import Finished
from jobs.models import Job, LogEvent, Schedule, User
from jobs.recurring import schedules
from jobs.running import attempts, transitions
from jobs.running import stage as running_stage
from tests.api import Api, data_of, pointers_of
from tests.factories import NOON, make_job, make_schedule
from tests.runs import answered, run_due, start_due

URL = "https://example.com/hook"


def _answer(value: Any, *, status: int = 200) -> Outcome:
    headers = (("Content-Type", "application/json"),)
    return Outcome(
        response=Response(status, headers, json.dumps(value).encode(), truncated=False), failure=None, duration_ms=30
    )


def _errors(job: Job) -> list[dict[str, Any]]:
    return [row.payload for row in LogEvent.objects.filter(job_id=job.id, event="job.error").order_by("id")]


@pytest.mark.parametrize(
    ("fields", "body", "content_type"),
    [
        ({"body": {"a": [1, 2]}}, b'{"a":[1,2]}', "application/json"),
        ({"body": {"a": [1, 2]}, "body_format": "form"}, b"a%5B%5D=1&a%5B%5D=2", "application/x-www-form-urlencoded"),
        ({"body": "Hi $job", "body_format": "TEXT"}, b"Hi $job", "text/plain; charset=utf-8"),
        ({"body": "AP8=", "body_format": "base64"}, b"\x00\xff", "application/octet-stream"),
        ({"body": "<a/>", "body_format": "text", "headers": {"content-type": "text/xml"}}, b"<a/>", "text/xml"),
    ],
)
def test_a_body_goes_out_in_its_format(api: Api, fields: dict[str, Any], body: bytes, content_type: str) -> None:
    data_of(api.post("/api/jobs", {"url": URL, "method": "post", **fields}), status=201)
    [started] = start_due(uuid4())
    assert started.request is not None
    sent = {name.lower(): value for name, value in started.request.headers}
    assert (started.request.body, sent["content-type"]) == (body, content_type)


def test_references_count_in_a_form_and_the_metadata_stay_out_of_it(user: User) -> None:
    args = {"url": URL, "body": {"who": "$job.name"}, "body_format": "form"}
    make_schedule(spec={"args": args, "name": "nightly"})
    Job.objects.filter(is_upcoming=True).update(is_upcoming=False)
    [started] = start_due(uuid4())
    assert started.request is not None
    assert started.request.body == b"who=nightly"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"body_format": "xml"}, "/body_format"),
        ({"body_format": "form", "body": [1]}, "/body"),
        ({"body_format": "text", "body": 5}, "/body"),
        ({"body_format": "base64", "body": "%%"}, "/body"),
        ({"success_when": {}}, "/success_when"),
        ({"success_when": []}, "/success_when"),
        ({"success_when": {"status": []}}, "/success_when/status"),
        ({"success_when": {"status": [200, "6xx"]}}, "/success_when/status/1"),
        ({"success_when": {"status": [True]}}, "/success_when/status/0"),
        ({"success_when": {"body_contains": ""}}, "/success_when/body_contains"),
        ({"success_when": {"within": 0}}, "/success_when/within"),
        ({"success_when": {"within": "soon"}}, "/success_when/within"),
        ({"success_when": {"statuses": [200]}}, "/success_when/statuses"),
    ],
)
def test_what_does_not_fit_is_refused(api: Api, fields: dict[str, Any], pointer: str) -> None:
    assert pointers_of(api.post("/api/jobs", {"url": URL, **fields})) == [pointer]
    assert not Job.objects.exists()


def test_a_format_that_the_body_of_before_does_not_fit_is_refused(api: Api, user: User) -> None:
    made = data_of(api.post("/api/jobs", {"url": URL, "body": {"a": 1}, "schedule_in": 60}), status=201)
    place = f"/api/jobs/{made['job_id']}"
    assert pointers_of(api.patch(place, {"body_format": "text"})) == ["/body"]
    changed = data_of(api.patch(place, {"body_format": "text", "body": "a"}))
    assert (changed["args"]["body_format"], changed["args"]["body"]) == ("text", "a")


def test_an_answer_that_is_not_what_was_expected_is_a_failed_attempt(user: User) -> None:
    job = make_job(user=user, max_attempts=1, args={"url": URL, "success_when": {"body": {"ok": True}}})
    run_due(_answer({"ok": False}))
    job.refresh_from_db()
    assert (job.state, job.error_code, job.error_status) == ("discarded", "unexpected_answer", 200)
    assert job.error_message == 'expected JSON that contains {"ok": true}, and it answered {"ok": false}'


def test_what_was_expected_is_a_success_whatever_its_status(user: User) -> None:
    job = make_job(user=user, args={"url": URL, "success_when": {"status": [404, 410]}})
    run_due(answered(410))
    job.refresh_from_db()
    assert job.state == "completed"


def test_a_target_may_fail_an_attempt_and_say_when_to_come_back(user: User) -> None:
    job = make_job(user=user, max_attempts=3)
    run_due(_answer({"$fail": "no stock", "$retry_in": 30, "$set": {"seen": 1}}))
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("retryable", "failed_by_target")
    assert job.scheduled_at == NOON + timedelta(seconds=30)


def test_a_wish_that_makes_no_sense_is_a_row_of_the_log_and_nothing_else(user: User) -> None:
    job = make_job(user=user)
    run_due(_answer({"$retry_in": "soon"}))
    job.refresh_from_db()
    [error] = _errors(job)
    assert (job.state, error["code"]) == ("completed", "steering_refused")
    assert error["message"].startswith("$retry_in can't be read")


@pytest.mark.parametrize(
    ("answer", "status", "state", "reason"),
    [
        ({"$stop": True}, 200, "completed", "its target ended it ($stop)"),
        ({"$pause": True}, 200, "completed", "its target paused it ($pause)"),
        ({"$stop": True}, 500, "discarded", "its target ended it ($stop)"),
        ({"$stop": True, "$set": {"n": 1}}, 200, "completed", "its target ended it ($stop)"),
    ],
)
def test_a_target_may_switch_off_its_schedule(
    user: User, answer: dict[str, Any], status: int, state: str, reason: str
) -> None:
    schedule = make_schedule()
    run = schedules.trigger(schedule, now=NOON)
    run_due(_answer(answer, status=status))
    run.refresh_from_db()
    schedule = Schedule.objects.get(id=schedule.id)
    assert (run.state, schedule.disabled_at, schedule.disabled_reason) == (state, NOON, reason)
    assert not Job.objects.filter(schedule_id=schedule.id, is_upcoming=True).exists()
    assert schedule.state == answer.get("$set", {})
    finished = LogEvent.objects.get(job_id=run.id, event="job.finished").payload
    assert finished["steered"] == [name for name in answer if name != "$set"]


@pytest.mark.parametrize("is_retried", [False, True])
def test_a_transfer_that_was_broken_off_is_told_also_when_its_job_was_retried_at_once(
    user: User, is_retried: bool
) -> None:
    job, worker_id = make_job(user=user, max_attempts=3), uuid4()
    [started] = start_due(worker_id)
    cancelled = transitions.cancel(job, now=NOON)
    assert cancelled is not None
    if is_retried:
        assert transitions.retry(cancelled, now=NOON) is not None
        start_due(uuid4())
    aborted = Outcome(response=None, failure=Failure("aborted", "it was broken off"), duration_ms=1)
    for _ in range(2):
        running_stage.record(worker_id, [Finished(started, aborted, is_unwanted=True)], now=NOON)
    assert [(row["code"], row["retry_at"]) for row in _errors(job)] == [("cancelled", None)]


def test_a_transfer_that_another_worker_took_over_is_told_by_that_one(user: User) -> None:
    job, worker_id = make_job(user=user, max_attempts=3), uuid4()
    [started] = start_due(worker_id)
    assert len(attempts.rescue(limit=10, now=NOON + timedelta(minutes=1))) == 1
    aborted = Outcome(response=None, failure=Failure("aborted", "it was broken off"), duration_ms=1)
    running_stage.record(worker_id, [Finished(started, aborted, is_unwanted=True)], now=NOON + timedelta(minutes=1))
    assert [row["code"] for row in _errors(job)] == ["lease_lost"]
