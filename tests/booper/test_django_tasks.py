"""A Django project's tasks: each becomes one job, and runs for a request that is signed, and for no other."""

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import django_tasks as tasks
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django_tasks.exceptions import InvalidTaskError, TaskResultDoesNotExist
from pytest_django import Settings

from booper import django_tasks
from booper.client import BadRequest
from booper.content import signatures
from tests.fake_api import API_KEY, FakeApi, serve

SECRET = signatures.new_secret()
URL = "https://app.example.com/booper-tasks/"
PATH = "tests.booper.project_tasks."


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serve() as fake:
        yield fake


@pytest.fixture
def project(api: FakeApi, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    options = {"URL": URL, "SIGNING_SECRET": SECRET, "API_KEY": API_KEY, "API_URL": api.url, "MAX_ATTEMPTS": 3}
    settings.TASKS = {
        "default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"},
        "booper": {"BACKEND": "booper.django_tasks.BooperBackend", "QUEUES": ["default", "mail"], "OPTIONS": options},
    }
    handler = tasks.TaskBackendHandler()
    monkeypatch.setattr(tasks, "task_backends", handler)
    module = importlib.import_module(f"{PATH}"[:-1])
    module.made.clear()
    return module


def job(body: Any, *, state: str = "scheduled", **more: Any) -> dict[str, Any]:
    own = {"id": 7, "state": state, "attempted_at": None, f"{state}_at": "2026-03-01T12:00:00Z"}
    return {"id": "x", "job_id": 7, "inserted_at": "2026-03-01T11:59:00Z", "job": own, "args": {"body": body}, **more}


def call(body: Any, *, secret: str = SECRET, attempt: str = "1") -> HttpResponse:
    """What the view answers to the request of a job with that body."""
    payload = json.dumps(body).encode()
    now = int(datetime.now(UTC).timestamp())
    headers = signatures.signed_headers(payload, secret=secret, message_id="msg_1", timestamp=now)
    headers |= {"Booper-Job-Id": "7", "Booper-Attempt": attempt}
    request = RequestFactory().post("/", payload, content_type="application/json", headers=headers)
    return django_tasks.run(request)


def test_a_task_becomes_one_job_that_calls_the_view(api: FakeApi, project: ModuleType) -> None:
    api.answer(job({"task": PATH + "greet", "args": ["Ada"], "kwargs": {"times": 2}}), status=201)
    at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    result = project.greet.using(queue_name="mail", run_after=at).enqueue("Ada", times=2)
    [made] = api.calls
    assert made.body.pop("idempotency_key").startswith("django-task-")
    assert made.body == {
        "url": URL,
        "method": "post",
        "body": {"task": PATH + "greet", "args": ["Ada"], "kwargs": {"times": 2}},
        "name": PATH + "greet",
        "queue": "mail",
        "scheduled_at": "2026-12-01T09:00:00Z",
        "max_attempts": 3,
    }
    assert (result.id, result.status, project.made) == ("7", tasks.TaskResultStatus.READY, [])


def test_what_the_server_refuses_is_raised(api: FakeApi, project: ModuleType) -> None:
    api.refuse(400, title="Bad request", detail="a blocked address")
    with pytest.raises(BadRequest):
        project.greet.enqueue("Ada")


def test_a_priority_is_refused_as_there_is_none(project: ModuleType) -> None:
    with pytest.raises(InvalidTaskError):
        project.greet.using(priority=5)


def test_a_signed_request_runs_the_task_and_answers_what_it_returned(project: ModuleType) -> None:
    answer = call({"task": PATH + "greet", "args": ["Ada"], "kwargs": {"times": 2}})
    assert (answer.status_code, json.loads(answer.content)) == (200, {"return_value": {"greeting": "Hi Ada!Hi Ada!"}})
    assert project.made == [("Ada", 2)]


def test_nothing_runs_for_another_signature_or_another_function(project: ModuleType) -> None:
    asked = {"task": PATH + "greet", "args": ["Ada"], "kwargs": {}}
    assert call(asked, secret=signatures.new_secret()).status_code == 401
    for path in ("not_a_task", "made.append", "nothing", "made"):
        assert call({**asked, "task": PATH + path}).status_code == 500
    for elsewhere in ("os.system", "", None, "."):
        assert call({**asked, "task": elsewhere}).status_code == 500
    assert project.made == []


def test_a_get_is_refused(project: ModuleType) -> None:
    assert django_tasks.run(RequestFactory().get("/")).status_code == 405


def test_a_task_that_raises_is_a_failed_attempt_with_its_traceback(project: ModuleType) -> None:
    answer = call({"task": PATH + "fail", "args": [], "kwargs": {}})
    said = json.loads(answer.content)
    assert (answer.status_code, said["exception_class_path"]) == (500, "builtins.LookupError")
    assert "no such user" in said["traceback"]


def test_a_task_is_told_which_attempt_it_is(project: ModuleType) -> None:
    answer = call({"task": PATH + "count", "args": [], "kwargs": {}}, attempt="3")
    assert json.loads(answer.content) == {"return_value": 3}


def test_a_result_is_read_from_the_job_and_its_last_answer(api: FakeApi, project: ModuleType) -> None:
    body = {"task": PATH + "greet", "args": ["Ada"], "kwargs": {}}
    api.answer(job(body, state="completed", attempt=2))
    api.answer([{"payload": {"status": 200, "body": {"return_value": {"greeting": "Hi Ada!"}}}}])
    result = project.greet.get_result("7")
    assert (result.return_value, result.attempts, result.is_finished) == ({"greeting": "Hi Ada!"}, 2, True)
    assert result.finished_at == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_result_of_a_task_that_failed_has_its_error(api: FakeApi, project: ModuleType) -> None:
    body = {"task": PATH + "fail", "args": [], "kwargs": {}}
    api.answer(job(body, state="discarded", attempt=3, error={"code": "http_status", "message": "answered 500"}))
    api.answer([{"payload": {"body": {"exception_class_path": "builtins.LookupError", "traceback": "no such user"}}}])
    result = project.fail.get_result("7")
    assert (result.status, result.errors[0].exception_class) == (tasks.TaskResultStatus.FAILED, LookupError)


def test_a_job_that_is_not_a_tasks_is_no_result(api: FakeApi, project: ModuleType) -> None:
    api.answer(job({"order": 17}))
    with pytest.raises(TaskResultDoesNotExist):
        project.greet.get_result("7")
    api.refuse(404, title="Not found", detail="")
    with pytest.raises(TaskResultDoesNotExist):
        project.greet.get_result("8")
