"""PATCH /api/jobs/{id}: what of a waiting job becomes another, what is refused, and who wins against a claim."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.intake import job_changes
from jobs.models import Job, LogEvent, Queue, User
from jobs.queues import ids
from jobs.recurring import firing
from jobs.running import attempts, transitions
from tests.api import FORM, Api, data_of, pointers_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_job, make_user
from tests.runs import answered, run_due, start_due

ON_POSTGRESQL = "postgresql" in settings.DATABASES["default"]["ENGINE"]
URL = "https://example.com/hook"
LATER = NOON + timedelta(hours=1)
REQUEST: dict[str, Any] = {"method": "post", "url": URL, "body": {"content": "Hi"}}
DELAYED = {**REQUEST, "schedule_in": [1, "hour"]}
NEW: dict[str, Any] = {
    "name": "new",
    "description": "another one",
    "method": "PUT",
    "url": "HTTPS://B.example",
    "query": {"page": 2},
    "headers": {"X-B": "2"},
    "body": ["new"],
    "timeout": 7,
    "max_attempts": 9,
    "backoff": [5, [1, "minutes"]],
    "callback_url": "https://b.example/done",
    "webhook_url": "https://b.example/events",
    "include_metadata": True,
}
COLUMNS = {
    "name": "new",
    "description": "another one",
    "method": "put",
    "url": "https://b.example/",
    "timeout_seconds": 7,
    "max_attempts": 9,
    "backoff_seconds": [5, 60],
    "callback_url": "https://b.example/done",
    "webhook_url": "https://b.example/events",
}


def make(api: Api, **fields: Any) -> str:
    """The path of a job that waits for an hour unless the fields say otherwise."""
    return f"/api/jobs/{data_of(api.post('/api/jobs', {**DELAYED, **fields}), status=201)['job_id']}"


def row_of(path: str) -> Job:
    return Job.objects.get(id=int(path.rpartition("/")[2]))


def values_of(path: str) -> dict[str, Any]:
    [values] = Job.objects.filter(id=row_of(path).id).values()
    return dict(values)


def bodies_sent(*, now: datetime = NOON) -> list[bytes | None]:
    return [item.request.body for item in start_due(uuid4(), now=now) if item.request is not None]


def test_all_that_can_be_edited_takes_the_place_of_what_was_there(api: Api) -> None:
    path = make(api, name="old", timeout=5, headers={"X-A": "1"})
    before = values_of(path)
    changed = data_of(api.patch(path, NEW))
    assert changed["args"] == {**DELAYED, **NEW}
    assert (changed["name"], changed["description"]) == ("new", "another one")
    assert changed == data_of(api.get(path))
    assert values_of(path) == {**before, **COLUMNS, "args": {**DELAYED, **NEW}}
    assert LogEvent.objects.count() == 0


def test_null_takes_away_what_was_there(api: Api) -> None:
    path = make(api, **NEW)
    kept = ("url", "max_attempts")
    changed = data_of(api.patch(path, {name: None for name in NEW if name not in kept}))
    assert changed["args"] == {"url": NEW["url"], "max_attempts": 9, "schedule_in": [1, "hour"]}
    job = row_of(path)
    assert (job.name, job.callback_url, job.webhook_url, job.backoff_seconds) == (None, None, None, None)
    assert (job.method, job.timeout_seconds, job.max_attempts) == ("get", settings.DEFAULT_TIMEOUT_SECONDS, 9)


def test_a_field_that_is_not_sent_stays(api: Api, settings: Any) -> None:
    path = make(api, name="old")
    settings.DEFAULT_TIMEOUT_SECONDS = 99
    before = values_of(path)
    data_of(api.patch(path, {"description": "x"}))
    assert values_of(path) == {**before, "description": "x", "args": {**before["args"], "description": "x"}}


def test_body_and_time_are_edited_together_and_announced(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    path = make(api)
    with django_capture_on_commit_callbacks(execute=True):
        changed = data_of(api.patch(path, {"body": {"content": "Hello"}, "scheduled_at": "2026-03-01T12:30:00Z"}))
    assert changed["args"] == {**REQUEST, "body": {"content": "Hello"}, "scheduled_at": "2026-03-01T12:30:00Z"}
    assert changed["job"]["scheduled_at"] == "2026-03-01T12:30:00Z"
    assert announced.jobs == [NOON + timedelta(minutes=30)]


def test_a_time_without_an_offset_is_read_in_the_zone_of_the_job_or_in_the_one_that_is_sent(api: Api) -> None:
    path = make(api, timezone="Asia/Kathmandu")
    local = {"scheduled_at": "2026-07-01T12:00"}
    changed = data_of(api.patch(path, local))
    assert changed["job"]["scheduled_at"] == "2026-07-01T06:15:00Z"
    assert changed["args"] == {**REQUEST, **local, "timezone": "Asia/Kathmandu"}
    assert data_of(api.patch(path, {**local, "timezone": None}))["job"]["scheduled_at"] == "2026-07-01T12:00:00Z"
    london = data_of(api.patch(path, {**local, "timezone": "Europe/London"}))
    assert london["job"]["scheduled_at"] == "2026-07-01T11:00:00Z"


def test_without_a_new_time_the_old_one_stays_whatever_it_was_written_as(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api)
    stopped_clock.advance(minutes=50)
    changed = data_of(api.patch(path, {"name": "x", "schedule_in": None}))
    assert changed["job"]["scheduled_at"] == "2026-03-01T13:00:00Z"
    assert changed["args"] == {**REQUEST, "name": "x"}


def test_a_change_by_form_is_taken_too(api: Api) -> None:
    path = make(api)
    changed = data_of(api.call("PATCH", path, "body[content]=Hello&max_attempts=3", content_type=FORM))
    assert changed["args"] == {**DELAYED, "body": {"content": "Hello"}, "max_attempts": "3"}
    assert row_of(path).max_attempts == 3


def test_a_job_that_is_available_sends_what_it_was_edited_to(api: Api) -> None:
    path = make(api, schedule_in=0)
    assert data_of(api.patch(path, {"body": {"content": "Hello"}}))["job"]["state"] == "available"
    assert bodies_sent() == [b'{"content":"Hello"}']


def test_a_retryable_job_is_edited_and_goes_on_with_its_attempts(api: Api) -> None:
    path = make(api, schedule_in=0, max_attempts=3)
    run_due(answered(500))
    before = values_of(path)
    assert before["state"] == "retryable"
    data_of(api.patch(path, {"body": "new"}))
    assert values_of(path) == {**before, "args": {**before["args"], "body": "new"}}


@pytest.mark.parametrize("max_attempts", [1, 2])
def test_no_fewer_attempts_can_be_had_than_are_made(api: Api, max_attempts: int) -> None:
    path = make(api, schedule_in=0)
    for _ in range(2):
        run_due(answered(500), now=row_of(path).scheduled_at)
    problem = problem_of(api.patch(path, {"max_attempts": max_attempts}), status=400)
    assert problem["errors"][0]["pointer"] == "/max_attempts"
    assert "2 made already" in problem["errors"][0]["detail"]
    data_of(api.patch(path, {"max_attempts": 3}))
    assert row_of(path).max_attempts == 3


def test_the_attempts_that_a_retry_gave_stay_unless_they_are_edited(api: Api) -> None:
    path = make(api, schedule_in=0, max_attempts=1)
    run_due(answered(500))
    data_of(api.post(f"{path}/retry"))
    data_of(api.patch(path, {"name": "x"}))
    assert (row_of(path).attempt, row_of(path).max_attempts) == (1, 2)


@pytest.mark.parametrize("body", [{}, {"timezone": "UTC"}, {"schedule_in": None, "scheduled_at": None}])
def test_there_has_to_be_something_to_change(api: Api, body: Any) -> None:
    path = make(api)
    assert pointers_of(api.patch(path, body)) == [""]


def test_all_that_is_wrong_is_refused_at_once_and_nothing_changes(api: Api) -> None:
    path = make(api)
    before = values_of(path)
    wrong = {
        "name": 5,
        "url": None,
        "headers": {"Host": "x"},
        "timeout": 0,
        "bodi": {},
        "timezone": "Europe/London",
        "backoff": [5, "minuts"],
        "queue": "a b",
    }
    problem = problem_of(api.patch(path, wrong), status=400)
    told = {error["pointer"]: error["detail"] for error in problem["errors"]}
    assert set(told) == {"/name", "/url", "/headers/Host", "/timeout", "/bodi", "/timezone", "/backoff", "/queue"}
    assert "did you mean body?" in told["/bodi"]
    assert "required" in told["/url"]
    assert "schedule_in or scheduled_at" in told["/timezone"]
    assert values_of(path) == before
    assert not Queue.objects.exists()


@pytest.mark.parametrize("field", ["idempotency_key", "cron", "repeat_every", "ends_at", "max_runs", "overlap"])
def test_what_is_settled_when_a_job_is_made_is_refused_with_the_remedy(api: Api, field: str) -> None:
    path = make(api)
    for value in ("x", None):
        [error] = problem_of(api.patch(path, {field: value, "name": "x"}), status=400)["errors"]
        assert error["pointer"] == f"/{field}"
        assert "create another one" in error["detail"]


@pytest.mark.parametrize("state", ["executing", "completed", "cancelled", "discarded"])
def test_a_job_that_does_not_wait_is_not_edited(api: Api, state: str) -> None:
    path = make(api, schedule_in=0, max_attempts=1)
    if state == "cancelled":
        api.post(f"{path}/cancel")
    elif state == "executing":
        start_due(uuid4())
    else:
        run_due(answered(200 if state == "completed" else 500))
    before = values_of(path)
    problem = problem_of(api.patch(path, {"body": "new"}), status=409)
    assert problem["detail"].endswith(f"is {state} and can't be rescheduled or edited: it is not waiting")
    assert values_of(path) == before


def test_somebody_elses_job_is_not_there(api: Api, other_api: Api) -> None:
    problem_of(other_api.patch(make(api), {"name": "x"}), status=404)


def test_a_job_is_moved_to_another_queue_or_out_of_all(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    path = make(api)
    with django_capture_on_commit_callbacks(execute=True):
        assert data_of(api.patch(path, {"queue": "mail"}))["args"] == {**DELAYED, "queue": "mail"}
    queue = Queue.objects.get(name="mail")
    assert (row_of(path).queue_id, queue.ready_at, announced.queues) == (queue.id, LATER, [LATER])
    data_of(api.patch(path, {"name": "x"}))
    assert row_of(path).queue_id == queue.id
    assert data_of(api.patch(path, {"queue": None}))["args"] == {**DELAYED, "name": "x"}
    assert row_of(path).queue_id is None


# The runs of schedules


def test_of_a_schedule_the_upcoming_run_alone_is_edited(api: Api) -> None:
    made = data_of(api.post("/api/jobs", {**REQUEST, "cron": "0 13 * * *", "timezone": "Europe/London"}), status=201)
    schedule = data_of(api.get(f"/api/schedules/{made['schedule_id']}"))
    path = f"/api/jobs/{made['job_id']}"
    changed = data_of(api.patch(path, {"body": {"content": "once"}, "scheduled_at": "2026-03-01T12:30:00"}))
    assert (changed["args"]["body"], changed["args"]["cron"]) == ({"content": "once"}, "0 13 * * *")
    moved = {**schedule, "next_run_at": "2026-03-01T12:30:00Z"}
    assert data_of(api.get(f"/api/schedules/{made['schedule_id']}")) == moved
    half_past = NOON + timedelta(minutes=30)
    assert firing.fire_due(limit=1, now=half_past) == 1
    [body] = bodies_sent(now=half_past)
    assert b'"content":"once"' in (body or b"")
    following = Job.objects.get(is_upcoming=True)
    assert (following.args, following.scheduled_at) == (schedule["args"], NOON + timedelta(days=1, hours=1))


def test_a_change_of_the_schedule_takes_the_place_of_an_edit_of_its_run(api: Api) -> None:
    made = data_of(api.post("/api/jobs", {**REQUEST, "cron": "0 13 * * *"}), status=201)
    data_of(api.patch(f"/api/jobs/{made['job_id']}", {"body": "once", "name": "once"}))
    changed = data_of(api.patch(f"/api/schedules/{made['schedule_id']}", {"timeout": 5}))
    assert data_of(api.get(f"/api/jobs/{made['job_id']}"))["args"] == changed["args"]


@pytest.mark.parametrize("field", ["idempotency_key", "cron", "repeat_every", "max_runs", "overlap", "catch_up"])
def test_what_is_the_schedules_is_refused_for_one_run_and_points_there(api: Api, field: str) -> None:
    made = data_of(api.post("/api/jobs", {**REQUEST, "cron": "0 13 * * *"}), status=201)
    [error] = problem_of(api.patch(f"/api/jobs/{made['job_id']}", {field: None, "name": "x"}), status=400)["errors"]
    assert error["pointer"] == f"/{field}"
    assert error["detail"].endswith(f"PATCH /api/schedules/{made['schedule_id']}")


# At the same moment


def test_a_claim_between_reading_and_writing_wins(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(api, schedule_in=0)

    def overtaken(specs: Any, **_: Any) -> Any:
        attempts.claim(uuid4(), limit=1, now=NOON)
        return specs

    monkeypatch.setattr(ids, "placed", overtaken)
    assert "is executing" in problem_of(api.patch(path, {"body": "new", "name": "new"}), status=409)["detail"]
    job = row_of(path)
    assert (job.args["body"], job.name) == ({"content": "Hi"}, None)


def test_of_two_edits_at_once_none_is_lost(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(api)
    placed = ids.placed

    def overtaken(specs: Any, **how: Any) -> Any:
        monkeypatch.setattr(ids, "placed", placed)
        data_of(api.patch(path, {"body": "theirs", "name": "theirs"}))
        return placed(specs, **how)

    monkeypatch.setattr(ids, "placed", overtaken)
    changed = data_of(api.patch(path, {"name": "mine"}))
    assert (changed["args"], changed["name"]) == ({**DELAYED, "body": "theirs", "name": "mine"}, "mine")


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer at a time, and no locks of rows")
@pytest.mark.django_db(transaction=True)
def test_a_claim_passes_over_a_job_that_is_being_edited_and_then_has_all_of_the_edit() -> None:
    job = make_job(user=make_user())
    during: list[Any] = []

    def claim_elsewhere() -> None:
        try:
            during.append(attempts.claim(uuid4(), limit=1, now=NOON))
        finally:
            connection.close()

    def edited(locked: Job) -> Any:
        elsewhere = threading.Thread(target=claim_elsewhere)
        elsewhere.start()
        elsewhere.join(timeout=30)
        return job_changes.edited(locked, {"body": "new", "name": "new", "timeout": 7}, now=NOON)

    assert transitions.edit(job, edited, queue_id=None, now=NOON) is not None
    assert during == [[]]
    [claimed] = attempts.claim(uuid4(), limit=1, now=NOON)
    assert (claimed.args["body"], claimed.name, claimed.timeout_seconds) == ("new", "new", 7)


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer at a time, and no locks of rows")
@pytest.mark.django_db(transaction=True)
def test_an_edit_that_waits_for_a_claim_finds_the_job_gone() -> None:
    job = make_job(user=make_user())
    is_claimed, outcomes = threading.Event(), list[Any]()

    def edit_elsewhere(change: Callable[[Job], Any]) -> None:
        try:
            assert is_claimed.wait(timeout=30)
            outcomes.append(transitions.edit(job, change, queue_id=None, now=NOON))
        finally:
            connection.close()

    def edited(locked: Job) -> Any:
        return job_changes.edited(locked, {"body": "new"}, now=NOON)

    elsewhere = threading.Thread(target=edit_elsewhere, args=(edited,))
    elsewhere.start()
    with transaction.atomic():
        [claimed] = attempts.claim(uuid4(), limit=1, now=NOON)
        is_claimed.set()
    elsewhere.join(timeout=30)
    assert outcomes == [None]
    assert Job.objects.get().args == claimed.args


def test_an_edit_costs_a_fixed_number_of_queries(api: Api, user: User) -> None:
    path = make(api)

    def cost(changes: dict[str, Any]) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            data_of(api.patch(path, changes))
        return [query["sql"].split()[0] for query in queries if "SAVEPOINT" not in query["sql"]]

    api.get("/api/jobs")
    # Found, locked, written, read again.
    assert cost({"name": "x"}) == cost({**NEW, "schedule_in": 5}) == ["SELECT", "SELECT", "UPDATE", "SELECT"]
    assert len(cost({"queue": "mail"})) == 10
    # The queue is told that something is due in it.
    assert cost({"name": "y"}) == ["SELECT", "SELECT", "UPDATE", "SELECT", "UPDATE"]
