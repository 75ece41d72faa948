"""POST /api/jobs with cron or repeat_every: what is taken, when it runs first, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.models import Job, Schedule, User
from jobs.recurring import firing
from jobs.running import stage
from tests.api import FORM, Api, data_of, pointers_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON

REQUEST: dict[str, Any] = {"method": "post", "url": "https://example.com/hook", "body": {"content": "Hi"}}
MINUTE = timedelta(minutes=1)


def post(api: Api, *, status: int = 201, **fields: Any) -> Any:
    return data_of(api.post("/api/jobs", {**REQUEST, **fields}), status=status)


def test_the_answer_is_the_first_run(api: Api, user: User) -> None:
    data = post(api, cron="0 13 * * *", name="lunch")
    schedule = Schedule.objects.get()
    job = Job.objects.get()
    assert (data["id"], data["job_id"]) == (str(job.uuid), job.id)
    assert (data["schedule_id"], data["user_id"], data["name"]) == (str(schedule.id), str(user.id), "lunch")
    assert (data["job"]["state"], data["job"]["scheduled_at"]) == ("scheduled", "2026-03-01T13:00:00Z")
    assert data["args"] == {**REQUEST, "cron": "0 13 * * *", "name": "lunch"}
    assert data == data_of(api.get(f"/api/jobs/{job.id}"))
    assert PeriodicTask.objects.get(booper_schedule=schedule).crontab.hour == "13"


@pytest.mark.parametrize(
    ("fields", "first", "second"),
    [
        ({"repeat_every": 60}, NOON, NOON + MINUTE),
        ({"repeat_every": "90 seconds"}, NOON, NOON + 1.5 * MINUTE),
        (
            {"repeat_every": [2, "minutes"], "schedule_in": 10},
            NOON + timedelta(seconds=10),
            NOON + timedelta(seconds=130),
        ),
        (
            {"repeat_every": [1, "day"], "scheduled_at": "2026-03-28T09:00:00", "timezone": "Europe/London"},
            datetime(2026, 3, 28, 9, tzinfo=UTC),
            datetime(2026, 3, 29, 9, tzinfo=UTC),
        ),
        (
            {"repeat_every": [1, "month"], "scheduled_at": "2026-03-15T09:00:00", "timezone": "Europe/London"},
            datetime(2026, 3, 15, 9, tzinfo=UTC),
            datetime(2026, 4, 15, 8, tzinfo=UTC),
        ),
        ({"repeat_every": 60, "scheduled_at": "1999-01-01T00:00:00Z"}, NOON, NOON + MINUTE),
        ({"repeat_every": 60, "starts_at": "2026-03-01T12:30:00Z"}, NOON + 30 * MINUTE, NOON + 31 * MINUTE),
        ({"repeat_every": 60, "starts_at": 0}, NOON, NOON + MINUTE),
        ({"cron": "* * * * *"}, NOON + MINUTE, NOON + 2 * MINUTE),
        ({"cron": "30 12 * * *", "schedule_in": 0}, NOON, NOON + 30 * MINUTE),
        (
            {"cron": "0 9 * * MON", "timezone": "America/New_York"},
            datetime(2026, 3, 2, 14, tzinfo=UTC),
            datetime(2026, 3, 9, 13, tzinfo=UTC),
        ),
        (
            {"cron": "0 9 * * *", "starts_at": "2026-03-05T09:00:00", "timezone": "Asia/Kathmandu"},
            datetime(2026, 3, 5, 3, 15, tzinfo=UTC),
            datetime(2026, 3, 6, 3, 15, tzinfo=UTC),
        ),
    ],
)
def test_the_first_two_runs(api: Api, fields: dict[str, Any], first: datetime, second: datetime) -> None:
    post(api, **fields)
    firing.fire_due(limit=1, now=first)
    assert list(Job.objects.order_by("id").values_list("occurrence_at", flat=True)) == [first, second]


@pytest.mark.parametrize(
    ("fields", "frequency"),
    [
        ({"repeat_every": 90}, {"repeat_every": [90, "seconds"]}),
        ({"repeat_every": [2, "minute"]}, {"repeat_every": [2, "minutes"]}),
        ({"repeat_every": ["1.5", "Hours"]}, {"repeat_every": [1.5, "hours"]}),
        ({"cron": "0 9 * * MON,WED,FRI"}, {"cron": "0 9 * * MON,WED,FRI"}),
        ({"cron": "@daily"}, {"cron": "@daily"}),
    ],
)
def test_the_frequency_is_told_in_one_spelling(api: Api, fields: dict[str, Any], frequency: dict[str, Any]) -> None:
    schedule_id = post(api, **fields)["schedule_id"]
    assert data_of(api.get(f"/api/schedules/{schedule_id}"))["frequency"] == frequency


def test_a_form_makes_a_recurring_job_too(api: Api) -> None:
    form = (
        "url=https%3A%2F%2Fexample.com&repeat_every[]=2&repeat_every[]=minutes&max_runs=3&overlap=Skip"
        "&include_metadata=false&starts_at=2026-03-02"
    )
    data = data_of(api.post("/api/jobs", form, content_type=FORM), status=201)
    schedule = Schedule.objects.get()
    assert data["job"]["scheduled_at"] == "2026-03-02T00:00:00Z"
    assert schedule.frequency == {"repeat_every": [2, "minutes"]}
    assert (schedule.max_runs, schedule.overlap, schedule.include_metadata) == (3, "skip", False)


def test_the_fields_of_a_schedule_are_stored_as_they_were_understood(api: Api) -> None:
    post(
        api,
        cron="0 9 * * *",
        timezone="Europe/London",
        starts_at="2026-06-01T00:00:00",
        ends_at=1798761600,
        max_runs="7",
        overlap="skip",
        catch_up="SKIP",
        include_metadata=True,
    )
    schedule = Schedule.objects.get()
    assert (schedule.timezone, schedule.starts_at) == ("Europe/London", datetime(2026, 5, 31, 23, tzinfo=UTC))
    assert (schedule.ends_at, schedule.max_runs) == (datetime(2027, 1, 1, tzinfo=UTC), 7)
    assert (schedule.overlap, schedule.catch_up, schedule.include_metadata) == ("skip", "skip", True)
    assert schedule.anchor_at == datetime(2026, 6, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"cron": "0 9 * * *", "repeat_every": 60}, "/repeat_every", "one or the other"),
        ({"cron": "0 0 30 2 *"}, "/cron", "never matches"),
        ({"cron": "0 9 * *"}, "/cron", "4 fields"),
        ({"cron": ""}, "/cron", "0 fields"),
        ({"cron": "61 * * * *"}, "/cron", "out of range"),
        ({"cron": 5}, "/cron", "not a cron expression"),
        ({"cron": "* " * 300}, "/cron", "512"),
        ({"repeat_every": 0.5}, "/repeat_every", "too short"),
        ({"repeat_every": 0}, "/repeat_every", "too short"),
        ({"repeat_every": -1}, "/repeat_every", "negative"),
        ({"repeat_every": True}, "/repeat_every", "boolean"),
        ({"repeat_every": [11, "years"]}, "/repeat_every/0", "ten years"),
        ({"repeat_every": [5, "minuts"]}, "/repeat_every/1", 'did you mean "minutes"?'),
        ({"repeat_every": "often"}, "/repeat_every", "not a duration"),
        ({"cron": "0 9 * * *", "timezone": "Europe/Lodnon"}, "/timezone", 'did you mean "Europe/London"?'),
        ({"cron": "0 9 * * *", "schedule_in": 5, "scheduled_at": 5}, "/scheduled_at", "one or the other"),
        ({"cron": "0 9 * * *", "max_runs": 0}, "/max_runs", "from 1 to"),
        ({"cron": "0 9 * * *", "max_runs": 2**31}, "/max_runs", "from 1 to"),
        ({"cron": "0 9 * * *", "max_runs": 1.5}, "/max_runs", "whole number"),
        ({"cron": "0 9 * * *", "overlap": "sometimes"}, "/overlap", "allow, skip, queue, cancel"),
        ({"cron": "0 9 * * *", "catch_up": "all"}, "/catch_up", "latest, skip"),
        ({"cron": "0 9 * * *", "include_metadata": "yes"}, "/include_metadata", "write true or false"),
        ({"cron": "0 9 * * *", "include_metadata": 1}, "/include_metadata", "write true or false"),
        ({"cron": "0 9 * * *", "starts_at": "soon"}, "/starts_at", "not a moment"),
        ({"cron": "0 9 * * *", "ends_at": "2040-01-01"}, "/ends_at", "ten years"),
        ({"repeat_every": 60, "starts_at": 2e9, "ends_at": 2e9}, "/ends_at", "not after starts_at"),
        ({"repeat_every": 60, "ends_at": "2026-03-01T11:59:59Z"}, "/ends_at", "2026-03-01T12:00:00Z"),
        ({"cron": "0 9 * * *", "ends_at": "2026-03-02T08:59:59Z"}, "/ends_at", "2026-03-02T09:00:00Z"),
        ({"cron": "0 9 * * *", "schedule_in": 60, "ends_at": "2026-03-01T12:00:59Z"}, "/ends_at", "no run is left"),
        ({"starts_at": "2026-06-01"}, "/starts_at", "use scheduled_at"),
        ({"ends_at": "2026-06-01"}, "/ends_at", "add cron or repeat_every"),
        ({"max_runs": 5}, "/max_runs", "add cron or repeat_every"),
        ({"overlap": "skip"}, "/overlap", "add cron or repeat_every"),
        ({"catch_up": "skip"}, "/catch_up", "add cron or repeat_every"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(api: Api, fields: dict[str, Any], pointer: str, words: str) -> None:
    problem = problem_of(api.post("/api/jobs", {**REQUEST, **fields}), status=400)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["errors"][0]["detail"]
    assert not Schedule.objects.exists()
    assert not Job.objects.exists()


def test_all_that_is_wrong_with_a_schedule_is_said_at_once(api: Api) -> None:
    wrong = {"cron": "x", "repeat_every": 0, "max_runs": 0, "overlap": 1, "starts_at": "x", "timezone": "x", "url": 5}
    response = api.post("/api/jobs", {**REQUEST, **wrong})
    assert sorted(set(pointers_of(response))) == sorted(f"/{name}" for name in wrong)


def test_a_second_job_with_the_key_of_a_schedule_answers_its_upcoming_run(
    api: Api, stopped_clock: StoppedClock
) -> None:
    first = post(api, repeat_every=60, schedule_in=60, idempotency_key="k")
    again = post(api, status=200, repeat_every=30, idempotency_key="k")
    assert (again["id"], again["schedule_id"]) == (first["id"], first["schedule_id"])
    assert (again["job"]["has_confict"], again["job"]["has_conflict"]) == (True, True)
    stopped_clock.advance(seconds=60)
    firing.fire_due(limit=1, now=stopped_clock.moment)
    after_a_run = post(api, status=200, idempotency_key="k")
    assert after_a_run["schedule_id"] == first["schedule_id"]
    assert after_a_run["id"] != first["id"]
    assert Schedule.objects.count() == 1
    api.post(f"/api/schedules/{first['schedule_id']}/disable")
    assert post(api, repeat_every=30, idempotency_key="k")["schedule_id"] != first["schedule_id"]


def test_a_key_that_a_job_holds_makes_no_schedule(api: Api) -> None:
    job = post(api, schedule_in=60, idempotency_key="k")
    assert post(api, status=200, repeat_every=30, idempotency_key="k")["id"] == job["id"]
    assert not Schedule.objects.exists()
    assert not PeriodicTask.objects.filter(task="booper.fire_schedule").exists()


def test_a_first_run_that_is_due_is_announced_after_the_commit(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        data = post(api, repeat_every=60)
    assert data["job"]["state"] == "available"
    assert announced.jobs == []
    for callback in callbacks:
        callback()
    assert announced.jobs == [NOON]


def test_a_first_run_that_waits_is_for_beat_to_announce(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = post(api, repeat_every=60, schedule_in=5)
        data_of(api.patch(f"/api/jobs/{job['job_id']}", {"schedule_in": 7}))
    assert announced.jobs == []
    with django_capture_on_commit_callbacks(execute=True):
        data_of(api.post(f"/api/jobs/{job['job_id']}/run"))
    assert announced.jobs == [NOON]


def statements_of(api: Api, fields: dict[str, Any]) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        post(api, **fields)
    return [f"{query['sql'].split()[0]} {name}" for query in queries if (name := _table_of(query["sql"]))]


def _table_of(statement: str) -> str | None:
    names = ("beat_crontab", "beat_interval", "beat_periodictask", "jobs_schedule", "jobs_job", "jobs_queue")
    found = {name: place for name in names if (place := statement.find(name)) >= 0}
    return min(found, key=lambda name: found[name]) if found else None


def test_making_a_schedule_costs_four_inserts(api: Api) -> None:
    post(api)
    assert statements_of(api, {"cron": "0 9 * * *"}) == [
        "INSERT jobs_job",
        "INSERT beat_crontab",
        "INSERT beat_periodictask",
        "INSERT jobs_schedule",
    ]


def test_a_first_run_that_is_due_costs_five_statements_more(api: Api) -> None:
    post(api)
    assert statements_of(api, {"repeat_every": 60}) == [
        "INSERT jobs_job",
        "INSERT beat_interval",
        "INSERT beat_periodictask",
        "INSERT jobs_schedule",
        # It is handed over, and the second one written.
        "UPDATE jobs_job",
        "SELECT jobs_job",
        "INSERT jobs_job",
        "UPDATE jobs_schedule",
        "UPDATE beat_periodictask",
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("repeat_every=60", {"content", "$job", "$previous", "$state"}),
        ("repeat_every=60&include_metadata=false", {"content"}),
        ("repeat_every=60&include_metadata=True", {"content", "$job", "$previous", "$state"}),
        ("", {"content"}),
        ("include_metadata=true", {"content", "$job", "$previous", "$state"}),
        ("include_metadata=false", {"content"}),
    ],
)
def test_the_body_says_what_include_metadata_asks_for(api: Api, fields: str, expected: set[str]) -> None:
    form = f"method=post&url=https%3A%2F%2Fexample.com%2Fhook&body[content]=Hi&{fields}"
    data_of(api.post("/api/jobs", form, content_type=FORM), status=201)
    [started], _ = stage.claim(uuid4(), limit=10, is_crowded=False, now=NOON)
    assert started.request is not None
    assert set(json.loads(started.request.body or b"")) == expected


def test_refusing_a_schedule_costs_no_query(api: Api) -> None:
    post(api)
    with CaptureQueriesContext(connection) as queries:
        api.post("/api/jobs", {**REQUEST, "cron": "0 0 30 2 *"})
    assert len(queries) == 0


def test_cancelling_the_upcoming_run_ends_the_schedule(api: Api) -> None:
    job = post(api, cron="0 13 * * *")
    assert data_of(api.post(f"/api/jobs/{job['job_id']}/cancel"))["job"]["state"] == "cancelled"
    schedule = data_of(api.get(f"/api/schedules/{job['schedule_id']}"))
    assert (schedule["disabled_at"], schedule["next_run_at"]) == ("2026-03-01T12:00:00Z", None)
    problem_of(api.post(f"/api/jobs/{job['job_id']}/cancel"), status=409)


def test_cancelling_with_the_scope_run_skips_that_run_alone(api: Api) -> None:
    job = post(api, cron="0 13 * * *")
    assert data_of(api.post(f"/api/jobs/{job['job_id']}/cancel?scope=run"))["job"]["state"] == "cancelled"
    schedule = data_of(api.get(f"/api/schedules/{job['schedule_id']}"))
    assert (schedule["disabled_at"], schedule["next_run_at"]) == (None, "2026-03-02T13:00:00Z")
    [upcoming] = data_of(api.get(f"/api/jobs?schedule_id={job['schedule_id']}&state=scheduled"))
    assert upcoming["job"]["scheduled_at"] == "2026-03-02T13:00:00Z"


def test_the_runs_of_a_schedule_can_be_listed(api: Api) -> None:
    job = post(api, repeat_every=60)
    post(api)
    rows = data_of(api.get(f"/api/jobs?schedule_id={job['schedule_id']}"))
    assert [(row["schedule_id"], row["job"]["state"]) for row in rows] == [
        (job["schedule_id"], "scheduled"),
        (job["schedule_id"], "available"),
    ]
