"""The OpenAPI document and the page to try it."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from jobs.intake import job as intake_job
from jobs.intake import job_changes
from tests.api import Api, data_of


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
    components = json_schema(document["components"])
    validator = jsonschema_rs.Draft4Validator({"$ref": f"#/components/schemas/{name}", "components": components})
    return validator.is_valid(value)


def json_schema(part: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema has a type of its own for null."""
    if isinstance(part, list):
        return [json_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    schema = {name: json_schema(value) for name, value in part.items() if name != "nullable"}
    return {"anyOf": [schema, {"type": "null"}]} if part.get("nullable") is True else schema


def test_every_call_is_in_the_document(document: dict[str, Any]) -> None:
    assert set(operations_of(document)) == {
        "GET /api/jobs",
        "POST /api/jobs",
        "GET /api/jobs/{job_id}",
        "PATCH /api/jobs/{job_id}",
        "POST /api/jobs/{job_id}/cancel",
        "POST /api/jobs/{job_id}/run",
        "POST /api/jobs/{job_id}/retry",
        "GET /api/schedules",
        "GET /api/schedules/{schedule_id}",
        "PATCH /api/schedules/{schedule_id}",
        "DELETE /api/schedules/{schedule_id}",
        "POST /api/schedules/{schedule_id}/disable",
        "POST /api/schedules/{schedule_id}/enable",
        "POST /api/schedules/{schedule_id}/trigger",
        "POST /api/preview",
        "POST /api/jobs/batch",
        "POST /api/jobs/cancel",
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
        "GET /api/limits",
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
        "POST /api/echo",
        "POST /api/broadcast",
    }


def test_every_call_says_how_it_refuses_and_who_may_call_it(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document).items():
        is_open = name.endswith(("/ping", "/echo", "/broadcast"))
        assert operation["security"] == ([] if is_open else [{"apiKey": []}])
        assert ("401" in operation["responses"]) == (not is_open)
        assert ("400" in operation["responses"]) == (name != "GET /api/ping")
        assert ({"413", "415"} <= set(operation["responses"])) == (not name.startswith("GET"))
        if "requestBody" in operation:
            assert set(operation["requestBody"]["content"]) == {"application/json", "application/x-www-form-urlencoded"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"#/components/(\w+)/([\w]+)"', json.dumps(document)))
    assert references
    for section, name in references:
        assert name in document["components"][section]


def test_every_field_that_is_taken_is_documented(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    taken = set(intake_job.FIELDS)
    assert set(schemas["JobInput"]["properties"]) == set(schemas["ScheduleChanges"]["properties"]) == taken
    assert set(schemas["PreviewInput"]["properties"]) == taken | {"count"}
    assert set(schemas["JobChanges"]["properties"]) == set(job_changes.FIELDS)


def test_every_example_is_one_of_its_schema(document: dict[str, Any]) -> None:
    examples = {name: part["example"] for name, part in document["components"]["schemas"].items() if "example" in part}
    assert "JobInput" in examples
    assert [name for name, example in examples.items() if not is_of(name, example, document)] == []


@pytest.mark.parametrize("value", [0, 0.5, 90, [30, "seconds"], [1, "hour"], [0.5, "days"], [120, "months"], "2 hours"])
def test_durations_are_documented_as_they_are_taken(document: dict[str, Any], api: Api, value: Any) -> None:
    assert is_of("Duration", value, document)
    data_of(api.post("/api/jobs", {"url": "https://example.com", "schedule_in": value}), status=201)


@pytest.mark.parametrize("value", [-1, True, [5, "minuts"], [5], [-1, "days"], None])
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
    assert len(paths) == 4
    for path in paths:
        assert path.startswith("/api/docs/")
        asset = web.get(path)
        assert asset.status_code == 200
        assert asset.content
        assert asset.headers["Content-Type"].split(";")[0] in {"text/css", "text/javascript", "image/png"}


@pytest.mark.parametrize("name", ["nope.js", "..%2F..%2Fpy.typed", "swagger-ui-bundle.js.map"])
def test_the_page_has_no_other_files(web: Client, name: str) -> None:
    assert web.get(f"/api/docs/{name}").status_code == 404
