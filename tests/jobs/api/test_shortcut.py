"""Calls of the API are answered past the middleware for pages as they would be through it."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from jobs.models import User
from tests.api import problem_of
from tests.factories import make_job

SHORTCUT = "jobs.api.shortcut.Shortcut"
CALLS = [
    ("GET", "/api/ping", {}),
    ("HEAD", "/api/ping", {}),
    ("OPTIONS", "/api/jobs", {}),
    ("POST", "/api/echo", {}),
    ("POST", "/api/ping", {}),
    ("GET", "/api/jobs", {}),
    ("GET", "/api/jobs/", {}),
    ("GET", "/api/nope", {}),
    ("GET", "/api/", {}),
    ("GET", "/api/docs", {}),
    ("GET", "/api/docs/start.js", {}),
    ("GET", "/api/openapi.json", {}),
    ("GET", "/api/ping", {"Host": "evil.example"}),
    ("GET", "/api/ping", {"X-Forwarded-Proto": "https"}),
]


def answers(client: Client, method: str, path: str, headers: dict[str, str], token: str) -> tuple[int, Any, bytes]:
    sent = {"Authorization": f"Bearer {token}", **headers}
    response = client.generic(method, path, "", content_type="application/json", headers=sent)
    shown = {name: value for name, value in response.headers.items() if not name.startswith("RateLimit")}
    return response.status_code, shown, response.content


@pytest.mark.parametrize(("method", "path", "headers"), CALLS, ids=str)
def test_an_answer_is_the_same_with_all_the_middleware(
    settings: Settings, web: Client, token: str, method: str, path: str, headers: dict[str, str]
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    by_shortcut = answers(web, method, path, headers, token)
    settings.MIDDLEWARE = [name for name in django_settings.MIDDLEWARE if name != SHORTCUT]
    through_all = answers(Client(), method, path, headers, token)
    assert by_shortcut[0] == through_all[0]
    assert by_shortcut[2] == through_all[2]
    # A Host that is refused is so by Django before some of them are set.
    assert {**through_all[1], **by_shortcut[1]} == by_shortcut[1]


def test_one_job_is_found_by_the_path(web: Client, token: str, user: User) -> None:
    job = make_job(user=user)
    response = web.get(f"/api/jobs/{job.id}", headers={"Authorization": f"Bearer {token}"})
    assert response.json()["data"]["job_id"] == job.id


def test_a_path_beside_the_api_takes_the_long_way(web: Client) -> None:
    for path in ("/api", "/apis/ping", "/nope"):
        problem_of(web.get(path), status=404)


def test_no_call_of_the_api_opens_a_session(web: Client, token: str) -> None:
    response = web.get("/api/jobs", headers={"Authorization": f"Bearer {token}"})
    assert not response.cookies
    assert not hasattr(response.wsgi_request, "session")
