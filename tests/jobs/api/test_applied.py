"""POST /api/apply-check judges a file as a whole and writes nothing; the schema of a file says what it may hold."""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from booper.cli.as_code import yaml_text
from booper.cli.as_code.comparison import plain
from jobs.intake.applied import MOST
from jobs.models import Calendar, Queue, Schedule
from tests.api import Api, data_of, problem_of

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).resolve().parents[3] / "docs"
SCHEDULE = {"url": "https://example.com", "cron": "@daily"}


def errors_of(response: Any) -> dict[str, str]:
    return {each["pointer"]: each["detail"] for each in problem_of(response, status=400)["errors"]}


def test_nothing_is_written_and_what_is_there_is_answered(api: Api) -> None:
    file: dict[str, Any] = {
        "managed_by": "ops",
        "schedules": {"a": {**SCHEDULE, "queue": "mail", "skip_on": ["closed"]}},
        "queues": {"mail": {"concurrency": 5}},
        "calendars": {"closed": {"dates": ["2030-12-25"]}},
    }
    assert data_of(api.post("/api/apply-check", file)) == {"schedules": [], "queues": [], "calendars": []}
    assert [Schedule.objects.count(), Queue.objects.count(), Calendar.objects.count()] == [0, 0, 0]
    for section in ("queues", "calendars", "schedules"):
        for name, fields in file[section].items():
            more = {"managed_by": "ops"} if section == "schedules" else {}
            assert api.call("PUT", f"/api/{section}/{name}", {**fields, **more}).status_code in (200, 201)
    assert data_of(api.post("/api/apply-check", file)) == {
        "schedules": [{"key": "a", "managed_by": "ops", "disabled_at": None, "args": file["schedules"]["a"]}],
        "queues": [{"name": "mail", "concurrency": 5, "rate": None, "paused": False}],
        "calendars": [
            {"name": "closed", "dates": ["2030-12-25"], "ics": None, "country": None, "subdivision": None},
        ],
    }


def test_all_that_is_wrong_is_said_at_its_place_in_the_file(api: Api) -> None:
    found = errors_of(
        api.post(
            "/api/apply-check",
            {
                "schedules": {
                    "A B": SCHEDULE,
                    "a": {**SCHEDULE, "cron": ["@daily", "61 * * * *"]},
                    "b": {**SCHEDULE, "managed_by": "x"},
                    "c": 7,
                    "d": {**SCHEDULE, "skip_on": ["nowhere"], "headers": {"X": "{{secret:NONE}}"}},
                    "e": {"url": "https://example.com"},
                },
                "queues": {"q": {"rate": {"limit": 1, "period": "1 parsec"}}, "no/name": {}},
                "calendars": {"k": {"country": "ZZ"}, "l": {}},
            },
        )
    )
    assert [*found] == [
        "/queues/q/rate/period",
        "/queues/no~1name",
        "/calendars/k/country",
        "/calendars/l",
        "/schedules/A B",
        "/schedules/a/cron/1",
        "/schedules/b/managed_by",
        "/schedules/c",
        "/schedules/e",
        "/schedules/d/skip_on/0",
        "/schedules/d/headers/X",
    ]


def test_a_calendar_counts_as_the_file_has_it_and_not_as_it_is_there(api: Api) -> None:
    api.call("PUT", "/api/calendars/open", {"dates": ["2030-12-25"]})
    file = {"schedules": {"a": {**SCHEDULE, "only_on": ["open"]}}, "calendars": {"open": {"dates": ["2020-12-25"]}}}
    assert errors_of(api.post("/api/apply-check", file)) == {
        "/schedules/a/only_on": "no run is left on its days: put days that are to come first"
    }


def test_what_is_of_others_is_not_there(api: Api, other_api: Api) -> None:
    other_api.call("PUT", "/api/schedules/a", SCHEDULE)
    assert data_of(api.post("/api/apply-check", {"schedules": {"a": SCHEDULE}}))["schedules"] == []


@pytest.mark.parametrize("section", ["schedules", "queues", "calendars"])
def test_a_part_has_its_bounds(api: Api, section: str) -> None:
    found = errors_of(api.post("/api/apply-check", {section: {f"n{n}": {} for n in range(MOST[section] + 1)}}))
    assert found == {f"/{section}": f"there are {MOST[section] + 1}: send at most {MOST[section]} at once"}
    assert errors_of(api.post("/api/apply-check", {section: []})).keys() == {f"/{section}"}


def test_no_more_queries_for_more_of_it(api: Api, django_assert_max_num_queries: Any) -> None:
    file = {
        "schedules": {f"s{n}": {**SCHEDULE, "skip_on": "k", "headers": {"X": "{{secret:NO}}"}} for n in range(30)},
        "queues": {f"q{n}": {} for n in range(30)},
        "calendars": {"k": {"dates": ["2030-01-01"]}},
    }
    with django_assert_max_num_queries(10):
        assert len(errors_of(api.post("/api/apply-check", file))) == 30


@pytest.fixture
def schema(web: Client) -> jsonschema_rs.Draft202012Validator:
    response = web.get("/api/apply-schema.json")
    assert response.status_code == 200
    document = response.json()
    jsonschema_rs.meta.validate(document)
    return jsonschema_rs.Draft202012Validator(document)


def examples() -> list[str]:
    text = (DOCS / "jobs-as-code.md").read_text(encoding="utf-8")
    return re.findall(r"^```yaml\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def test_the_schema_and_the_server_take_the_examples_of_the_documentation(
    api: Api, schema: jsonschema_rs.Draft202012Validator
) -> None:
    assert len(examples()) >= 3
    for text in examples():
        file = plain(yaml_text.read(text).value)
        schema.validate(file)
        sent = {name: value for name, value in file.items() if not name.startswith("x-")}
        data_of(api.post("/api/apply-check", sent))


@pytest.mark.parametrize(
    "file",
    [
        {"schedules": {"a": {"cron": "@daily"}}},
        {"schedules": {"a": {"url": "https://example.com"}}},
        {"schedules": {"a": {**SCHEDULE, "crn": "@daily"}}},
        {"schedules": {"A B": SCHEDULE}},
        {"schedules": {"a": {**SCHEDULE, "max_runs": "many"}}},
        {"schedules": {"a": {**SCHEDULE, "managed_by": "x"}}},
        {"schedules": []},
        {"schedule": {}},
        {"managed_by": ""},
        {"queues": {"a": {"concurrency": 0}}},
        {"calendars": {"a": {"dates": "2026-12-25"}}},
        {"calendars": {"a": {}}},
    ],
)
def test_the_schema_refuses_what_the_server_refuses(
    api: Api, schema: jsonschema_rs.Draft202012Validator, file: dict[str, Any]
) -> None:
    assert not schema.is_valid(file)
    problem_of(api.post("/api/apply-check", file), status=400)


def test_the_schema_takes_what_stands_beside_and_a_method_in_any_case(
    schema: jsonschema_rs.Draft202012Validator,
) -> None:
    schema.validate({"$schema": "https://example.com", "x-mine": 1, "schedules": {"a": {**SCHEDULE, "method": "POST"}}})
