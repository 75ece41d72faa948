"""The OpenAPI document and the page to try it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from jobs.intake import job as intake_job
from jobs.intake import job_changes
from jobs.models import User
from tests.api import Api, data_of, problem_of
from tests.factories import make_job, make_schedule


@pytest.fixture
def document(web: Client) -> dict[str, Any]:
    response = web.get("/api/openapi.json")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    loaded: dict[str, Any] = response.json()
    return loaded


def operations_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{m.upper()} {p}": operation for p, methods in document["paths"].items() for m, operation in methods.items()
    }


def is_of(name: str, value: Any, document: dict[str, Any]) -> bool:
    """Whether `value` is one of the schema of that name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


def test_every_call_is_in_the_document(document: dict[str, Any]) -> None:
    assert set(operations_of(document)) == {
        "GET /api/jobs",
        "POST /api/jobs",
        "DELETE /api/jobs/{job_id}",
        "GET /api/jobs/{job_id}",
        "PATCH /api/jobs/{job_id}",
        "POST /api/jobs/{job_id}/cancel",
        "POST /api/jobs/{job_id}/run",
        "POST /api/jobs/{job_id}/retry",
        "GET /api/schedules",
        "GET /api/schedules/{schedule_id}",
        "PATCH /api/schedules/{schedule_id}",
        "PUT /api/schedules/{schedule_id}",
        "DELETE /api/schedules/{schedule_id}",
        "POST /api/schedules/{schedule_id}/disable",
        "POST /api/schedules/{schedule_id}/enable",
        "POST /api/schedules/{schedule_id}/trigger",
        "POST /api/schedules/{schedule_id}/skip",
        "POST /api/schedules/{schedule_id}/backfill",
        "POST /api/preview",
        "POST /api/apply-check",
        "POST /api/jobs/batch",
        "POST /api/jobs/cancel",
        "POST /api/jobs/retry",
        "POST /api/jobs/run",
        "POST /api/jobs/delete",
        "POST /api/deliveries/resend",
        "GET /api/calendars",
        "GET /api/calendars/{name}",
        "PUT /api/calendars/{name}",
        "DELETE /api/calendars/{name}",
        "GET /api/queues",
        "GET /api/queues/{name}",
        "PUT /api/queues/{name}",
        "GET /api/jobs/{job_id}/timeline",
        "GET /api/deliveries",
        "GET /api/deliveries/{delivery_id}",
        "POST /api/deliveries/{delivery_id}/resend",
        "GET /api/receivers",
        "GET /api/receivers/{receiver_id}",
        "POST /api/receivers/{receiver_id}/enable",
        "GET /api/logs",
        "GET /api/logs/{log_id}",
        "GET /api/alerts",
        "POST /api/alerts",
        "GET /api/alerts/{alert_id}",
        "PATCH /api/alerts/{alert_id}",
        "DELETE /api/alerts/{alert_id}",
        "POST /api/alerts/{alert_id}/test",
        "GET /api/alerts/{alert_id}/incidents",
        "GET /api/limits",
        "DELETE /api/inbox",
        "GET /api/inbox",
        "GET /api/inbox/address",
        "GET /api/inbox/{request_id}",
        "POST /api/inbox/rotate",
        "GET /api/secrets",
        "PUT /api/secrets/{name}",
        "DELETE /api/secrets/{name}",
        "GET /api/keys",
        "POST /api/keys",
        "DELETE /api/keys/{key_id}",
        "POST /api/keys/{key_id}/rotate",
        "GET /api/signing-secret",
        "POST /api/signing-secret/rotate",
        "GET /api/ping",
        "GET /api/version",
        "POST /api/echo",
        "POST /api/broadcast",
    }


def test_every_call_says_how_it_refuses_and_who_may_call_it(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document).items():
        is_open = name.endswith(("/ping", "/echo", "/broadcast", "/version"))
        assert operation["security"] == ([] if is_open else [{"apiKey": []}])
        assert ("401" in operation["responses"]) == (not is_open)
        assert "414" in operation["responses"]
        assert ("400" in operation["responses"]) == (name != "GET /api/ping")
        assert ({"413", "415"} <= set(operation["responses"])) == (not name.startswith("GET"))
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            assert set(content) == {"application/json", "application/x-www-form-urlencoded"}
            # A client that is generated from one name for both sends forms.
            assert content["application/json"]["schema"] != content["application/x-www-form-urlencoded"]["schema"]


def schemas_within(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for name, value in part.items():
            if name not in ("example", "examples"):
                yield from schemas_within(value)
    elif isinstance(part, list):
        for item in part:
            yield from schemas_within(item)


def test_the_document_is_openapi_3_1_and_says_where_the_server_is(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [server["url"] for server in document["servers"]] == ["/"]
    assert not [schema for schema in schemas_within(document) if "nullable" in schema]
    used = {tag for operation in operations_of(document).values() for tag in operation["tags"]}
    assert {tag["name"] for tag in document["tags"]} == used


def test_nothing_has_a_default_that_a_generated_client_would_send(document: dict[str, Any]) -> None:
    assert not [schema for schema in schemas_within(document) if "default" in schema]
    assert "By default `get`" in document["components"]["schemas"]["JobInput"]["properties"]["method"]["description"]


def test_what_may_be_left_out_may_be_null(document: dict[str, Any], api: Api) -> None:
    optional = [name for name in intake_job.FIELDS if name != "url"]
    job = {"url": "https://example.com", **dict.fromkeys(optional)}
    assert is_of("JobInput", job, document)
    data_of(api.post("/api/jobs", job), status=201)
    assert not is_of("JobInput", {"url": None}, document)
    changes = dict.fromkeys([name for name in job_changes.FIELDS if name not in ("url", "description")])
    assert is_of("JobChanges", changes | {"description": "x"}, document)


UNKNOWN = "qqzzqq"


def test_the_fields_that_are_documented_are_those_that_are_taken(
    document: dict[str, Any], api: Api, user: User
) -> None:
    """Each call is asked by a field that is none, and lists those there are."""
    job, schedule = make_job(user=user), make_schedule()
    key = data_of(api.post("/api/keys", {"name": "another"}), status=201)
    wanted = {"name": "x", "when": {"discarded": 1}, "to": ["https://example.com/"]}
    alert = data_of(api.post("/api/alerts", wanted), status=201)
    places = {
        "job_id": job.id,
        "schedule_id": schedule.id,
        "key_id": key["id"],
        "name": "MAIL",
        "alert_id": alert["id"],
    }
    asked = 0
    for name, operation in operations_of(document).items():
        if "requestBody" not in operation or name == "POST /api/echo":
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        method, path = name.split()
        at = places | ({"schedule_id": "daily-report"} if method == "PUT" else {})
        response = api.call(method, path.format(**at), {UNKNOWN: 1})
        errors = problem_of(response, status=400)["errors"]
        detail = next(error["detail"] for error in errors if error["pointer"] == f"/{UNKNOWN}")
        taken = detail.partition("those there are ")[2].split(", ")
        assert sorted(taken) == sorted(document["components"]["schemas"][schema]["properties"]), name
        asked += 1
    assert asked > 10


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"#/components/(\w+)/([\w]+)"', json.dumps(document)))
    assert references
    for section, name in references:
        assert name in document["components"][section]


def test_every_job_field_that_is_taken_is_documented(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    taken = set(intake_job.FIELDS)
    assert set(schemas["JobInput"]["properties"]) == set(schemas["ScheduleChanges"]["properties"]) == taken
    assert set(schemas["PreviewInput"]["properties"]) == taken | {"count"}
    assert set(schemas["JobChanges"]["properties"]) == set(job_changes.FIELDS)


def test_every_example_is_one_of_its_schema(document: dict[str, Any]) -> None:
    examples = {name: part["example"] for name, part in document["components"]["schemas"].items() if "example" in part}
    assert "JobInput" in examples
    assert [name for name, example in examples.items() if not is_of(name, example, document)] == []


@pytest.mark.parametrize("value", [0, 0.5, 90, [30, "seconds"], [1, "hour"], [120, "months"], "2 hours", 315_500_000])
def test_durations_are_documented_as_they_are_taken(document: dict[str, Any], api: Api, value: Any) -> None:
    assert is_of("Duration", value, document)
    data_of(api.post("/api/jobs", {"url": "https://example.com", "schedule_in": value}), status=201)


@pytest.mark.parametrize("value", [-1, True, [5, "minuts"], [5], [-1, "days"], None, 315_619_201])
def test_what_is_documented_as_no_duration_is_none(document: dict[str, Any], value: Any) -> None:
    assert not is_of("Duration", value, document)


def test_the_example_of_a_job_is_taken(document: dict[str, Any], api: Api) -> None:
    example = document["components"]["schemas"]["JobInput"]["example"]
    data = data_of(api.post("/api/jobs", example), status=201)
    assert set(data) == set(document["components"]["schemas"]["Job"]["required"])


def test_the_example_of_a_change_is_taken(document: dict[str, Any], api: Api) -> None:
    example = document["components"]["schemas"]["JobChanges"]["example"]
    job = data_of(api.post("/api/jobs", {"url": "https://example.com", "schedule_in": 60}), status=201)
    data_of(api.patch(f"/api/jobs/{job['job_id']}", example))


def test_the_page_needs_nothing_from_elsewhere(web: Client) -> None:
    response = web.get("/api/docs")
    page = response.content.decode()
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    paths = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(paths) == 5
    for path in paths:
        assert path.startswith("/api/docs/")
        asset = web.get(path)
        assert asset.status_code == 200
        assert asset.content
        assert asset.headers["Content-Type"].split(";")[0] in {"text/css", "text/javascript", "image/png"}


@pytest.mark.parametrize("name", ["nope.js", "..%2F..%2Fpy.typed", "swagger-ui-bundle.js.map"])
def test_the_page_has_no_other_files(web: Client, name: str) -> None:
    assert web.get(f"/api/docs/{name}").status_code == 404
