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
from django_celery_beat.models import PeriodicTask
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs.models import Delivery, Job, Queue, User
from jobs.queues import ids as queues_ids
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON
from tests.jobs.api.daily import DAILY, REQUEST, make, upcoming

TOMORROW = "2026-03-02T13:00:00Z"


def ids_of(response: Any) -> list[str]:
    return [row["id"] for row in data_of(response)]


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
        "skip_on": None,
        "only_on": None,
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


def test_they_are_found_by_exactly_their_name(api: Api, other_api: Api) -> None:
    ids = [make(api, name=name).rpartition("/")[2] for name in ("daily report", "daily", None, "daily report")]
    make(other_api, name="daily")
    assert ids_of(api.get("/api/schedules?name=daily")) == [ids[1]]
    assert ids_of(api.get(f"/api/schedules?name={quote('daily report')}&limit=1")) == [ids[3]]
    assert ids_of(api.get("/api/schedules?name=Daily")) == ids_of(api.get("/api/schedules?name=")) == []
    assert pointers_of(api.get(f"/api/schedules?name={'x' * 256}")) == ["/name"]
    assert pointers_of(api.get("/api/schedules?name=%00")) == ["/name"]


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
