"""A provider that misbehaves, and browsers that do, sign nobody in, which is said in words."""

import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from booper.identity import questions
from jobs.models import AuditEvent, Identity, User
from jobs.pages import provider_sign_in
from tests import oidc_provider
from tests.conftest import StoppedClock
from tests.oidc_provider import Provider
from tests.oidc_walk import begin, come_back, is_in, refused, walk

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"


@pytest.fixture
def ada(provider: Provider) -> User:
    return User.objects.create_user(EMAIL)


def test_userinfo_of_somebody_else_is_not_believed(ada: User, provider: Provider) -> None:
    provider.tells_email_by_userinfo, provider.userinfo = True, {"sub": "somebody-else"}
    assert refused(walk(Client(), provider), 502, "did not answer as it should")
    assert not Identity.objects.exists()


BAD_TOKENS: dict[str, dict[str, Any]] = {
    "nonce": {"changes": {"nonce": "another"}},
    "no nonce": {"changes": {"nonce": None}},
    "audience": {"changes": {"aud": "another client"}},
    "party": {"changes": {"azp": "another client"}},
    "audiences without a party": {"changes": {"aud": [oidc_provider.CLIENT_ID, "another client"]}},
    "issuer": {"changes": {"iss": "https://another.example"}},
    "over": {"changes": {"exp": 1_700_000_000}},
    "never over": {"changes": {"exp": None}},
    "of the future": {"changes": {"iat": 4_000_000_000}},
    "nobody": {"changes": {"sub": ""}},
    "NUL": {"changes": {"sub": "a\x00b"}},
    "a number": {"changes": {"sub": 7}},
    "long": {"changes": {"sub": "a" * 256}},
    "unsigned": {"algorithm": "none"},
    "signed with the public key": {"algorithm": "HS256"},
    "signed by somebody else": {"signs_with": 1},
    "no keys": {"keys": []},
    "keys that are none": {"keys": [7, {}, {"kty": "RSA"}, {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "key-0"}]},
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_token_that_can_not_be_believed_signs_nobody_in(
    ada: User, provider: Provider, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    for attribute, value in BAD_TOKENS[name].items():
        setattr(provider, attribute, value)
    client = Client()
    with caplog.at_level(logging.DEBUG):
        assert refused(walk(client, provider), 502, "did not answer as it should")
    assert not is_in(client)
    assert not Identity.objects.exists()
    assert "nobody was signed in by the provider" in caplog.text


BAD_ANSWERS = {
    "garbage": (200, b"\xff<html>"),
    "a list": (200, b"[]"),
    "deep": (200, b"[" * 50_000),
    "an error": (500, b'{"error": "server_error"}'),
    "elsewhere": (302, b""),
    "huge": (200, b'{"a": "' + b"a" * 300_000 + b'"}'),
    "wrong secret": (401, b'{"error": "invalid_client"}'),
    "nothing": (200, b"{}"),
}


@pytest.mark.parametrize("place", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_that_makes_no_sense_is_a_page_in_words(ada: User, provider: Provider, name: str, place: str) -> None:
    provider.answers[place] = BAD_ANSWERS[name]
    client = Client()
    answer = client.get("/sign-in/provider") if place.startswith("/.") else walk(client, provider)
    assert refused(answer, 502, "did not answer as it should")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not is_in(client)


@pytest.mark.parametrize("place", ["/.well-known/openid-configuration", "/token"])
def test_a_provider_that_hangs_is_waited_for_so_long_and_no_longer(
    ada: User, provider: Provider, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, is_first = Client(), place.startswith("/.")
    back = "" if is_first else provider.back(begin(client))
    monkeypatch.setattr(questions, "SECONDS", 0.3)
    provider.hangs_at.add(place)
    answer = client.get("/sign-in/provider") if is_first else come_back(client, back)
    assert refused(answer, 502, "did not answer as it should")


def test_the_log_has_a_line_a_second_however_often_it_goes_wrong(
    ada: User, provider: Provider, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_sign_in, "_TOLD_EVERY_SECONDS", 60.0)
    provider.refuses = "invalid_scope"
    for _ in range(5):
        assert walk(Client(), provider).status_code == 400
    assert [record.getMessage() for record in caplog.records if record.name == provider_sign_in.__name__] == [
        "the provider has sent somebody back without a code: invalid_scope"
    ]


def test_one_that_has_failed_is_left_alone_for_a_moment(ada: User, provider: Provider) -> None:
    provider.answers["/.well-known/openid-configuration"] = (500, b"")
    for _ in range(3):
        assert Client().get("/sign-in/provider").status_code == 502
    assert len(provider.asked) == 1


def test_keys_that_were_changed_are_fetched_anew_and_those_that_were_not_are_kept(
    ada: User, provider: Provider
) -> None:
    for _ in range(2):
        assert walk(Client(), provider).status_code == 302
    assert provider.asked.count("/keys") == 1
    provider.keys, provider.signs_with = [oidc_provider.public(1)], 1
    assert walk(Client(), provider).status_code == 302
    assert provider.asked.count("/keys") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


def test_a_state_of_somebody_else_signs_nobody_in(ada: User, provider: Provider) -> None:
    victim, attacker = Client(), Client()
    begin(victim)
    back = provider.back(begin(attacker))
    answer = come_back(victim, back)
    assert refused(answer, 400, "was not begun in this browser")
    assert "/token" not in provider.asked
    assert not is_in(victim)


def test_what_was_begun_is_good_once_and_for_ten_minutes(
    ada: User, provider: Provider, stopped_clock: StoppedClock
) -> None:
    client = Client()
    back = provider.back(begin(client))
    kept = client.cookies["booper_sign_in"].value
    assert come_back(client, back).status_code == 302
    assert client.cookies["booper_sign_in"].value == ""
    again = Client()
    assert come_back(again, back).status_code == 400
    again.cookies["booper_sign_in"] = kept
    assert refused(come_back(again, back), 400, "knows nothing of this sign-in any more")
    assert not is_in(again)
    late = provider.back(begin(again))
    stopped_clock.advance(minutes=10, seconds=1)
    assert refused(come_back(again, late), 400, "begin again")


@pytest.mark.parametrize("cookie", ["", "x", "enc1:", "enc1:00000000:AAAA", "enc1:{id}:AAAA", "[]", '"a"'])
def test_a_cookie_that_is_none_of_ours_is_as_good_as_none(ada: User, provider: Provider, cookie: str) -> None:
    client = Client()
    back = provider.back(begin(client))
    key_id = client.cookies["booper_sign_in"].value.split(":")[1]
    client.cookies["booper_sign_in"] = cookie.replace("{id}", key_id)
    assert come_back(client, back).status_code == 400


def test_who_was_not_let_in_there_is_told_so(ada: User, provider: Provider) -> None:
    provider.refuses = "access_denied"
    assert refused(walk(Client(), provider), 403, "has not let you in")
    provider.refuses = "temporarily_unavailable"
    assert refused(walk(Client(), provider), 400, "did not answer as it should")
    provider.refuses = "<script>alert(1)</script>"
    answer = walk(Client(), provider)
    assert refused(answer, 400, "did not answer as it should")
    assert "alert(1)" not in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["", "?state=x", "?code=x", "?state=x&code=x", "?error=access_denied&state=x", "?state=%ff"]
)
def test_who_comes_back_without_having_gone_is_told_to_begin(provider: Provider, query: str) -> None:
    assert refused(Client().get(f"/sign-in/provider/done{query}"), 400, "begin again")
    assert provider.asked == []


def test_codes_that_are_made_up_are_counted_to_their_address(ada: User, provider: Provider, settings: Settings) -> None:
    settings.BOOPER_SIGN_IN_FAILURES = 1
    client = Client(REMOTE_ADDR="192.0.2.66")
    statuses = []
    for _ in range(6):
        state = parse_qs(urlsplit(begin(client)).query)["state"][0]
        statuses.append(client.get("/sign-in/provider/done", {"state": state, "code": "made-up"}).status_code)
    assert statuses == [400] * 5 + [429]
    assert len(provider.forms) == 5
    assert AuditEvent.objects.get(action="sign_in.locked_out").details["address"] == "192.0.2.66"
    assert walk(Client(REMOTE_ADDR="192.0.2.67"), provider).status_code == 302


def test_what_the_provider_does_wrong_is_counted_to_nobody(ada: User, provider: Provider, settings: Settings) -> None:
    settings.BOOPER_SIGN_IN_FAILURES = 1
    provider.answers["/token"] = (500, b"")
    for _ in range(7):
        assert walk(Client(), provider).status_code == 502


def test_half_the_threads_wait_for_the_provider_and_no_more(
    ada: User, provider: Provider, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.WEB_THREADS = 2
    monkeypatch.setattr(provider_sign_in, "_turns", provider_sign_in.new_turns)
    client = Client()
    back = provider.back(begin(client))
    turns = provider_sign_in.new_turns()
    monkeypatch.setattr(provider_sign_in, "_turns", lambda: turns)
    assert turns.acquire(blocking=False)
    answer = come_back(client, back)
    assert refused(answer, 503, "Many are signing in")
    assert answer.headers["Retry-After"] == "5"
    turns.release()
    assert walk(client, provider).status_code == 302


def test_no_code_token_or_secret_is_logged_noted_or_shown(
    ada: User, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.tells_email_by_userinfo = True
    pages: list[str] = []
    with caplog.at_level(logging.DEBUG):
        client = Client()
        pages.append(walk(client, provider).content.decode())
        pages.append(client.get("/account").content.decode())
        provider.changes = {"aud": "another client"}
        pages.append(walk(Client(), provider).content.decode())
        provider.answers["/token"] = (400, json.dumps({"error": "at-secret", "error_description": "code-0"}).encode())
        pages.append(walk(Client(), provider).content.decode())
    seen = "\n".join([caplog.text, *pages, *(json.dumps(event.details) for event in AuditEvent.objects.all())])
    secrets = ["at-secret", oidc_provider.CLIENT_SECRET, *(form["code_verifier"] for form in provider.forms)]
    secrets += [form["code"] for form in provider.forms]
    assert len(secrets) == 8
    assert [secret for secret in secrets if secret in seen] == []
