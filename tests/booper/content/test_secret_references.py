"""References to secrets: found, put in, percent-encoded in URLs, and hidden in whatever comes back."""

import base64
from typing import Any

import pytest

from booper.content import secret_references

VALUE = 'p&ss/w"rd ü'


def resolve(name: str) -> str:
    return {"TOKEN": VALUE, "BRACES": "{{secret:TOKEN}}", "DOLLAR": "$previous.x"}[name]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("{{secret:TOKEN}}", VALUE),
        ("Bearer {{secret:TOKEN}}, {{secret:TOKEN}}", f"Bearer {VALUE}, {VALUE}"),
        ("{{{{secret:TOKEN}}", "{{secret:TOKEN}}"),
        ("{{{{", "{{"),
        ("{{{{{{secret:TOKEN}}", "{{" + VALUE),
        ("{{secret:BRACES}}", "{{secret:TOKEN}}"),
        ("{{secret:DOLLAR}}", "$previous.x"),
        ("{{name}} {secret:TOKEN} {{secret TOKEN}} }}", "{{name}} {secret:TOKEN} {{secret TOKEN}} }}"),
        (
            {"a": ["x", {"b": "{{secret:TOKEN}}"}], "{{secret:TOKEN}}": 5},
            {"a": ["x", {"b": VALUE}], "{{secret:TOKEN}}": 5},
        ),
        (None, None),
        (1.5, 1.5),
    ],
)
def test_references_are_put_in_once_at_any_depth_and_never_in_keys(written: Any, sent: Any) -> None:
    assert secret_references.filled(written, resolve) == sent


def test_in_a_url_values_are_percent_encoded() -> None:
    filled = secret_references.filled_url("https://example.com/{{secret:TOKEN}}/x?k={{secret:TOKEN}}", resolve)
    encoded = "p%26ss%2Fw%22rd%20%C3%BC"
    assert filled == f"https://example.com/{encoded}/x?k={encoded}"


def test_references_are_found_with_the_way_to_them() -> None:
    value = {"headers": {"A": "{{secret:ONE}}{{secret:TWO}}"}, "body": [{"b": "{{{{secret:NO}} {{secret:x y}}"}]}
    assert list(secret_references.found_in(value)) == [
        (("headers", "A"), "ONE"),
        (("headers", "A"), "TWO"),
        (("body", 0, "b"), "x y"),
    ]


@pytest.mark.parametrize(
    "echo",
    [
        f"you said {VALUE}!",
        {"deep": [{"header": f"Bearer {VALUE}"}]},
        {VALUE: 1},
        "p%26ss%2Fw%22rd%20%C3%BC",
        "p%26ss%2Fw%22rd+%C3%BC",
        'p&ss/w\\"rd \\u00fc',
        base64.b64encode(VALUE.encode()).decode(),
    ],
)
def test_however_a_target_echoes_a_secret_it_is_hidden(echo: Any) -> None:
    hidden = str(secret_references.hidden(echo, [VALUE]))
    assert "***" in hidden
    assert "ss/w" not in hidden
    assert "ss%2Fw" not in hidden


def test_what_has_no_secret_stays_as_it_is_and_a_very_short_one_hides_nothing() -> None:
    answer = {"status": 200, "body": {"a": [1, None, True, "text"]}}
    assert secret_references.hidden(answer, [VALUE]) == answer
    assert secret_references.hidden(answer, ["e"]) == answer


@pytest.mark.parametrize("name", ["A", "API_TOKEN_2", "A" * 64])
def test_names(name: str) -> None:
    assert secret_references.is_name(name)


@pytest.mark.parametrize("name", ["", "a", "2A", "_A", "A-B", "A" * 65, "A\n", "Ä"])
def test_what_is_no_name(name: str) -> None:
    assert not secret_references.is_name(name)


def test_among_bytes_that_are_no_text_it_is_hidden_before_they_are_encoded() -> None:
    body = b"\xff" + VALUE.encode() + b"\x00ab"
    assert secret_references.hidden_in_bytes(body, [VALUE, "ab"]) == b"\xff***\x00ab"
