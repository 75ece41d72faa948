"""docs/api.md and docs/errors.md leave out nothing that the API has, and their examples are true."""

import json
import re
from pathlib import Path

import pytest

from jobs.api import urls
from jobs.api.endpoints import openapi
from jobs.api.wire import problems
from jobs.models import EventType, JobState
from tests.api import Api, data_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
API = (DOCS / "api.md").read_text()
ERRORS = (DOCS / "errors.md").read_text()

document = openapi.document(urls.ROUTES)
CALLS = [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]
FIELDS = document["components"]["schemas"]["JobInput"]["properties"]


@pytest.mark.parametrize("name", [*CALLS, *FIELDS, *EventType.values, *JobState.values])
def test_the_handbook_has_every_call_field_event_and_state(name: str) -> None:
    assert f"`{name}`" in API


@pytest.mark.parametrize(("status", "kind"), [(status, kind) for status, (kind, _) in problems.KINDS.items()])
def test_the_handbook_has_every_kind_of_problem(status: int, kind: str) -> None:
    assert f"| {status} | `{kind}` |" in ERRORS


def test_the_example_of_a_problem_is_what_is_answered(api: Api) -> None:
    example = ERRORS.partition("```json\n")[2].partition("```")[0]
    response = api.post("/api/jobs", {"url": "https://example.com", "schedule_in": [5, "minuts"]})
    assert response.json() == json.loads(example)


def test_the_example_of_a_job_has_the_fields_of_a_job(api: Api) -> None:
    example = json.loads(API.partition("```json\n")[2].partition("```")[0])
    data = data_of(api.post("/api/jobs", example["args"]), status=201)
    assert (list(data), list(data["job"])) == (list(example), list(example["job"]))
    assert data["args"] == example["args"]


def test_the_example_of_a_change_changes_what_it_says(api: Api) -> None:
    [example] = re.findall(r"curl -X PATCH \S+/api/jobs/\d+ .*?-d '(.*?)'\n", API, re.DOTALL)
    job = data_of(api.post("/api/jobs", {"url": "https://example.com", "headers": {"X-A": "1"}}), status=201)
    changed = data_of(api.patch(f"/api/jobs/{job['job_id']}", json.loads(example)))
    kept = {name: value for name, value in json.loads(example).items() if value is not None}
    assert changed["args"] == {"url": "https://example.com", **kept}
    assert changed["job"]["scheduled_at"] == "2026-03-01T13:00:00Z"
