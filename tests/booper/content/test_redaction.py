"""What may be shown: secrets are told by their names and by their shapes, and what is none stays as it is."""

from typing import Any

import pytest

from booper.content import redaction
from booper.content.redaction import HIDDEN
from tests.planted import HARMLESS, SHAPED


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "proxy-authorization",
        "Cookie",
        "Set-Cookie",
        "X-Session",
        "sessionid",
        "sid",
        "jwt",
        "bearer",
        "X-Auth-Token",
        "accessToken",
        "access_token",
        "client_secret",
        "password",
        "userPwd",
        "passphrase",
        "X-Amz-Signature",
        "X-Hub-Signature-256",
        "sig",
        "api_key",
        "privateKey",
        "signing-key",
    ],
)
def test_a_name_of_a_secret_is_known_for_one(name: str) -> None:
    assert redaction.names_a_secret(name)
    assert redaction.names_a_secret(name, is_field=True)


@pytest.mark.parametrize("name", ["X-Api-Key", "apikey", "key", "Ocp-Apim-Subscription-Key", "X-Functions-Key"])
def test_a_header_or_parameter_that_is_a_key_opens_a_door(name: str) -> None:
    assert redaction.names_a_secret(name)


@pytest.mark.parametrize("name", ["key", "keys", "sort_key", "monkey", "keyboard"])
def test_a_field_of_a_body_may_be_the_key_of_anything(name: str) -> None:
    assert not redaction.names_a_secret(name, is_field=True)


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Type", "Idempotency-Key", "idempotency_key", "author", "X-Trace", "page", "keyboard", "User-Agent"),
        *("", "shipping", "pinned", "side", "inside", "design", "public_key"),
    ],
)
def test_other_names_are_not(name: str) -> None:
    assert not redaction.names_a_secret(name, is_field=True)


@pytest.mark.parametrize("text", SHAPED)
def test_a_secret_is_known_by_its_shape_wherever_it_stands(text: str) -> None:
    for shown in (
        redaction.redacted_text(f"the target said: {text} and went on"),
        str(redaction.redacted({"body": {"note": [f"x {text}"]}})),
        str(redaction.redacted({"headers": {"X-Anything": text}})),
    ):
        assert text not in shown, shown
        assert HIDDEN in shown


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_a_little_like_one_stays(text: str) -> None:
    assert redaction.redacted_text(text) == text
    assert redaction.redacted({"body": {"note": text}}) == {"body": {"note": text}}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/", "https://a.example/"),
        ("https://a.example/token=1", "https://a.example/token=1"),
        ("https://a.example/?token=1", f"https://a.example/?token={HIDDEN}"),
        ("https://a.example/?page=2&api%5Fkey=1&x=3#f", f"https://a.example/?page=2&api%5Fkey={HIDDEN}&x=3#f"),
        ("https://a.example/?TOKEN=a=b&key=", f"https://a.example/?TOKEN={HIDDEN}&key="),
        ("https://hooks.slack.com/services/T0/B0/xyz", f"https://hooks.slack.com/services/{HIDDEN}"),
        ("https://discord.com/api/webhooks/1/abc?wait=true", f"https://discord.com/api/webhooks/{HIDDEN}?wait=true"),
        ("https://api.telegram.org/bot12:AAE/sendMessage", f"https://api.telegram.org/bot{HIDDEN}"),
        ("https://a.example/h/Zm9vYmFyQmF6MTIzNDU2Nzg5MA", f"https://a.example/h/{HIDDEN}"),
        ("https://a.example/{{secret:TOKEN}}?token={{secret:TOKEN}}", None),
        ("tgram://123456789:abc/12345", f"tgram://{HIDDEN}"),
        ("", ""),
    ],
)
def test_secrets_in_a_url_are_hidden(url: str, shown: str | None) -> None:
    expected = "https://a.example/{{secret:TOKEN}}?token=***" if shown is None else shown
    assert redaction.redacted_url(url) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        ([1, "token"], [1, "token"]),
        ({"token": "x", "n": 5}, {"token": HIDDEN, "n": 5}),
        ({"token": None, "has_token": True, "tokens": []}, {"token": None, "has_token": True, "tokens": []}),
        ({"headers": {"Cookie": "a", "X-Trace": "b"}}, {"headers": {"Cookie": HIDDEN, "X-Trace": "b"}}),
        ({"headers": "no object"}, {"headers": "no object"}),
        ([{"data": {"query": {"key": ["a", "b"]}}}], [{"data": {"query": {"key": HIDDEN}}}]),
        (
            {"query": {"deep": {"key": "a"}}, "body": {"key": "a"}},
            {"query": {"deep": {"key": HIDDEN}}, "body": {"key": "a"}},
        ),
        ({"headers": {"x": {"url": "https://a/?sig=1"}}}, {"headers": {"x": {"url": f"https://a/?sig={HIDDEN}"}}}),
        (
            {"error": {"message": "login failed: password=hunter2"}},
            {"error": {"message": f"login failed: password={HIDDEN}"}},
        ),
        ({"body": '{"api_key": "hunter2"}'}, {"body": f'{{"api_key": "{HIDDEN}"}}'}),
    ],
)
def test_secrets_in_json_are_hidden_at_any_depth(value: Any, shown: Any) -> None:
    assert redaction.redacted(value) == shown


def test_for_others_headers_with_credentials_are_left_out() -> None:
    payload = {"method": "get", "headers": {"authorization": "x", "Cookie": "y", "Accept": "z"}, "body": {"pwd": "p"}}
    assert redaction.without_credentials(payload) == {
        "method": "get",
        "headers": {"Accept": "z"},
        "body": {"pwd": HIDDEN},
    }


def test_an_operator_sees_how_it_went_and_nothing_of_what_was_said() -> None:
    payload = {
        "status": 500,
        "duration_ms": 3,
        "url": "https://a.example/?token=x",
        "headers": {"Content-Type": "application/json", "X-Note": "private"},
        "body": {"name": "Ada", "ages": [36, 5], "ok": True, "none": None},
        "error": {"code": "http_status", "message": "the target answered 500"},
    }
    assert redaction.metadata(payload) == {
        "status": 500,
        "duration_ms": 3,
        "url": f"https://a.example/?token={HIDDEN}",
        "headers": {"Content-Type": "application/json", "X-Note": "(7 characters)"},
        "body": {"name": "(3 characters)", "ages": ["(a number)", "(a number)"], "ok": True, "none": None},
        "error": {"code": "http_status", "message": "the target answered 500"},
    }
    assert redaction.metadata("text") == "(4 characters)"
