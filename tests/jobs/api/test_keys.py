"""/api/keys: what a scope allows, and keys that are made, rotated with an overlap and revoked by their owner."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.api import authentication
from jobs.models import ApiKey, AuditEvent, Scope, User
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON

REQUEST = {"url": "https://example.com/hook"}


def api_with(web: Client, user: User, scope: Scope) -> Api:
    return Api(web, token=ApiKey.issue(user.id, scope=scope)[1])


@pytest.fixture
def reader(web: Client, user: User, stopped_clock: StoppedClock, announced: Announced) -> Api:
    return api_with(web, user, Scope.READ)


@pytest.fixture
def writer(web: Client, user: User, stopped_clock: StoppedClock, announced: Announced) -> Api:
    return api_with(web, user, Scope.WRITE)


def test_a_key_to_read_may_look_at_everything_of_its_owners_and_change_nothing(reader: Api) -> None:
    for path in ("jobs", "schedules", "logs", "queues", "deliveries", "receivers", "limits"):
        data_of(reader.get(f"/api/{path}"))
    data_of(reader.post("/api/preview", REQUEST))
    detail = problem_of(reader.post("/api/jobs", REQUEST), status=403)["detail"]
    assert detail == "the API key has the scope read, and POST /api/jobs needs write: use a key that has it"
    for method, path in (
        ("PATCH", "jobs/1"),
        ("PUT", "queues/mail"),
        ("DELETE", "schedules/1"),
        ("POST", "jobs/cancel"),
    ):
        problem_of(reader.call(method, f"/api/{path}", {}), status=403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "keys"),
        ("POST", "keys"),
        ("DELETE", "keys/0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"),
        ("POST", "keys/0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22/rotate"),
        ("GET", "signing-secret"),
        ("POST", "signing-secret/rotate"),
    ],
)
def test_a_key_to_write_may_not_touch_keys_and_signing_secrets(writer: Api, method: str, path: str) -> None:
    data_of(writer.post("/api/jobs", REQUEST), status=201)
    assert "needs admin" in problem_of(writer.call(method, f"/api/{path}"), status=403)["detail"]


def test_the_scope_is_asked_before_the_body_is_read(reader: Api) -> None:
    problem_of(reader.post("/api/jobs", "{not json"), status=403)


def test_a_new_key_is_told_once_and_works_at_once(api: Api, web: Client) -> None:
    made = data_of(api.post("/api/keys", {"name": "deployer"}), status=201)
    assert made == {
        "id": made["id"],
        "name": "deployer",
        "scope": "write",
        "hint": made["key"][-4:],
        "inserted_at": made["inserted_at"],
        "expires_at": None,
        "last_used_at": None,
        "revoked_at": None,
        "key": made["key"],
    }
    data_of(Api(web, token=made["key"]).post("/api/jobs", REQUEST), status=201)
    [listed] = [key for key in data_of(api.get("/api/keys")) if key["id"] == made["id"]]
    assert listed == {name: value for name, value in made.items() if name != "key"} | {
        "last_used_at": "2026-03-01T12:00:00Z"
    }


def test_a_key_may_be_made_without_a_body(api: Api) -> None:
    assert data_of(api.post("/api/keys"), status=201)["name"] == ""


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scope": "root"}, "/scope"),
        ({"name": "n" * 101}, "/name"),
        ({"name": 5}, "/name"),
        ({"expires_at": "yesterday"}, "/expires_at"),
        ({"expires_at": "2026-03-01T12:00:00Z"}, "/expires_at"),
        ({"key": "sk_mine"}, "/key"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_and_not_made(api: Api, body: dict[str, Any], pointer: str) -> None:
    assert pointers_of(api.post("/api/keys", body)) == [pointer]
    assert ApiKey.objects.count() == 1


def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(api: Api, web: Client) -> None:
    made = data_of(api.post("/api/keys", {"scope": "read"}), status=201)
    other = Api(web, token=made["key"])
    data_of(other.get("/api/jobs"))
    revoked = data_of(api.call("DELETE", f"/api/keys/{made['id']}"))
    assert revoked["revoked_at"] == "2026-03-01T12:00:00Z"
    problem_of(other.get("/api/jobs"), status=401)
    assert [key["id"] for key in data_of(api.get("/api/keys"))] != [made["id"]]
    problem_of(api.call("DELETE", f"/api/keys/{made['id']}"), status=404)


def test_a_rotated_key_goes_on_for_the_overlap(api: Api, web: Client, stopped_clock: StoppedClock) -> None:
    old = data_of(api.post("/api/keys", {"name": "ci", "scope": "read"}), status=201)
    new = data_of(api.post(f"/api/keys/{old['id']}/rotate", {"overlap": [1, "hour"]}), status=201)
    assert (new["name"], new["scope"], new["expires_at"]) == ("ci", "read", None)
    assert new["key"] != old["key"]
    stopped_clock.advance(minutes=59)
    authentication.known_keys.clear()
    data_of(Api(web, token=old["key"]).get("/api/jobs"))
    stopped_clock.advance(minutes=1)
    authentication.known_keys.clear()
    problem_of(Api(web, token=old["key"]).get("/api/jobs"), status=401)
    data_of(Api(web, token=new["key"]).get("/api/jobs"))


def test_without_an_overlap_it_is_a_day_and_never_longer_than_the_old_one_was_to_live(api: Api) -> None:
    forever = data_of(api.post("/api/keys"), status=201)
    brief = data_of(api.post("/api/keys", {"expires_at": "2026-03-01T18:00:00Z"}), status=201)
    for key in (forever, brief):
        data_of(api.post(f"/api/keys/{key['id']}/rotate"), status=201)
    assert ApiKey.objects.get(uuid=forever["id"]).expires_at == NOON + timedelta(days=1)
    assert ApiKey.objects.get(uuid=brief["id"]).expires_at == NOON + timedelta(hours=6)


def test_a_key_with_an_end_is_followed_by_one_that_lives_as_long(api: Api, stopped_clock: StoppedClock) -> None:
    old = data_of(api.post("/api/keys", {"expires_at": "2026-03-31T12:00:00Z"}), status=201)
    ApiKey.objects.update(created_at=NOON)
    stopped_clock.advance(days=20)
    authentication.known_keys.clear()
    new = data_of(api.post(f"/api/keys/{old['id']}/rotate"), status=201)
    assert new["expires_at"] == "2026-04-20T12:00:00Z"


def test_a_key_that_has_expired_is_not_rotated(api: Api, stopped_clock: StoppedClock) -> None:
    old = data_of(api.post("/api/keys", {"expires_at": "2026-03-01T13:00:00Z"}), status=201)
    stopped_clock.advance(hours=1)
    problem_of(api.post(f"/api/keys/{old['id']}/rotate"), status=409)


def test_somebody_elses_key_is_not_there(api: Api, other_api: Api) -> None:
    theirs = data_of(other_api.post("/api/keys"), status=201)
    problem_of(api.call("DELETE", f"/api/keys/{theirs['id']}"), status=404)
    problem_of(api.post(f"/api/keys/{theirs['id']}/rotate"), status=404)
    assert theirs["id"] not in [key["id"] for key in data_of(api.get("/api/keys"))]
    number = ApiKey.objects.get(uuid=theirs["id"]).pk
    problem_of(other_api.call("DELETE", f"/api/keys/{number}"), status=404)


def test_no_more_keys_than_the_limit_has(api: Api, user: User) -> None:
    User.objects.update(limits={"keys": 2})
    data_of(api.post("/api/keys"), status=201)
    problem = problem_of(api.post("/api/keys"), status=429)
    assert (problem["limit"], problem["allowed"], problem["used"]) == ("keys", 2, 2)


def test_what_is_done_to_keys_is_in_the_audit_trail_without_the_keys(api: Api, user: User) -> None:
    made = data_of(api.post("/api/keys", {"name": "ci"}), status=201)
    new = data_of(api.post(f"/api/keys/{made['id']}/rotate"), status=201)
    data_of(api.call("DELETE", f"/api/keys/{new['id']}"))
    trail = list(AuditEvent.objects.order_by("id"))
    assert [event.action for event in trail] == ["key.made", "key.rotated", "key.revoked"]
    assert {(event.user_id, event.email) for event in trail} == {(user.id, user.email)}
    assert all(event.actor.startswith("API key sk_") for event in trail)
    written = str([(event.actor, event.details) for event in trail])
    assert made["key"] not in written
    assert new["key"] not in written


def test_asking_for_the_scope_costs_no_query(api: Api, reader: Api) -> None:
    reader.post("/api/jobs", REQUEST)
    with CaptureQueriesContext(connection) as queries:
        problem_of(reader.post("/api/jobs", REQUEST), status=403)
    assert len(queries) == 0
