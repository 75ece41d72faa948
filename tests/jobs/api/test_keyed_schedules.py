"""PUT /api/schedules/{key}: made once, replaced as a whole, and the same twice changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booper.content import exact_json
from jobs.models import Job, Schedule
from jobs.recurring import schedules
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import StoppedClock

pytestmark = pytest.mark.django_db

PATH = "/api/schedules/daily.report-1_a"
DAILY: dict[str, Any] = {"url": "https://example.com/hook", "cron": "0 13 * * *", "managed_by": "ops.yaml"}
HOURLY: dict[str, Any] = {"url": "https://example.com/hook", "repeat_every": [1, "hour"], "schedule_in": 600}


def put(api: Api, body: Any, *, status: int = 200, path: str = PATH, **headers: str) -> Any:
    return data_of(api.call("PUT", path, body, **headers), status=status)


def test_the_first_one_makes_it_and_the_key_stands_for_its_uuid(api: Api) -> None:
    made = put(api, DAILY, status=201)
    assert (made["key"], made["managed_by"]) == ("daily.report-1_a", "ops.yaml")
    assert made["args"] == {"url": "https://example.com/hook", "cron": "0 13 * * *"}
    assert data_of(api.get(PATH)) == data_of(api.get(f"/api/schedules/{made['id']}")) == made
    assert data_of(api.post(f"{PATH}/trigger"), status=201)["schedule_id"] == made["id"]
    assert data_of(api.post(f"{PATH}/disable"))["disabled_at"] is not None
    assert data_of(api.post(f"{PATH}/enable"))["disabled_at"] is None
    assert data_of(api.patch(PATH, {"name": "n"}))["managed_by"] == "ops.yaml"
    assert data_of(api.call("DELETE", PATH))["id"] == made["id"]
    assert problem_of(api.get(PATH), status=404)["detail"].startswith("there is no schedule 'daily.report-1_a'")


def test_the_answer_says_where_it_is(api: Api) -> None:
    response = api.call("PUT", PATH, DAILY)
    assert response.headers["Location"] == PATH
    assert response.headers["ETag"] == api.get(PATH).headers["ETag"]


def test_the_same_twice_changes_nothing(api: Api, stopped_clock: StoppedClock) -> None:
    made = put(api, HOURLY, status=201)
    before = Schedule.objects.values().get(), list(Job.objects.values())
    stopped_clock.advance(seconds=60)
    with CaptureQueriesContext(connection) as captured:
        assert put(api, HOURLY | {"name": None}) == made
    assert (Schedule.objects.values().get(), list(Job.objects.values())) == before
    assert not [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE"))]


def test_true_is_not_one(api: Api) -> None:
    put(api, DAILY | {"body": {"n": 1}}, status=201)
    assert put(api, DAILY | {"body": {"n": True}})["args"]["body"] == {"n": True}


@pytest.mark.parametrize(
    ("before", "after"),
    [('{"b": 1, "a": 2}', '{"a": 2, "b": 1}'), ('{"n": 1.5}', '{"n": 1.50}'), ('{"n": 1e2}', '{"n": 100.0}')],
)
def test_the_order_of_a_body_and_the_digits_of_a_number_count(api: Api, before: str, after: str) -> None:
    for body, status in ((before, 201), (after, 200)):
        text = f'{{"url": "https://example.com/hook", "cron": "0 13 * * *", "body": {body}}}'
        response = api.call("PUT", PATH, text, content_type="application/json")
        assert response.status_code == status, response.content
    assert exact_json.dumps(Schedule.objects.get().args["body"]).decode() == after.replace(" ", "")


def test_the_order_of_the_fields_does_not_count(api: Api) -> None:
    made = put(api, DAILY, status=201)
    with CaptureQueriesContext(connection) as captured:
        assert put(api, dict(reversed(DAILY.items()))) == made
    assert not [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE"))]


def test_another_body_replaces_the_whole_and_leaves_the_grid_alone(api: Api, stopped_clock: StoppedClock) -> None:
    made = put(api, HOURLY | {"name": "one", "max_runs": 9}, status=201)
    Schedule.objects.update(state={"cursor": 7})
    stopped_clock.advance(seconds=60)
    replaced = put(api, HOURLY | {"description": "two", "managed_by": "x"})
    assert (replaced["name"], replaced["description"], replaced["max_runs"]) == (None, "two", None)
    assert (replaced["id"], replaced["managed_by"]) == (made["id"], "x")
    assert replaced["next_run_at"] == made["next_run_at"] == "2026-03-01T12:10:00Z"
    assert replaced["state"] == {"cursor": 7}
    assert Job.objects.get(is_upcoming=True).description == "two"


def test_another_time_or_frequency_moves_the_next_run(api: Api, stopped_clock: StoppedClock) -> None:
    put(api, HOURLY, status=201)
    stopped_clock.advance(seconds=60)
    assert put(api, HOURLY | {"repeat_every": [3, "hours"]})["next_run_at"] == "2026-03-01T12:10:00Z"
    assert put(api, HOURLY | {"schedule_in": 1200})["next_run_at"] == "2026-03-01T12:21:00Z"
    assert put(api, DAILY)["next_run_at"] == "2026-03-01T13:00:00Z"


def test_one_that_is_disabled_stays_so(api: Api) -> None:
    put(api, DAILY, status=201)
    api.post(f"{PATH}/disable", {"reason": "holidays"})
    replaced = put(api, DAILY | {"cron": "0 14 * * *"})
    assert (replaced["disabled_reason"], replaced["next_run_at"]) == ("holidays", None)
    assert replaced["frequency"] == {"cron": "0 14 * * *"}


def test_a_key_is_free_again_once_its_schedule_is_deleted(api: Api) -> None:
    first = put(api, DAILY, status=201)
    api.call("DELETE", PATH)
    assert put(api, DAILY, status=201)["id"] != first["id"]


def test_keys_are_each_owners_own(api: Api, other_api: Api) -> None:
    put(api, DAILY, status=201)
    problem_of(other_api.get(PATH), status=404)
    put(other_api, DAILY, status=201)


def test_if_match_holds_for_what_is_there_and_for_what_is_not(api: Api) -> None:
    problem_of(api.call("PUT", PATH, DAILY, If_Match="*"), status=412)
    put(api, DAILY, status=201)
    etag = api.get(PATH).headers["ETag"]
    put(api, DAILY | {"managed_by": "other"}, If_Match=etag)
    problem_of(api.call("PUT", PATH, DAILY, If_Match=etag), status=412)


def test_of_two_that_make_it_at_once_the_second_replaces(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    create: Callable[..., Any] = schedules.create_keyed

    def overtaken(*arguments: Any, **more: Any) -> Any:
        create(*arguments, **more)
        return create(*arguments, **more)

    monkeypatch.setattr(schedules, "create_keyed", overtaken)
    assert put(api, DAILY)["key"] == "daily.report-1_a"
    assert Schedule.objects.count() == Job.objects.count() == 1


def test_an_idempotency_key_that_is_held_is_a_conflict(api: Api) -> None:
    api.post("/api/jobs", {"url": "https://example.com", "schedule_in": 60, "idempotency_key": "k"})
    problem_of(api.call("PUT", PATH, DAILY | {"idempotency_key": "k"}), status=409)
    assert not Schedule.objects.exists()


@pytest.mark.parametrize("key", ["new", "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22", "Big", "a b", "é", "x" * 129, "a:b"])
def test_what_is_no_key_is_refused(api: Api, key: str) -> None:
    assert pointers_of(api.call("PUT", f"/api/schedules/{key}", DAILY)) == ["/schedule_id"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "https://example.com/hook"}, ""),
        ({"cron": "0 9 * * *"}, "/url"),
        (DAILY | {"managed_by": ""}, "/managed_by"),
        (DAILY | {"managed_by": 7}, "/managed_by"),
        (DAILY | {"managed_by": "x" * 256}, "/managed_by"),
        (DAILY | {"key": "other"}, "/key"),
        (DAILY | {"cron": "nonsense"}, "/cron"),
    ],
)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_bad_body_is_refused_and_changes_nothing(api: Api, body: Any, pointer: str, is_there: bool) -> None:
    if is_there:
        put(api, DAILY, status=201)
    assert pointers_of(api.call("PUT", PATH, body)) == [pointer]
    assert Schedule.objects.count() == is_there


def test_the_list_is_filtered_by_what_looks_after_them(api: Api) -> None:
    put(api, DAILY, status=201)
    put(api, HOURLY, status=201, path="/api/schedules/other")
    assert [row["key"] for row in data_of(api.get("/api/schedules?managed_by=ops.yaml"))] == ["daily.report-1_a"]
    assert data_of(api.get("/api/schedules?managed_by=none")) == []
