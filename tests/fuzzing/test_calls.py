"""Calls and pages take whatever is sent, one after the other, and none answers with a 5xx.

`FUZZ_EXAMPLES=20000` sends as many requests as that; without it some hundred, the same each time.
"""

import contextlib
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.checks import not_a_server_error

from jobs.api import urls
from jobs.api.endpoints import openapi
from jobs.guarding import inbox
from jobs.models import User
from jobs.pages.urls import urlpatterns as pages
from tests.conftest import Announced, StoppedClock
from tests.fuzzing.amount import EXAMPLES, IS_LONG, LONGEST_SECONDS, bytes_close_to, close_to, fuzz

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(LONGEST_SECONDS)]

_STEPS = 20
_MANY = settings(
    max_examples=max(10, min(500, EXAMPLES // _STEPS)),
    stateful_step_count=_STEPS,
    derandomize=not IS_LONG,
    database=None,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)

_MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="url"\r\n\r\nhttps://example.com/\r\n--x\r\n'
    b'Content-Disposition: form-data; name="body"; filename="../a"\r\nContent-Type: text/plain; charset=\xff\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x--\r\n"
)
_BODIES = [
    _MULTIPART,
    b'{"url": "https://example.com/", "schedule_in": [1, "hour"]}',
    b"url=https%3A%2F%2Fexample.com%2F&cron=0+9+*+*+*&body=%7B%7D&email=a%40b.c&password=x&name=A",
]
_KINDS = [
    "multipart/form-data; boundary=x",
    'multipart/form-data; boundary="',
    "application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16",
    "text/plain; charset=\u00e9",
    "",
]


def test_calls_that_follow_from_one_another(
    wsgi_application: WSGIHandler, token: str, announced: Announced, stopped_clock: StoppedClock
) -> None:
    sent = 0

    class Walk(schemathesis.openapi.from_dict(openapi.document(urls.ROUTES)).as_state_machine()):  # type: ignore[misc]
        def call(self, case: Any, **kwargs: Any) -> Any:
            nonlocal sent
            sent += 1
            return case.call(app=wsgi_application, headers={"Authorization": f"Bearer {token}"})

        def validate_response(self, response: Any, case: Any, *given: Any, **named: Any) -> None:
            case.validate_response(response, checks=[not_a_server_error])

    while sent < (EXAMPLES or 60):
        # What a walk draws depends on what it was answered: ids are others when it is repeated, which is no fault.
        with contextlib.suppress(FlakyStrategyDefinition):
            run_state_machine_as_test(Walk, settings=_MANY)
    assert sent >= (EXAMPLES or 60)


@pytest.fixture
def paths(user: User, web: Client) -> list[str]:
    """The paths of all pages and calls, with something in the place of each parameter; and the inbox's own."""
    routes = [str(pattern.pattern) for pattern in pages] + [f"api/{pattern.pattern}" for pattern in urls.ROUTES]
    return [f"/in/{inbox.of_user(user.id).token}/a", "/admin/login/", *(f"/{_filled(route)}" for route in routes)]


def _filled(route: str) -> str:
    nowhere = "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"
    return "/".join(nowhere if part.startswith("<") else part for part in route.split("/"))


@fuzz
@given(
    place=st.integers(0, 10_000),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    body=bytes_close_to(_BODIES),
    kind=close_to(_KINDS),
    query=close_to(["limit=10&cursor=abc", "q=state:x&older=9", "order_by[]=id&order_by[]=desc", "%ff=%00&from=1"]),
    has_key=st.booleans(),
)
def test_bytes_at_every_door(
    paths: list[str],
    user: User,
    token: str,
    stopped_clock: StoppedClock,
    announced: Announced,
    place: int,
    method: str,
    body: bytes,
    kind: str,
    query: str,
    has_key: bool,
) -> None:
    browser = Client(raise_request_exception=False)
    if has_key:
        browser.force_login(user)
    meta = {"QUERY_STRING": query.encode(errors="replace").decode("latin-1")}
    if has_key:
        meta["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    path = paths[place % len(paths)]
    kind = kind.encode(errors="replace").decode("latin-1")
    answer = browser.generic(method, path, body, content_type=kind, **meta)  # type: ignore[arg-type]
    assert answer.status_code < 500, (method, path, query, kind, body)
