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
from jobs.models import Alert, ApiKey, Calendar, Queue, Schedule, Scope, User
from tests.api import Api, data_of, problem_of

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).resolve().parents[3] / "docs"
TO = "https://example.com/alerts"
ALERT: dict[str, Any] = {"when": {"late": "5 minutes"}, "to": [TO]}
NOWHERE = {"schedule_id": "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"}
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
    assert data_of(api.post("/api/apply-check", file)) == {section: [] for section in MOST}
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
        "alerts": [],
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


@pytest.mark.parametrize("section", ["schedules", "queues", "calendars", "alerts"])
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
    alert = {**ALERT, "to": [f"{TO}/{{{{secret:NO}}}}"], "of": NOWHERE}
    with django_assert_max_num_queries(10):
        assert len(errors_of(api.post("/api/apply-check", {"alerts": {f"a{n}": alert for n in range(20)}}))) == 40


def test_an_alert_that_is_there_is_answered_as_the_file_spells_it_wherever_that_means_the_same(api: Api) -> None:
    failing = {"failing": {"share": 0.5, "of_last": [1, "hour"]}}
    fields = {"when": failing, "of": {"tag": "b,a", "queue": "mail"}, "to": ["https://EXAMPLE.com/alerts"]}
    made = data_of(api.post("/api/alerts", {**fields, "name": "trouble"}), status=201)

    def found(**changes: Any) -> Any:
        [row] = data_of(api.post("/api/apply-check", {"alerts": {"trouble": {**fields, **changes}}}))["alerts"]
        assert (row["id"], row["name"]) == (made["id"], "trouble")
        return row["fields"]

    assert found() == fields
    same = {"when": {"failing": {"share": 0.5, "of_last": "1 hour", "at_least": 1}}, "mute_for": "1 day", "to": [TO]}
    assert found(**same, of={"tag": ["b", "a"], "queue": "mail", "host": None}) == {
        **same,
        "of": {"tag": ["b", "a"], "queue": "mail", "host": None},
    }
    assert found(when={"failing": {"share": 0.6, "of_last": "1 hour"}}, of=None, mute_for="2 days") == {
        "when": {"failing": {"share": 0.5, "of_last": "1 hour"}},
        "of": made["of"],
        "to": ["https://EXAMPLE.com/alerts"],
        "mute_for": [1, "days"],
    }


def test_an_alert_that_is_there_as_it_is_asked_for_is_not_judged_again(api: Api) -> None:
    row = data_of(api.post("/api/alerts", {**ALERT, "name": "late"}), status=201)
    Alert.objects.update(of=NOWHERE)
    asked = {"when": row["when"], "of": NOWHERE, "to": [TO], "mute_for": [1, "days"]}
    assert data_of(api.post("/api/apply-check", {"alerts": {"late": asked}}))["alerts"][0]["fields"] == asked
    assert [*errors_of(api.post("/api/apply-check", {"alerts": {"later": asked}}))] == ["/alerts/later/of/schedule_id"]


def test_true_is_not_taken_for_the_one_that_is_there(api: Api) -> None:
    data_of(api.post("/api/alerts", {"name": "one", "when": {"discarded": 1}, "to": [TO]}), status=201)
    asked = {"one": {"when": {"discarded": True}, "to": [TO]}}
    assert [*errors_of(api.post("/api/apply-check", {"alerts": asked}))] == ["/alerts/one/when/discarded"]


def test_what_is_wrong_with_an_alert_is_said_at_its_place(api: Api) -> None:
    alerts = {
        "a": {"to": [TO, "ftp://example.com"]},
        "b/c": {**ALERT, "wen": 1},
        "d\ne": ALERT,
        "f": {**ALERT, "name": "g"},
        "h": [],
        "x" * 101: ALERT,
    }
    assert [*errors_of(api.post("/api/apply-check", {"alerts": alerts}))] == [
        "/alerts/a/when",
        "/alerts/a/to/1",
        "/alerts/b~1c/wen",
        "/alerts/d\ne",
        "/alerts/f/name",
        "/alerts/h",
        "/alerts/" + "x" * 101,
    ]
    assert not Alert.objects.exists()


def test_alerts_in_a_file_need_an_admin_key_and_those_of_others_are_not_there(
    api: Api, other_api: Api, web: Client, user: User
) -> None:
    data_of(api.post("/api/alerts", {**ALERT, "name": "late"}), status=201)
    assert data_of(other_api.post("/api/apply-check", {"alerts": {"late": ALERT}}))["alerts"] == []
    writer = Api(web, token=ApiKey.issue(user.id, name="writer", scope=Scope.WRITE)[1])
    problem = problem_of(writer.post("/api/apply-check", {"alerts": {"late": ALERT}}), status=403)
    assert "alerts in a file need admin" in problem["detail"]
    assert data_of(writer.post("/api/apply-check", {"alerts": {}, "schedules": {"a": SCHEDULE}}))["alerts"] == []


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
        {"alerts": {"a": {"when": {"discarded": 3}}}},
        {"alerts": {"": ALERT}},
        {"alerts": {"a": {**ALERT, "name": "b"}}},
        {"alerts": {"a": {**ALERT, "when": {"discarded": 0}}}},
        {"alerts": {"a": {**ALERT, "of": {"state": "discarded"}}}},
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
