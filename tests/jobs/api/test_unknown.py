"""What a call does not take is refused by name, in the query as in the body, and never passed over."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from jobs.models import Job, User
from tests.api import FORM, Api, bare_of, data_of, pointers_of, problem_of, schedule_by
from tests.factories import make_job
from tests.jobs.api.test_docs import operations_of

URL = {"url": "https://example.com/hook"}
OPEN_TO_ANY_QUERY = {"GET /api/ping", "POST /api/echo", "POST /api/broadcast"}


class AnyId(dict[str, str]):
    """For every place in a path an id of nothing."""

    def __missing__(self, key: str) -> str:
        return str(uuid4())


def errors_of(response: Any) -> dict[str, str]:
    return {error["pointer"]: error["detail"] for error in problem_of(response, status=400)["errors"]}


def test_every_call_refuses_a_query_parameter_that_it_does_not_take(api: Api, web: Client) -> None:
    for name, operation in operations_of(web.get("/api/openapi.json").json()).items():
        method, path = name.split()
        body = {"content": "Hi"} if name in OPEN_TO_ANY_QUERY else {}
        response = api.call(method, path.format_map(AnyId()) + "?nonsense=1", None if method == "GET" else body)
        if name in OPEN_TO_ANY_QUERY:
            bare_of(response)
        else:
            assert (name, pointers_of(response)[0]) == (name, "/nonsense")
            assert "400" in operation["responses"]


def test_every_call_without_a_body_refuses_one_that_has_fields(api: Api, web: Client) -> None:
    for name, operation in operations_of(web.get("/api/openapi.json").json()).items():
        method, path = name.split()
        if method != "GET" and "requestBody" not in operation:
            response = api.call(method, path.format_map(AnyId()), {"nonsense": 1})
            assert (name, errors_of(response)) == (name, {"/nonsense": "no fields are taken here"})
            assert {"400", "413", "415"} <= set(operation["responses"])


@pytest.mark.parametrize(
    ("query", "pointer", "words"),
    [
        ("schedule_in=3600", "/schedule_in", "no query parameter, but a field of the body"),
        ("schedule_in[]=1&schedule_in[]=hour", "/schedule_in", "no query parameter, but a field of the body"),
        ("idempotency_key=a", "/idempotency_key", "no query parameter, but a field of the body"),
        ("shedule_in=3600", "/shedule_in", "did you mean schedule_in, a field of the body?"),
        ("nonsense", "/nonsense", "no query parameters are taken here, only fields of the body"),
        ("a[=1", "/a", "is no field name"),
    ],
)
def test_no_job_is_made_that_is_asked_for_in_the_query(api: Api, query: str, pointer: str, words: str) -> None:
    [(found, detail)] = errors_of(api.post(f"/api/jobs?{query}", URL)).items()
    assert found == pointer
    assert words in detail
    assert Job.objects.count() == 0


def test_no_more_unknown_parameters_are_listed_than_elsewhere(api: Api) -> None:
    assert len(pointers_of(api.post("/api/jobs?" + "&".join(f"a{n}=1" for n in range(500)), URL))) == 50


def test_a_scope_in_the_body_does_not_end_the_schedule(api: Api) -> None:
    schedule = schedule_by(api)
    job = Job.objects.get(schedule=schedule)
    path = f"/api/jobs/{job.id}/cancel"
    said = {"/scope": "it is no field, but a query parameter: send ?scope=run"}
    assert errors_of(api.post(path, {"scope": "run"})) == said
    assert errors_of(api.post(path, "scope=run", content_type=FORM)) == said
    assert errors_of(api.post(path, {"scope": ["run"]})) == {
        "/scope": "it is no field, but a query parameter: send ?scope=…"
    }
    assert errors_of(api.post(path, {"scop": "run"})) == {
        "/scop": "there is no such field: did you mean ?scope=…, a query parameter?"
    }
    schedule.refresh_from_db()
    assert schedule.disabled_at is None
    assert data_of(api.post(f"{path}?scope=run"))["job"]["state"] == "cancelled"


@pytest.mark.parametrize("verb", ["enable", "trigger"])
def test_what_is_wrong_in_the_query_and_in_the_body_is_said_at_once(api: Api, verb: str) -> None:
    schedule = schedule_by(api)
    response = api.post(f"/api/schedules/{schedule.id}/{verb}?a=1", {"b": 1})
    assert errors_of(response) == {"/a": "no query parameters are taken here", "/b": "no fields are taken here"}
    assert Job.objects.count() == 1


def test_a_schedule_is_not_deleted_by_a_call_that_asks_for_more(api: Api) -> None:
    schedule = schedule_by(api)
    assert pointers_of(api.call("DELETE", f"/api/schedules/{schedule.id}?keep_jobs=true")) == ["/keep_jobs"]
    assert pointers_of(api.call("DELETE", f"/api/schedules/{schedule.id}", {"keep_jobs": True})) == ["/keep_jobs"]
    assert data_of(api.call("DELETE", f"/api/schedules/{schedule.id}"))["id"] == str(schedule.id)


@pytest.mark.parametrize("content_type", ["", "application/json", FORM, "text/plain"])
@pytest.mark.parametrize("body", ["", " ", "{}", "{}\n"])
def test_an_action_needs_no_body(api: Api, user: User, body: str, content_type: str) -> None:
    job = make_job(user=user)
    response = api.post(f"/api/jobs/{job.id}/cancel", body, content_type=content_type)
    assert data_of(response)["job"]["state"] == "cancelled"


def test_an_action_passes_over_what_a_recurring_job_adds(api: Api, user: User) -> None:
    job = make_job(user=user)
    data_of(api.post(f"/api/jobs/{job.id}/run", {"$job": {"id": 1}, "$previous": {}, "$state": {}}))


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [("[1]", "application/json", 400), ("scope", "text/plain", 415), ("[", "application/json", 400)],
)
def test_an_action_reads_bodies_as_every_call_does(
    api: Api, user: User, body: str, content_type: str, status: int
) -> None:
    path = f"/api/jobs/{make_job(user=user).id}/cancel"
    problem_of(api.post(path, body, content_type=content_type), status=status)
    assert Job.objects.get().cancelled_at is None


def test_who_has_no_key_is_told_so_first(open_api: Api) -> None:
    problem_of(open_api.post("/api/jobs?schedule_in=5", URL), status=401)
    problem_of(open_api.post("/api/jobs/1/cancel", {"scope": "run"}), status=401)


def test_the_body_of_a_get_is_not_looked_at(api: Api, user: User) -> None:
    job = make_job(user=user)
    for method in ("GET", "HEAD"):
        assert api.call(method, f"/api/jobs/{job.id}", {"nonsense": 1}).status_code == 200
    assert api.call("HEAD", f"/api/jobs/{job.id}?nonsense=1").status_code == 400


@pytest.mark.parametrize("path", ["/api/docs?v=1", "/api/openapi.json?v=1", "/livez?v=1", "/api/ping?_=1"])
def test_pages_and_probes_look_at_no_query(web: Client, path: str) -> None:
    assert web.get(path).status_code == 200
