"""POST /api/preview: when a would-be job runs, in words and times, and what it would send; it creates nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Job, Schedule
from tests.api import FORM, Api, data_of, pointers_of, problem_of
from tests.conftest import StoppedClock
from tests.factories import NOON

URL = "https://example.com/hook"


def preview(api: Api, **fields: Any) -> Any:
    return data_of(api.post("/api/preview", fields))


def times_of(data: Any) -> list[str]:
    return [run["at"] for run in data["runs"]]


@pytest.fixture(autouse=True)
def _writes_nothing(api: Api) -> Iterator[None]:
    """Whatever is asked for here, no statement but the look at the key."""
    api.get("/api/jobs")
    with CaptureQueriesContext(connection) as queries:
        yield
        assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []
    assert not Job.objects.exists()
    assert not Schedule.objects.exists()


def test_a_schedule_is_shown_in_words_and_times(api: Api) -> None:
    assert preview(api, url=URL, cron="0 9 * * 1-5", timezone="Europe/London", count=3) == {
        "description": "at 09:00 on weekdays, Europe/London",
        "frequency": {"cron": "0 9 * * 1-5"},
        "timezone": "Europe/London",
        "runs": [
            {"at": "2026-03-02T09:00:00Z", "local": "2026-03-02T09:00:00+00:00", "note": None},
            {"at": "2026-03-03T09:00:00Z", "local": "2026-03-03T09:00:00+00:00", "note": None},
            {"at": "2026-03-04T09:00:00Z", "local": "2026-03-04T09:00:00+00:00", "note": None},
        ],
        "skipped": [],
        "request": {"method": "get", "url": URL, "query": {}, "headers": {}, "body": None},
        "follows": [],
    }


def test_it_costs_no_query_at_all(api: Api) -> None:
    with CaptureQueriesContext(connection) as queries:
        preview(api, url=URL, cron="0 9 * * 1-5", count=100)
        api.post("/api/preview", {"url": URL, "cron": "x"})
    assert len(queries) == 0


def test_a_one_off_job_is_shown_too(api: Api) -> None:
    data = preview(api, url=URL, scheduled_at="2026-07-01T09:00:00", timezone="Europe/London")
    assert (data["description"], data["frequency"]) == ("once", None)
    assert data["runs"] == [{"at": "2026-07-01T08:00:00Z", "local": "2026-07-01T09:00:00+01:00", "note": None}]
    assert times_of(preview(api, url=URL)) == ["2026-03-01T12:00:00Z"]


def test_the_times_alone_can_be_asked_for(api: Api) -> None:
    data = preview(api, repeat_every="2 hours")
    assert data["request"] is None
    assert data["description"] == "every 2 hours"
    assert times_of(data) == [f"2026-03-01T{hour}:00:00Z" for hour in (12, 14, 16, 18, 20)]


def test_a_form_is_taken_too(api: Api) -> None:
    response = api.post("/api/preview", "cron=0+9+*+*+*&count=2", content_type=FORM)
    assert times_of(data_of(response)) == ["2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"repeat_every": 60, "max_runs": 2}, ["2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"]),
        ({"cron": "0 9 * * *", "ends_at": "2026-03-03T00:00:00Z"}, ["2026-03-02T09:00:00Z"]),
        ({"cron": "0 9 * * *", "starts_at": "2026-06-01", "max_runs": 1}, ["2026-06-01T09:00:00Z"]),
        # Asked for, off the grid.
        ({"cron": "0 9 * * *", "schedule_in": 5, "count": 2}, ["2026-03-01T12:00:05Z", "2026-03-02T09:00:00Z"]),
        ({"cron": "0 9 * * *", "schedule_in": 5, "count": 1}, ["2026-03-01T12:00:05Z"]),
        ({"cron": "0 9 * * *", "scheduled_at": "2026-03-04T09:00:00Z", "max_runs": 1}, ["2026-03-04T09:00:00Z"]),
        ({"repeat_every": 60, "schedule_in": 5, "count": 2}, ["2026-03-01T12:00:05Z", "2026-03-01T12:01:05Z"]),
        ({"repeat_every": 60, "ends_at": "2026-03-01T12:01:30Z"}, ["2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"]),
        (
            {"repeat_every": [1, "month"], "scheduled_at": "2026-05-31T00:00:00Z", "count": 3},
            ["2026-05-31T00:00:00Z", "2026-06-30T00:00:00Z", "2026-07-31T00:00:00Z"],
        ),
    ],
)
def test_the_runs_are_those_there_would_be(api: Api, fields: dict[str, Any], expected: list[str]) -> None:
    assert times_of(preview(api, **fields)) == expected


@pytest.mark.parametrize(
    ("fields", "local", "note"),
    [
        (
            {"cron": "30 1 * * *", "timezone": "Europe/London", "scheduled_at": "2026-03-28T01:30:00"},
            "2026-03-29T02:00:00+01:00",
            "01:30 does not exist on 2026-03-29 in Europe/London; runs at 02:00",
        ),
        (
            {"cron": "30 1 * * *", "timezone": "Europe/London", "starts_at": "2026-10-24T00:00:00"},
            "2026-10-25T01:30:00+01:00",
            "the clock goes back: 01:30 comes twice on 2026-10-25 in Europe/London, runs once",
        ),
        (
            {"repeat_every": [24, "hours"], "timezone": "America/New_York", "scheduled_at": "2026-03-07T09:00:00"},
            "2026-03-08T10:00:00-04:00",
            "the UTC offset changes here: -05:00 -> -04:00",
        ),
    ],
)
def test_daylight_saving_is_noted(api: Api, fields: dict[str, Any], local: str, note: str) -> None:
    assert preview(api, **fields)["runs"][1] == {
        "at": preview(api, **fields)["runs"][1]["at"],
        "local": local,
        "note": note,
    }


def test_daylight_saving_is_noted_for_the_first_run_too(api: Api, stopped_clock: StoppedClock) -> None:
    stopped_clock.advance(days=27)
    [run] = preview(api, cron="30 1 * * *", timezone="Europe/London", count=1)["runs"]
    assert run["local"] == "2026-03-29T02:00:00+01:00"
    assert run["note"] == "01:30 does not exist on 2026-03-29 in Europe/London; runs at 02:00"


def test_the_request_is_shown_as_the_first_run_would_send_it(api: Api) -> None:
    data = preview(
        api,
        method="POST",
        url="HTTPS://Example.com/hook?a=1",
        repeat_every=60,
        schedule_in=30,
        name="poll",
        headers={"X-Job": "$job.id", "X-Number": 5, "X-Since": "$previous.at"},
        query={"since": "$state.cursor", "page": 1},
        body={"job": "$job.id", "last": "$previous.id", "at": "$job.scheduled_at", "seen": "$state"},
    )
    job = {
        "id": "(assigned when created)",
        "uuid": "(assigned when created)",
        "schedule_id": "(assigned when created)",
        "name": "poll",
        "attempt": 1,
        "scheduled_at": "2026-03-01T12:00:30Z",
    }
    assert data["request"] == {
        "method": "post",
        "url": "https://example.com/hook?a=1",
        "query": {"page": 1},
        "headers": {"X-Job": "(assigned when created)", "X-Number": "5"},
        "body": {
            "job": "(assigned when created)",
            "last": None,
            "at": "2026-03-01T12:00:30Z",
            "seen": {},
            "$job": job,
            "$previous": {},
            "$state": {},
        },
    }


def test_the_metadata_is_there_as_the_job_would_have_it(api: Api) -> None:
    body = {"content": "Hi"}
    assert preview(api, url=URL, body=body)["request"]["body"] == body
    assert preview(api, url=URL, body=body, cron="@daily", include_metadata=False)["request"]["body"] == body
    forced = preview(api, url=URL, body=body, include_metadata=True)["request"]["body"]
    assert set(forced) == {"content", "$job", "$previous", "$state"}
    assert forced["$job"]["schedule_id"] is None


def test_secrets_are_hidden(api: Api) -> None:
    secret = "hunter2"
    data = preview(
        api,
        url=f"https://example.com/hook?api_key={secret}&to%6ben={secret}&page=2&flag&access_token=#x",
        headers={
            "authorization": f"Bearer {secret}",
            "Cookie": secret,
            "X-Auth-Token": secret,
            "X-Auth": secret,
            "X-API-Key": secret,
            "Client-Secret": secret,
            "X-Author": "Ada",
            "Idempotency-Key": "order-7",
        },
        query={
            "token": secret,
            "page": 1,
            "auth": {"password": secret},
            "keys": [secret],
            "cursor": [{"secret": secret}],
        },
        body={
            "password": secret,
            "user": {"api_key": secret, "name": "Ada", "key": "value"},
            "items": [{"access-token": secret}, 7],
            "next_token": None,
            "signing": {"privateKey": secret},
        },
    )
    assert secret not in json.dumps(data)
    assert data["request"] == {
        "method": "get",
        "url": "https://example.com/hook?api_key=***&to%6ben=***&page=2&flag&access_token=",
        "query": {"token": "***", "page": 1, "auth": "***", "keys": "***", "cursor": [{"secret": "***"}]},
        "headers": {
            "authorization": "***",
            "Cookie": "***",
            "X-Auth-Token": "***",
            "X-Auth": "***",
            "X-API-Key": "***",
            "Client-Secret": "***",
            "X-Author": "Ada",
            "Idempotency-Key": "order-7",
        },
        "body": {
            "password": "***",
            "user": {"api_key": "***", "name": "Ada", "key": "value"},
            "items": [{"access-token": "***"}, 7],
            "next_token": None,
            "signing": {"privateKey": "***"},
        },
    }


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"count": 0}, "/count", "from 1 to 100"),
        ({"count": 101}, "/count", "from 1 to 100"),
        ({"count": "many"}, "/count", "whole number"),
        ({"url": "https://user:pw@example.com"}, "/url", "user information"),
        ({"cron": "0 0 30 2 *"}, "/cron", "never matches"),
        ({"cron": "@daily", "ends_at": "2026-03-01T13:00:00Z"}, "/ends_at", "no run is left"),
        ({"max_runs": 5}, "/max_runs", "add cron or repeat_every"),
        ({"conut": 5}, "/conut", "did you mean count?"),
        ({"url": URL, "body": ["$job"] * 8000, "include_metadata": True}, "", "references come to more than"),
    ],
)
def test_what_would_be_refused_is_refused(api: Api, fields: dict[str, Any], pointer: str, words: str) -> None:
    problem = problem_of(api.post("/api/preview", fields), status=400)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["errors"][0]["detail"]


def test_count_is_a_field_of_previews_alone(api: Api) -> None:
    assert pointers_of(api.post("/api/jobs", {"url": URL, "cron": "@daily", "count": 5})) == ["/count"]


def test_a_key_is_needed(open_api: Api) -> None:
    problem_of(open_api.post("/api/preview", {"cron": "@daily"}), status=401)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("cron", ["0 0 29 2 1", "59 23 31 12 0", "* * * * *", "*/7 1,2 29 2 *", "0 2 * * *"])
def test_no_schedule_takes_long_to_preview(api: Api, cron: str) -> None:
    data = preview(api, cron=cron, timezone="Europe/London", count=100)
    assert len(data["runs"]) == 100
    assert data["runs"][0]["at"] > NOON.isoformat()


def test_the_example_in_the_documentation_is_what_is_answered(api: Api) -> None:
    section = (
        (Path(__file__).resolve().parents[3] / "docs" / "recurring-jobs.md").read_text().partition("## Preview")[2]
    )
    asked, answered = section.partition("-d '")[2].partition("'")[0], section.partition("```json\n")[2]
    assert preview(api, **json.loads(asked)) == json.loads(answered.partition("```")[0])
