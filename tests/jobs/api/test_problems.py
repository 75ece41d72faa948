"""Whatever goes wrong under /api is answered with problem+json: never with HTML, never with a traceback."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client
from pytest_django import Settings

from jobs.api import serializers
from jobs.models import Job, User
from jobs.running import transitions
from tests.api import Api, bare_of, data_of, problem_of
from tests.factories import make_job

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
URL = {"url": "https://example.com"}


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nope", "/api/jobs/1/nope", "/api/jobs//", "/api/logs/a/b", "/api/%FF"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_path_that_is_none_answers_404(open_api: Api, path: str, method: str) -> None:
    problem_of(open_api.call(method, path), status=404)


@pytest.mark.parametrize("is_debug", [True, False])
def test_debug_makes_no_difference_to_the_answer(open_api: Api, settings: Settings, is_debug: bool) -> None:
    settings.DEBUG = is_debug
    problem_of(open_api.get("/api/nope"), status=404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/jobs", "GET, POST, HEAD, OPTIONS"),
        ("PUT", "/api/jobs/1", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("GET", "/api/jobs/1/cancel", "POST, OPTIONS"),
        ("POST", "/api/logs", "GET, HEAD, OPTIONS"),
        ("TRACE", "/api/jobs", "GET, POST, HEAD, OPTIONS"),
        ("FOO", "/api/ping", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_is_not_there_answers_405(api: Api, method: str, path: str, allowed: str) -> None:
    response = api.call(method, path)
    assert f"{method} is not a method of {path}" in problem_of(response, status=405)["detail"]
    assert response.headers["Allow"] == allowed


def test_options_says_what_is_allowed_without_a_key(open_api: Api) -> None:
    response = open_api.call("OPTIONS", "/api/jobs")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_head_is_get_without_a_body(api: Api, user: User) -> None:
    job = make_job(user=user)
    response = api.call("HEAD", f"/api/jobs/{job.id}")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == str(len(api.get(f"/api/jobs/{job.id}").content))


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "application/problem+json", "*/*;q=0", "nonsense", ","]
)
def test_no_accept_header_is_refused(open_api: Api, accept: str) -> None:
    bare_of(open_api.get("/api/ping", Accept=accept))
    problem_of(open_api.post("/api/echo", "[", Accept=accept), status=400)


@pytest.mark.parametrize("path", ["/api/jobs/", "/api/ping/", "/api/logs/"])
def test_a_slash_at_the_end_is_neither_here_nor_there(api: Api, path: str) -> None:
    assert api.get(path).status_code == 200


def test_a_post_with_a_slash_at_the_end_keeps_its_body(api: Api) -> None:
    data_of(api.post("/api/jobs/", URL), status=201)


@pytest.mark.parametrize("path", ["/api/ping", "/api/nope"])
def test_a_host_that_is_not_ours_is_refused_in_json(web: Client, path: str) -> None:
    problem = problem_of(web.get(path, headers={"Host": "evil.example"}), status=400)
    assert "ALLOWED_HOSTS" in problem["detail"]
    assert "evil" not in problem["detail"]


def test_a_browser_is_answered_in_html_elsewhere(web: Client) -> None:
    assert web.get("/nope", headers=BROWSER).headers["Content-Type"].startswith("text/html")
    evil = web.get("/", headers={**BROWSER, "Host": "evil.example"})
    assert evil.headers["Content-Type"].startswith("text/html")
    assert web.get("/").headers["Location"] == "/sign-in"


@pytest.mark.parametrize("path", ["//api/ping", "///api/nope", "/*", "/nope"])
def test_whoever_asks_for_no_html_is_given_none(web: Client, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        problem_of(web.generic(method, f"http://testserver{path}"), status=404)


def test_under_the_api_nobody_is(web: Client) -> None:
    problem_of(web.get("http://testserver//api/ping", headers=BROWSER), status=404)


@pytest.mark.parametrize("path", ["/api/ping", "/nope"])
def test_a_foreign_host_is_not_worth_a_line_of_the_log(
    web: Client, path: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert web.get(path, headers={"Host": "evil.example"}).status_code == 400
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection already closed")])
def test_a_database_that_does_not_answer_is_a_503(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(transitions, "schedule", fail)
    response = api.post("/api/jobs", URL)
    problem = problem_of(response, status=503)
    assert response.headers["Retry-After"] == "5"
    assert str(error) not in str(problem)


def test_a_fault_of_ours_is_a_500_that_tells_nothing(
    web: Client, api: Api, user: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def fail(row: Job, **_: Any) -> None:
        raise RuntimeError("the password is hunter2")

    settings.DEBUG = True
    monkeypatch.setattr(serializers, "job", fail)
    web.raise_request_exception = False
    response = api.get(f"/api/jobs/{make_job(user=user).id}")
    problem_of(response, status=500)
    assert b"hunter2" not in response.content
    assert b"Traceback" not in response.content


def test_a_fault_in_a_middleware_is_a_500_in_json(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("oh no")

    monkeypatch.setattr("django.middleware.common.CommonMiddleware.process_request", fail)
    monkeypatch.setattr("jobs.api.shortcut._found", fail)
    web.raise_request_exception = False
    problem_of(web.get("/api/ping"), status=500)
    assert web.get("/admin/", headers=BROWSER).headers["Content-Type"].startswith("text/html")
