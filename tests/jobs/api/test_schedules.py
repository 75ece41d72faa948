"""/api/schedules: list, get, change, pause, resume, run once more, delete; and whose schedules they are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.models import Delivery, Job, LogEvent, Queue, User
from jobs.queues import ids as queues_ids
from jobs.recurring import beat_edits, beat_entries, firing
from tests.api import FORM, Api, data_of, pointers_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON

REQUEST: dict[str, Any] = {"method": "post", "url": "https://example.com/hook", "body": {"content": "Hi"}}
DAILY = {**REQUEST, "cron": "0 13 * * *"}
TOMORROW = "2026-03-02T13:00:00Z"


def make(api: Api, **fields: Any) -> str:
    """The path of a schedule, daily at 13:00 unless the fields say otherwise."""
    body = {**(REQUEST if "repeat_every" in fields else DAILY), **fields}
    return f"/api/schedules/{data_of(api.post('/api/jobs', body), status=201)['schedule_id']}"


def ids_of(response: Any) -> list[str]:
    return [row["id"] for row in data_of(response)]


def upcoming() -> Job:
    return Job.objects.get(is_upcoming=True)


def test_a_schedule_is_answered_as_the_contract_has_it(api: Api, user: User) -> None:
    asked = {
        **REQUEST,
        "repeat_every": [2, "minute"],
        "schedule_in": 60,
        "name": "poll",
        "description": "every now and then",
        "ends_at": "2026-04-01T00:00:00+02:00",
        "max_runs": 100,
    }
    job = data_of(api.post("/api/jobs", asked), status=201)
    assert data_of(api.get(f"/api/schedules/{job['schedule_id']}")) == {
        "id": job["schedule_id"],
        "key": None,
        "managed_by": None,
        "name": "poll",
        "description": "every now and then",
        "inserted_at": "2026-03-01T12:00:00Z",
        "disabled_at": None,
        "disabled_reason": None,
        "user_id": str(user.id),
        "frequency": {"repeat_every": [2, "minutes"]},
        "timezone": "UTC",
        "starts_at": None,
        "ends_at": "2026-03-31T22:00:00Z",
        "max_runs": 100,
        "run_count": 0,
        "next_run_at": "2026-03-01T12:01:00Z",
        "overlap": "allow",
        "catch_up": "latest",
        "include_metadata": None,
        "disable_after": None,
        "jitter": None,
        "state": {},
        "previous": {},
        "args": asked,
    }


def test_schedules_are_listed_newest_first_ten_at_a_time(api: Api) -> None:
    ids = [make(api).rpartition("/")[2] for _ in range(12)]
    assert ids_of(api.get("/api/schedules")) == ids[:1:-1]
    assert ids_of(api.get("/api/schedules?offset=10")) == [ids[1], ids[0]]
    assert ids_of(api.get("/api/schedules/?limit=2&offset=1")) == [ids[10], ids[9]]


def test_a_listed_schedule_is_the_one_that_is_got(api: Api) -> None:
    path = make(api)
    [listed] = data_of(api.get("/api/schedules"))
    assert listed == data_of(api.get(path))
    assert listed["next_run_at"] == "2026-03-01T13:00:00Z"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("order_by=inserted_at,asc", [0, 1, 2]),
        ("order_by[]=name&order_by[]=asc", [2, 0, 1]),
        ("order_by=" + quote(json.dumps(["name", "desc"])), [0, 2, 1]),
        ("order_by=" + quote(json.dumps({"id": "desc"})), [2, 1, 0]),
        ("order_by=run_count,desc", [2, 1, 0]),
        ("order_by=disabled_at,asc", [0, 1, 2]),
    ],
)
def test_the_order_may_be_written_in_three_ways(api: Api, order: str, expected: list[int]) -> None:
    ids = [make(api, name=name).rpartition("/")[2] for name in ("b", None, "a")]
    assert [ids.index(each) for each in ids_of(api.get(f"/api/schedules?{order}"))] == expected


@pytest.mark.parametrize("query", ["order_by=frequency,asc", "limit=0", "limit=101", "offset=-1", "state=x", "lmit=5"])
def test_a_list_is_as_strict_as_that_of_jobs(api: Api, query: str) -> None:
    assert pointers_of(api.get(f"/api/schedules?{query}")) == ["/" + query.partition("=")[0]]


def test_a_list_costs_two_queries_however_long(api: Api) -> None:
    for _ in range(5):
        path = make(api)
    for asked in ("/api/schedules", "/api/schedules?limit=2", path):
        with CaptureQueriesContext(connection) as queries:
            data_of(api.get(asked))
        assert len(queries) == 2


def test_only_ones_own_schedules_are_there(api: Api, other_api: Api) -> None:
    path = make(api)
    assert data_of(other_api.get("/api/schedules")) == []
    assert data_of(other_api.get(f"/api/jobs?schedule_id={path.rpartition('/')[2]}")) == []
    for method, body in (("GET", None), ("PATCH", {"name": "mine now"}), ("DELETE", None)):
        problem_of(other_api.call(method, path, body), status=404)
    for verb in ("disable", "enable", "trigger"):
        problem_of(other_api.post(f"{path}/{verb}"), status=404)
    assert (data_of(api.get(path))["name"], data_of(api.get(path))["disabled_at"]) == (None, None)


@pytest.mark.parametrize("schedule_id", ["A", "new", "%00", "{id}", "0193F2C46A1E7B3D9C410F5B9A6C1D22", "x" * 300])
def test_what_is_neither_uuid_nor_key_names_nothing_and_costs_no_query(api: Api, schedule_id: str) -> None:
    api.get("/api/schedules")
    with CaptureQueriesContext(connection) as queries:
        problem_of(api.get(f"/api/schedules/{quote(schedule_id, safe='%')}"), status=404)
    assert len(queries) == 0


def test_a_uuid_of_nothing_names_nothing(api: Api) -> None:
    for method, verb in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/disable"), ("POST", "/trigger")):
        body = {"name": "x"} if method == "PATCH" else None
        problem_of(api.call(method, f"/api/schedules/{uuid4()}{verb}", body), status=404)


def test_methods_that_are_not_there_are_refused(api: Api) -> None:
    path = make(api)
    for method, each in (("POST", "/api/schedules"), ("GET", f"{path}/trigger"), ("POST", path)):
        problem_of(api.call(method, each, {}), status=405)


# Pause, resume, delete, run once more


def test_a_disabled_schedule_has_no_run_to_come_and_an_enabled_one_has(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api)
    disabled = data_of(api.post(f"{path}/disable"))
    assert (disabled["disabled_at"], disabled["next_run_at"]) == ("2026-03-01T12:00:00Z", None)
    assert data_of(api.get("/api/jobs?state=scheduled")) == []
    stopped_clock.advance(days=3)
    enabled = data_of(api.post(f"{path}/enable"))
    assert (enabled["disabled_at"], enabled["next_run_at"]) == (None, "2026-03-04T13:00:00Z")


def test_enabling_at_once_after_disabling_keeps_the_next_run(api: Api) -> None:
    path = make(api)
    api.post(f"{path}/disable")
    assert data_of(api.post(f"{path}/enable"))["next_run_at"] == "2026-03-01T13:00:00Z"


def test_disabling_and_enabling_twice_is_the_same_as_once(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api)
    first = data_of(api.post(f"{path}/disable"))
    stopped_clock.advance(minutes=1)
    assert data_of(api.post(f"{path}/disable")) == first
    enabled = data_of(api.post(f"{path}/enable"))
    assert data_of(api.post(f"{path}/enable")) == enabled
    assert Job.objects.filter(is_upcoming=True).count() == 1


def test_a_schedule_that_has_run_its_runs_cannot_be_enabled(api: Api) -> None:
    path = make(api, repeat_every=60, max_runs=1)
    assert data_of(api.get(path))["disabled_at"] == "2026-03-01T12:00:00Z"
    problem = problem_of(api.post(f"{path}/enable"), status=409)
    assert "can't be enabled: all of its 1 runs are done: raise max_runs first" in problem["detail"]


def test_a_schedule_whose_end_has_come_cannot_be_enabled(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api, ends_at="2026-03-05T00:00:00Z")
    api.post(f"{path}/disable")
    stopped_clock.advance(days=9)
    assert "no run left before ends_at" in problem_of(api.post(f"{path}/enable"), status=409)["detail"]


def test_a_schedule_whose_key_another_job_holds_cannot_be_enabled(api: Api) -> None:
    path = make(api, idempotency_key="k")
    api.post(f"{path}/disable")
    make(api, idempotency_key="k")
    assert "another job holds its idempotency key 'k'" in problem_of(api.post(f"{path}/enable"), status=409)["detail"]


def test_a_deleted_schedule_is_gone_and_its_jobs_are_not(api: Api) -> None:
    path = make(api, repeat_every=60)
    deleted = data_of(api.call("DELETE", path))
    assert (deleted["disabled_at"], deleted["next_run_at"]) == ("2026-03-01T12:00:00Z", None)
    problem_of(api.get(path), status=404)
    problem_of(api.call("DELETE", path), status=404)
    problem_of(api.post(f"{path}/enable"), status=404)
    assert data_of(api.get("/api/schedules")) == []
    rows = data_of(api.get(f"/api/jobs?schedule_id={deleted['id']}"))
    assert [row["job"]["state"] for row in rows] == ["cancelled", "available"]
    assert not PeriodicTask.objects.filter(task="booper.fire_schedule").exists()


@pytest.mark.parametrize("end", ["disable", "delete", "cancel"])
def test_the_webhook_is_told_of_the_run_that_will_not_be(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, end: str
) -> None:
    path = make(api, webhook_url="https://example.com/events")
    calls: dict[str, Callable[[], Any]] = {
        "disable": lambda: api.post(f"{path}/disable"),
        "delete": lambda: api.call("DELETE", path),
        "cancel": lambda: api.post(f"/api/jobs/{upcoming().id}/cancel"),
    }
    with django_capture_on_commit_callbacks(execute=True):
        data_of(calls[end]())
    assert announced.deliveries == [NOON]
    assert Delivery.objects.get().event == "job.finished"


def test_ending_what_has_ended_or_has_no_webhook_tells_nobody(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    path, other = make(api), make(api, webhook_url="https://example.com/events")
    api.post(f"{other}/disable")
    announced.deliveries.clear()
    with django_capture_on_commit_callbacks(execute=True):
        api.post(f"{path}/disable")
        api.post(f"{other}/disable")
    assert announced.deliveries == []


def test_a_trigger_is_one_more_run_right_now(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    path = make(api, idempotency_key="k", name="report")
    with django_capture_on_commit_callbacks(execute=True):
        response = api.post(f"{path}/trigger")
    job = data_of(response, status=201)
    assert response.headers["Location"] == f"/api/jobs/{job['job_id']}"
    assert (job["schedule_id"], job["name"], job["idempotency_key"]) == (path.rpartition("/")[2], "report", None)
    assert (job["job"]["state"], job["job"]["scheduled_at"]) == ("available", "2026-03-01T12:00:00Z")
    assert announced.jobs == [NOON]
    schedule = data_of(api.get(path))
    assert (schedule["next_run_at"], schedule["run_count"]) == ("2026-03-01T13:00:00Z", 0)


def test_a_disabled_schedule_can_be_triggered(api: Api) -> None:
    path = make(api)
    api.post(f"{path}/disable")
    assert data_of(api.post(f"{path}/trigger"), status=201)["job"]["state"] == "available"
    assert data_of(api.get(path))["disabled_at"] is not None


def test_of_two_edits_at_once_none_is_lost(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(api)
    placed = queues_ids.placed

    def overtaken(specs: Any, **how: Any) -> Any:
        monkeypatch.setattr(queues_ids, "placed", placed)
        data_of(api.patch(path, {"body": "theirs", "name": "theirs", "queue": "theirs"}))
        return placed(specs, **how)

    monkeypatch.setattr(queues_ids, "placed", overtaken)
    changed = data_of(api.patch(path, {"name": "mine"}))
    assert (changed["name"], changed["args"]["body"], changed["args"]["queue"]) == ("mine", "theirs", "theirs")
    job = upcoming()
    assert (job.name, job.args["body"]) == ("mine", "theirs")
    assert job.queue_id == Queue.objects.get(name="theirs").id


def test_each_call_costs_a_fixed_number_of_queries(api: Api) -> None:
    def costs() -> dict[str, int]:
        path, found = make(api), {}
        for name, call in {
            "patch": lambda: api.patch(path, {"name": "x"}),
            "move": lambda: api.patch(path, {"cron": "0 14 * * *"}),
            "trigger": lambda: api.post(f"{path}/trigger"),
            "disable": lambda: api.post(f"{path}/disable"),
            "enable": lambda: api.post(f"{path}/enable"),
            "delete": lambda: api.call("DELETE", path),
        }.items():
            with CaptureQueriesContext(connection) as queries:
                assert call().status_code in (200, 201)
            found[name] = sum("SAVEPOINT" not in query["sql"] for query in queries)
        return found

    make(api)
    assert costs() == {"patch": 12, "move": 14, "trigger": 2, "disable": 9, "enable": 9, "delete": 16}
    for _ in range(5):
        make(api)
    assert costs() == {"patch": 12, "move": 14, "trigger": 2, "disable": 9, "enable": 9, "delete": 16}


# Changes


def test_a_change_takes_the_place_of_what_was_there(api: Api) -> None:
    path = make(api, name="old", timeout=5, headers={"X-A": "1"})
    changed = data_of(
        api.patch(path, {"name": "new", "headers": {"X-B": "2"}, "timeout": None, "url": "HTTPS://B.example"})
    )
    assert changed["name"] == "new"
    assert changed["args"] == {**DAILY, "name": "new", "headers": {"X-B": "2"}, "url": "HTTPS://B.example"}
    assert changed == data_of(api.get(path))
    job = upcoming()
    assert (job.name, job.url, job.timeout_seconds, job.args) == ("new", "https://b.example/", 30, changed["args"])
    assert changed["next_run_at"] == "2026-03-01T13:00:00Z"


def test_a_change_by_form_is_taken_too(api: Api) -> None:
    path = make(api)
    response = api.call("PATCH", path, "cron=0+15+*+*+*&max_runs=9", content_type=FORM)
    assert (data_of(response)["frequency"], data_of(response)["max_runs"]) == ({"cron": "0 15 * * *"}, 9)


def test_a_run_that_has_begun_goes_on_as_it_was(api: Api) -> None:
    path = make(api, repeat_every=60)
    api.patch(path, {"url": "https://other.example/"})
    urls = Job.objects.order_by("id").values_list("url", flat=True)
    assert list(urls) == ["https://example.com/hook", "https://other.example/"]


def test_cron_takes_the_place_of_an_interval_and_the_other_way_round(api: Api) -> None:
    path = make(api)
    changed = data_of(api.patch(path, {"repeat_every": [10, "minutes"]}))
    assert changed["frequency"] == {"repeat_every": [10, "minutes"]}
    assert "cron" not in changed["args"]
    # The grid of an interval hangs on the first run, which was to be at 13:00.
    assert changed["next_run_at"] == "2026-03-01T13:00:00Z"
    interval = PeriodicTask.objects.get(task="booper.fire_schedule").interval
    assert (interval.every, interval.period) == (10, "minutes")
    back = data_of(api.patch(path, {"cron": "*/7 * * * *", "repeat_every": None}))
    assert (back["frequency"], back["next_run_at"]) == ({"cron": "*/7 * * * *"}, "2026-03-01T12:07:00Z")
    assert "repeat_every" not in back["args"]
    assert not IntervalSchedule.objects.exists()


def test_an_interval_stays_on_its_grid_when_it_changes(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api, repeat_every=60)
    stopped_clock.advance(seconds=90)
    firing.fire_due(limit=5, now=stopped_clock.moment)
    assert data_of(api.patch(path, {"repeat_every": 25}))["next_run_at"] == "2026-03-01T12:01:40Z"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schedule_in": 10}, ["12:00:30", "12:01:30"]),
        ({"scheduled_at": "2026-03-01T15:00:00Z"}, ["15:00:00", "15:01:00"]),
        ({"scheduled_at": "2026-03-01T15:00:00", "timezone": "Europe/Paris"}, ["14:00:00", "14:01:00"]),
        ({"schedule_in": 0}, ["12:00:20", "12:01:20"]),
        ({"scheduled_at": 0}, ["12:00:20", "12:01:20"]),
        ({"schedule_in": 10, "repeat_every": 5}, ["12:00:30", "12:00:35"]),
        ({"schedule_in": 10, "starts_at": "2026-03-01T13:00:00Z"}, ["13:00:00", "13:01:00"]),
        ({"starts_at": "2026-03-01T13:00:10Z"}, ["13:01:00", "13:02:00"]),
    ],
)
def test_a_new_time_moves_the_grid(
    api: Api, stopped_clock: StoppedClock, change: dict[str, Any], expected: list[str]
) -> None:
    path = make(api, repeat_every=60)
    stopped_clock.advance(seconds=20)
    moved = data_of(api.patch(path, change))
    assert moved["next_run_at"] == f"2026-03-01T{expected[0]}Z"
    stopped_clock.moment = upcoming().scheduled_at
    firing.fire_due(limit=5, now=stopped_clock.moment)
    assert data_of(api.get(path))["next_run_at"] == f"2026-03-01T{expected[1]}Z"


def test_the_wait_before_the_first_run_does_not_come_again_with_a_change(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api, repeat_every=60, schedule_in=30)
    stopped_clock.advance(minutes=10)
    firing.fire_due(limit=5, now=stopped_clock.moment)
    before = data_of(api.get(path))
    changed = data_of(api.patch(path, {"name": "x"}))
    assert changed["next_run_at"] == before["next_run_at"] == "2026-03-01T12:10:30Z"
    assert changed["args"]["schedule_in"] == 30
    moved = data_of(api.patch(path, {"scheduled_at": "2026-03-01T13:00:00Z"}))
    assert "schedule_in" not in moved["args"]


def test_a_cron_with_signs_in_its_day_fields_is_kept_as_written_and_stands_in_its_entry(api: Api) -> None:
    path = make(api, cron="0 9 LW * *")
    made = data_of(api.get(path))
    assert (made["frequency"], made["next_run_at"]) == ({"cron": "0 9 LW * *"}, "2026-03-31T09:00:00Z")
    changed = data_of(api.patch(path, {"cron": "0 9 15w * fri#1"}))
    assert (changed["frequency"], changed["next_run_at"]) == ({"cron": "0 9 15w * fri#1"}, "2026-03-06T09:00:00Z")
    entry = PeriodicTask.objects.select_related("crontab").get(task="booper.fire_schedule")
    assert (entry.crontab.day_of_month, entry.crontab.day_of_week) == ("15W", "5#1")
    assert "15" in entry.crontab.human_readable


def test_a_cron_with_signs_can_be_edited_in_the_admin(api: Api) -> None:
    path = make(api, cron="0 9 L * *")
    CrontabSchedule.objects.update(hour="10")
    PeriodicTask.objects.get(task="booper.fire_schedule").save()
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    assert data_of(api.get(path))["frequency"] == {"cron": "0 10 L * *"}


def test_another_zone_moves_a_cron_schedule(api: Api) -> None:
    path = make(api)
    assert data_of(api.patch(path, {"timezone": "America/New_York"}))["next_run_at"] == "2026-03-01T18:00:00Z"
    assert data_of(api.patch(path, {"timezone": None}))["next_run_at"] == "2026-03-01T13:00:00Z"


def test_a_disabled_schedule_can_be_changed_and_stays_disabled(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api, ends_at="2026-03-05T00:00:00Z", max_runs=5)
    api.post(f"{path}/disable")
    stopped_clock.advance(days=9)
    changed = data_of(api.patch(path, {"cron": "0 14 * * *", "name": "x"}))
    assert (changed["next_run_at"], changed["name"]) == (None, "x")
    data_of(api.patch(path, {"ends_at": None}))
    assert data_of(api.post(f"{path}/enable"))["next_run_at"] == "2026-03-10T14:00:00Z"


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({}, "", "nothing to change"),
        ({"url": None}, "/url", "required"),
        ({"cron": None}, "", "needs cron or repeat_every"),
        ({"cron": "0 9 * * *", "repeat_every": 60}, "/repeat_every", "one or the other"),
        ({"cron": "0 0 30 2 *"}, "/cron", "never matches"),
        ({"timezone": "Nowhere"}, "/timezone", "not a known time zone"),
        ({"repeat_every": 0.5}, "/repeat_every", "too short"),
        ({"nmae": "x"}, "/nmae", "did you mean name?"),
        ({"count": 5}, "/count", "no such field"),
        ({"ends_at": "2026-03-01T12:30:00Z"}, "/ends_at", "no run is left"),
        ({"ends_at": "2026-03-01T12:30:00Z", "schedule_in": [1, "hour"]}, "/ends_at", "the first would be"),
        ({"starts_at": "2026-05-01", "ends_at": "2026-04-01"}, "/ends_at", "not after starts_at"),
        ({"max_runs": 0}, "/max_runs", "from 1 to"),
        ({"max_runs": 1}, "/max_runs", "1 runs are done already"),
        ({"headers": {"Host": "x"}}, "/headers/Host", "leave it out"),
        ({"schedule_in": 5, "scheduled_at": 5}, "/scheduled_at", "one or the other"),
    ],
)
def test_a_change_that_does_not_fit_is_refused_and_changes_nothing(
    api: Api, stopped_clock: StoppedClock, change: dict[str, Any], pointer: str, words: str
) -> None:
    path = make(api, max_runs=5, schedule_in=0)
    before = data_of(api.get(path))
    problem = problem_of(api.patch(path, change), status=400)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["errors"][0]["detail"]
    assert data_of(api.get(path)) == before


def test_a_key_that_another_job_holds_cannot_be_taken(api: Api) -> None:
    make(api, idempotency_key="k")
    path = make(api)
    problem = problem_of(api.patch(path, {"idempotency_key": "k", "name": "x"}), status=409)
    assert "can't be changed: another job holds the idempotency key 'k'" in problem["detail"]
    assert data_of(api.get(path))["name"] is None


def test_a_key_that_came_as_a_header_outlives_a_change(api: Api) -> None:
    job = data_of(api.post("/api/jobs", DAILY, Idempotency_Key="k"), status=201)
    path = f"/api/schedules/{job['schedule_id']}"
    data_of(api.patch(path, {"name": "x"}))
    assert upcoming().idempotency_key == "k"
    data_of(api.patch(path, {"idempotency_key": None}))
    assert upcoming().idempotency_key is None


# Edits made in django-celery-beat's admin


def test_an_edit_in_the_admin_shows_in_the_api(api: Api) -> None:
    path = make(api, name="lunch")
    CrontabSchedule.objects.update(hour="15", timezone="Europe/Paris")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    edited = data_of(api.get(path))
    assert (edited["frequency"], edited["timezone"]) == ({"cron": "0 15 * * *"}, "Europe/Paris")
    assert edited["next_run_at"] == "2026-03-01T14:00:00Z"
    assert edited["args"] == {**DAILY, "name": "lunch", "cron": "0 15 * * *", "timezone": "Europe/Paris"}


def test_a_change_by_the_api_keeps_what_was_edited_in_the_admin(api: Api) -> None:
    path = make(api)
    CrontabSchedule.objects.update(hour="15", timezone="Europe/Paris")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    changed = data_of(api.patch(path, {"name": "x"}))
    assert (changed["timezone"], changed["next_run_at"]) == ("Europe/Paris", "2026-03-01T14:00:00Z")


def test_a_cron_made_an_interval_in_the_admin_shows_in_the_api(api: Api) -> None:
    path = make(api)
    interval = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.filter(task="booper.fire_schedule").update(crontab=None, interval=interval)
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    edited = data_of(api.get(path))
    assert edited["frequency"] == {"repeat_every": [5, "minutes"]}
    assert "cron" not in edited["args"]


def test_a_switch_in_the_admin_shows_in_the_api_and_the_other_way_round(api: Api) -> None:
    path = make(api)
    entry = PeriodicTask.objects.filter(task="booper.fire_schedule")
    entry.update(enabled=False)
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    assert data_of(api.get(path))["disabled_at"] == "2026-03-01T12:00:00Z"
    data_of(api.post(f"{path}/enable"))
    assert entry.get().enabled
    data_of(api.patch(path, {"cron": "30 16 * * *", "description": "tea"}))
    found = entry.get()
    assert (found.crontab.hour, found.crontab.minute, found.description) == ("16", "30", "tea")
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_what_cannot_be_run_is_shown_as_disabled(api: Api) -> None:
    path = make(api)
    CrontabSchedule.objects.update(hour="99")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    shown = data_of(api.get(path))
    assert (shown["frequency"], shown["disabled_at"]) == ({"cron": "0 13 * * *"}, "2026-03-01T12:00:00Z")
    assert LogEvent.objects.get().payload == {"reason": "schedule_disabled"}


def test_the_example_in_the_documentation_has_the_fields_of_a_schedule(api: Api) -> None:
    section = (
        (Path(__file__).resolve().parents[3] / "docs" / "recurring-jobs.md").read_text().partition("## A schedule")[2]
    )
    example = json.loads(section.partition("```json\n")[2].partition("```")[0])
    job = data_of(api.post("/api/jobs", example["args"]), status=201)
    shown = data_of(api.get(f"/api/schedules/{job['schedule_id']}"))
    assert list(shown) == list(example)
    for name in ("name", "frequency", "timezone", "args", "state", "previous", "overlap", "catch_up"):
        assert shown[name] == example[name]


def test_a_schedule_that_is_disabled_for_a_reason_says_it_until_it_is_enabled(api: Api) -> None:
    path = make(api)
    assert data_of(api.post(f"{path}/disable", {"reason": "until Monday"}))["disabled_reason"] == "until Monday"
    assert data_of(api.post(f"{path}/disable", {"reason": "another"}))["disabled_reason"] == "until Monday"
    assert data_of(api.post(f"{path}/enable"))["disabled_reason"] is None
    assert data_of(api.post(f"{path}/disable"))["disabled_reason"] is None


def test_a_reason_that_is_none_is_refused(api: Api) -> None:
    path = make(api)
    assert pointers_of(api.post(f"{path}/disable", {"reason": "x" * 501})) == ["/reason"]
    assert pointers_of(api.post(f"{path}/disable", {"reasons": "x"})) == ["/reasons"]
    assert data_of(api.post(f"{path}/disable", {"$job": {"id": 1}}))["disabled_at"] is not None


@pytest.mark.parametrize("value", [0, 101, "often", 1.5, True])
def test_disable_after_is_1_to_100(api: Api, value: Any) -> None:
    assert pointers_of(api.post("/api/jobs", {**DAILY, "disable_after": value})) == ["/disable_after"]


def test_disable_after_is_taken_changed_and_taken_away(api: Api) -> None:
    path = make(api, disable_after=3)
    assert data_of(api.get(path))["disable_after"] == 3
    assert data_of(api.patch(path, {"disable_after": 4}))["disable_after"] == 4
    assert data_of(api.patch(path, {"disable_after": None}))["disable_after"] is None
    assert pointers_of(api.post("/api/jobs", {**REQUEST, "disable_after": 3})) == ["/disable_after"]
