"""API keys: well-formed or no query, one query to authenticate, and how soon a revoked one is refused."""

import time
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.api import authentication
from jobs.models import ApiKey, User
from jobs.models.api_key import hash_token, is_well_formed, new_token
from tests.api import Api, data_of, problem_of
from tests.conftest import StoppedClock
from tests.factories import NOON


def outlive_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.monotonic() + authentication.KEPT_SECONDS
    monkeypatch.setattr("jobs.database.expiring_cache.time.monotonic", lambda: later)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Token", "token"])
def test_a_key_is_taken_after_either_scheme(open_api: Api, token: str, scheme: str) -> None:
    data_of(open_api.get("/api/jobs", Authorization=f"{scheme} {token}"))
    data_of(open_api.get("/api/jobs", Authorization=f" {scheme}   {token} "))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "there is no API key"),
        ("Bearer", "no API key, as its checksum tells"),
        ("Bearer sk_", "checksum"),
        ("Bearer sk_" + "a" * 38, "checksum"),
        ("Bearer sk_" + "é" * 38, "checksum"),
        ("Bearer {token}x", "checksum"),
        ("Bearer {token} {token}", "checksum"),
        ("Bearer {swapped}", "checksum"),
        ("Basic {token}", "Bearer sk_"),
        ("{token}", "Bearer sk_"),
        ("Bearer {unknown}", "not known, expired or revoked"),
    ],
)
def test_without_a_key_that_is_known_the_answer_is_401(open_api: Api, token: str, header: str, words: str) -> None:
    # The first two neighbours that differ: the letters are random, and swapping two alike changes nothing.
    at = next(at for at in range(3, len(token) - 1) if token[at] != token[at + 1])
    swapped = token[:at] + token[at + 1] + token[at] + token[at + 2 :]
    given = header.format(token=token, swapped=swapped, unknown=new_token())
    response = open_api.get("/api/jobs", Authorization=given)
    assert words in problem_of(response, status=401)["detail"]
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="booper"'


def test_a_key_that_is_not_well_formed_costs_no_query(open_api: Api, token: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        problem_of(open_api.get("/api/jobs", Authorization=f"Bearer {token[:-1]}~"), status=401)
    assert len(queries) == 0


def test_new_tokens_are_well_formed_and_each_is_another() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(is_well_formed(token) for token in tokens)


def test_only_the_hash_of_a_token_is_kept(token: str) -> None:
    key = ApiKey.objects.get()
    assert key.token_hash == hash_token(token)
    assert token.startswith(key.hint)
    assert len(key.hint) < 12


def test_a_key_is_looked_up_once_in_a_while(api: Api) -> None:
    api.get("/api/jobs")
    with CaptureQueriesContext(connection) as queries:
        api.get("/api/jobs")
    assert [query["sql"].split(" FROM ")[1].split()[0] for query in queries] == ['"jobs_job"']


def test_looking_up_a_key_costs_one_query_with_its_user(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.get("/api/jobs")
    outlive_the_cache(monkeypatch)
    with CaptureQueriesContext(connection) as queries:
        api.get("/api/jobs")
    assert len(queries) == 2


def test_a_revoked_key_is_refused_seconds_later(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    data_of(api.get("/api/jobs"))
    ApiKey.objects.update(revoked_at=NOON)
    data_of(api.get("/api/jobs"))
    outlive_the_cache(monkeypatch)
    problem_of(api.get("/api/jobs"), status=401)


def test_the_keys_of_a_user_who_is_not_active_are_refused(api: Api, user: User) -> None:
    User.objects.filter(id=user.id).update(is_active=False)
    problem_of(api.get("/api/jobs"), status=401)


def test_a_key_is_taken_until_it_expires_even_when_it_is_remembered(
    open_api: Api, user: User, stopped_clock: StoppedClock
) -> None:
    _, token = ApiKey.issue(user.id, expires_at=NOON + timedelta(seconds=2))
    data_of(open_api.get("/api/jobs", Authorization=f"Bearer {token}"))
    stopped_clock.advance(seconds=2)
    problem_of(open_api.get("/api/jobs", Authorization=f"Bearer {token}"), status=401)


def test_the_last_use_is_noted_at_most_once_a_minute(api: Api, stopped_clock: StoppedClock) -> None:
    noted = []
    for seconds in (0, 30, 29, 1, 59, 1):
        now = stopped_clock.advance(seconds=seconds)
        authentication.known_keys.clear()
        api.get("/api/jobs")
        noted.append(ApiKey.objects.get().last_used_at == now)
    assert noted == [True, False, False, True, False, True]


def test_a_use_that_somebody_else_has_noted_is_not_noted_again(api: Api, stopped_clock: StoppedClock) -> None:
    stale = ApiKey.objects.get()
    api.get("/api/jobs")
    later = stopped_clock.advance(seconds=30)
    authentication._note_use(stale, now=later)
    assert ApiKey.objects.get().last_used_at == NOON


def test_a_use_that_cannot_be_noted_does_no_harm(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> int:
        raise DatabaseError("database is locked")

    monkeypatch.setattr(QuerySet, "update", fail)
    data_of(api.get("/api/jobs"))


def test_two_users_see_each_their_own(web: Client, api: Api, other_api: Api, user: User, other_user: User) -> None:
    for caller, owner in ((api, user), (other_api, other_user)):
        data = data_of(caller.post("/api/jobs", {"url": "https://example.com"}), status=201)
        assert data["user_id"] == str(owner.id)
