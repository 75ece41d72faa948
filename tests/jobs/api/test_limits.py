"""Limits by the API: 429 before a body is read, what it says, and what costs nothing for who is far from it."""

import io
import json
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs.api import authentication
from jobs.models import ApiKey, Job, User
from jobs.models.api_key import new_token
from tests.api import Api, data_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.runs import start_due, take_lease

REQUEST = {"url": "https://example.com/hook"}


def limits_of(api: Api) -> dict[str, dict[str, Any]]:
    return {limit["name"]: limit for limit in data_of(api.get("/api/limits"))}


def test_a_key_has_so_many_requests_in_a_minute(api: Api, user: User, stopped_clock: StoppedClock) -> None:
    User.objects.update(limits={"requests": 20})
    answers = [api.get("/api/jobs") for _ in range(30)]
    assert [response.status_code for response in answers] == [200] * 20 + [429] * 10
    problem = problem_of(answers[-1], status=429)
    assert (problem["limit"], problem["allowed"], problem["used"]) == ("requests", 20, 20)
    assert int(answers[-1].headers["Retry-After"]) > 0
    stopped_clock.advance(seconds=120)
    data_of(api.get("/api/jobs"))


def test_each_key_has_its_own(api: Api, user: User, web: Client) -> None:
    User.objects.update(limits={"requests": 5})
    for _ in range(6):
        last = api.get("/api/jobs")
    problem_of(last, status=429)
    data_of(Api(web, token=ApiKey.issue(user.id)[1]).get("/api/jobs"))


def test_answers_say_how_the_key_stands(api: Api) -> None:
    first, second = api.get("/api/jobs"), api.get("/api/jobs/77")
    assert first.headers["RateLimit-Policy"] == '"requests";q=300000;w=60'
    assert first.headers["RateLimit"] == '"requests";r=299999;t=60'
    assert second.headers["RateLimit"] == '"requests";r=299998;t=60'


def test_a_key_that_is_over_is_refused_before_its_body_is_read(api: Api, user: User) -> None:
    User.objects.update(limits={"requests": 1})
    data_of(api.get("/api/jobs"))
    response = api.post("/api/jobs/batch", "{" * 10_000)
    problem_of(response, status=429)
    assert response.headers["RateLimit"] == '"requests";r=0;t=60'


def test_without_a_limit_nothing_is_counted_and_no_header_says_so(api: Api, settings: Settings) -> None:
    settings.BOOPER_REQUESTS_PER_MINUTE = 0
    assert "RateLimit" not in api.get("/api/jobs").headers


def test_an_address_has_so_many_calls_without_a_key(open_api: Api, db: None, settings: Settings) -> None:
    settings.BOOPER_ANONYMOUS_PER_MINUTE = 10
    statuses = [open_api.get("/api/jobs").status_code for _ in range(8)]
    statuses += [open_api.post("/api/echo", {}).status_code for _ in range(4)]
    assert statuses == [401] * 8 + [200] * 2 + [429] * 2
    assert open_api.get("/api/ping").status_code == 200
    assert open_api.get("/api/docs").status_code == 200


def test_guesses_at_keys_are_counted_and_then_cost_no_query(open_api: Api, db: None, settings: Settings) -> None:
    settings.BOOPER_ANONYMOUS_PER_MINUTE = 5
    for _ in range(6):
        last = open_api.get("/api/jobs", Authorization=f"Bearer {new_token()}")
    problem_of(last, status=429)
    with CaptureQueriesContext(connection) as queries:
        problem_of(open_api.get("/api/jobs", Authorization=f"Bearer {new_token()}"), status=429)
    assert len(queries) == 0


def test_a_key_that_is_known_is_not_refused_for_its_neighbours_guesses(
    api: Api, open_api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BOOPER_ANONYMOUS_PER_MINUTE = 5
    data_of(api.get("/api/jobs"))
    for _ in range(6):
        open_api.get("/api/jobs")
    data_of(api.get("/api/jobs"))
    # Nor once it has to be looked up again.
    later = time.monotonic() + authentication.KEPT_SECONDS
    monkeypatch.setattr("jobs.database.expiring_cache.time.monotonic", lambda: later)
    data_of(api.get("/api/jobs"))


@pytest.mark.parametrize(
    ("one", "another", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(
    db: None, stopped_clock: StoppedClock, settings: Settings, one: str, another: str, is_same: bool
) -> None:
    settings.BOOPER_ANONYMOUS_PER_MINUTE = 1
    settings.WHITENOISE_AUTOREFRESH = True
    assert Api(Client(REMOTE_ADDR=one), token=None).get("/api/jobs").status_code == 401
    assert Api(Client(REMOTE_ADDR=another), token=None).get("/api/jobs").status_code == (429 if is_same else 401)


def test_no_more_jobs_wait_than_may(api: Api, settings: Settings) -> None:
    settings.BOOPER_MAX_WAITING_JOBS = 3
    for _ in range(3):
        data_of(api.post("/api/jobs", {**REQUEST, "schedule_in": 60}), status=201)
    problem = problem_of(api.post("/api/jobs", REQUEST), status=429)
    assert (problem["limit"], problem["allowed"], problem["used"]) == ("waiting_jobs", 3, 3)
    data_of(api.post("/api/jobs/cancel", {"all": True}))
    data_of(api.post("/api/jobs", REQUEST), status=201)


def test_a_batch_that_would_be_too_much_is_refused_as_a_whole(api: Api, settings: Settings) -> None:
    settings.BOOPER_MAX_WAITING_JOBS = 10
    problem_of(api.post("/api/jobs/batch", {"jobs": [REQUEST] * 11}), status=429)
    assert not Job.objects.exists()
    data_of(api.post("/api/jobs/batch", {"jobs": [REQUEST] * 10}), status=201)


def test_no_more_schedules_than_may(api: Api, settings: Settings) -> None:
    settings.BOOPER_MAX_SCHEDULES = 2
    for _ in range(2):
        data_of(api.post("/api/jobs", {**REQUEST, "repeat_every": 60}), status=201)
    assert problem_of(api.post("/api/jobs", {**REQUEST, "repeat_every": 60}), status=429)["limit"] == "schedules"
    data_of(api.post("/api/jobs", REQUEST), status=201)


def test_no_more_queues_than_may(api: Api, settings: Settings) -> None:
    settings.BOOPER_MAX_QUEUES = 2
    data_of(api.post("/api/jobs", {**REQUEST, "queue": "one"}), status=201)
    data_of(api.call("PUT", "/api/queues/two", {}))
    assert problem_of(api.call("PUT", "/api/queues/three", {}), status=429)["limit"] == "queues"
    assert problem_of(api.post("/api/jobs", {**REQUEST, "queue": "three"}), status=429)["limit"] == "queues"
    data_of(api.call("PUT", "/api/queues/two", {"concurrency": 1}))


def test_no_more_bytes_in_a_day_than_may(api: Api, settings: Settings, stopped_clock: StoppedClock) -> None:
    settings.BOOPER_STORED_BYTES_PER_DAY = 5000
    body = {**REQUEST, "body": "x" * 2000}
    data_of(api.post("/api/jobs", body), status=201)
    data_of(api.post("/api/jobs", body), status=201)
    assert problem_of(api.post("/api/jobs", body), status=429)["limit"] == "stored_bytes"
    stopped_clock.advance(days=2)
    data_of(api.post("/api/jobs", body), status=201)


def test_limits_are_listed_with_what_is_used(api: Api, user: User) -> None:
    data_of(api.post("/api/jobs", {**REQUEST, "schedule_in": 60, "queue": "mail"}), status=201)
    data_of(api.post("/api/jobs", {**REQUEST, "repeat_every": 60, "schedule_in": 60}), status=201)
    User.objects.update(limits={"schedules": 7})
    told = limits_of(api)
    assert told["requests"] == {
        "name": "requests",
        "allowed": 300_000,
        "used": 3,
        "resets_at": "2026-03-01T12:01:00Z",
    }
    assert told["waiting_jobs"] == {"name": "waiting_jobs", "allowed": 5_000_000, "used": 2, "resets_at": None}
    assert told["schedules"]["used"] == 1
    assert (told["queues"]["used"], told["keys"]["used"]) == (1, 1)
    assert told["stored_bytes"]["allowed"] is None
    assert told["anonymous"]["allowed"] == 600


def test_what_workers_keep_to_is_listed_in_places_and_starts(api: Api, settings: Settings) -> None:
    settings.WORKER_CONCURRENCY = 500
    settings.BOOPER_ON_THE_WIRE_SHARE, settings.BOOPER_ON_THE_WIRE_PER_HOST = 0.5, 0.25
    settings.BOOPER_STARTS_PER_HOST = 100
    data_of(api.post("/api/jobs", REQUEST), status=201)
    start_due(take_lease().id)
    told = limits_of(api)
    assert {name: (told[name]["allowed"], told[name]["used"]) for name in [*told][-3:]} == {
        "on_the_wire": (250, 1),
        "on_the_wire_per_host": (125, None),
        "starts_per_host": (100, None),
    }


def test_a_users_own_limit_stands_instead_of_the_setting(
    web: Client, user: User, stopped_clock: StoppedClock, announced: Announced
) -> None:
    User.objects.update(limits={"schedules": 7, "keys": 0, "on_the_wire": 9, "starts_per_host": 3})
    told = limits_of(Api(web, token=ApiKey.issue(user.id)[1]))
    assert (told["schedules"]["allowed"], told["keys"]["allowed"]) == (7, None)
    assert (told["on_the_wire"]["allowed"], told["starts_per_host"]["allowed"]) == (9, 3)


def test_what_is_far_from_its_limit_costs_no_query(api: Api) -> None:
    api.post("/api/jobs", REQUEST)
    with CaptureQueriesContext(connection) as queries:
        data_of(api.post("/api/jobs", REQUEST), status=201)
        data_of(api.get("/api/jobs"))
    assert [query["sql"].split()[0] for query in queries] == ["INSERT", "SELECT"]


def test_bytes_are_counted_though_no_length_was_announced(wsgi_application: Any, api: Api, token: str) -> None:
    """By a body in pieces, as some clients send it."""
    User.objects.update(limits={"stored_bytes": 100})
    body = json.dumps({**REQUEST, "body": "x" * 200}).encode()
    environ = RequestFactory().generic("POST", "/api/jobs", body, content_type="application/json").environ
    environ |= {"HTTP_AUTHORIZATION": f"Bearer {token}", "wsgi.input_terminated": True}
    environ |= {"wsgi.input": io.BytesIO(body), "SERVER_NAME": "localhost"}
    del environ["CONTENT_LENGTH"]
    answered: list[str] = []
    list(wsgi_application(environ, lambda status, headers: answered.append(status)))
    assert answered == ["429 Too Many Requests"]


def test_what_methods_there_are_is_told_whatever_the_key(open_api: Api) -> None:
    assert open_api.call("OPTIONS", "/api/jobs", Authorization=f"Bearer {new_token()}").status_code == 204
