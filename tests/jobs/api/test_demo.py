"""Ping, echo and broadcast need no key and no database."""

import json
from typing import Any

import pytest

import booper
from tests.api import FORM, Api, bare_of, data_of, pointers_of


def test_ping_answers_pong(open_api: Api) -> None:
    assert bare_of(open_api.get("/api/ping")) == {"message": "Pong"}


def test_ping_does_not_look_at_a_key(open_api: Api) -> None:
    assert bare_of(open_api.get("/api/ping", Authorization="Bearer nonsense")) == {"message": "Pong"}


def test_the_version_is_told_without_a_key(open_api: Api) -> None:
    assert data_of(open_api.get("/api/version")) == {"version": booper.__version__, "api": "1"}


def test_echo_answers_what_it_was_sent(open_api: Api) -> None:
    body = {"a": [1, 0.5, None, {"b": "ü \U0001f600"}], "": ""}
    assert bare_of(open_api.post("/api/echo", body)) == body
    assert bare_of(open_api.post("/api/echo", "a[b]=1&a[c][]=2", content_type=FORM)) == {"a": {"b": "1", "c": ["2"]}}


@pytest.mark.parametrize("body", ["[1]", "[]", "5", "0.5", '""', '"text"', "true", "null", "[" * 100 + "]" * 100])
def test_echo_takes_any_json(open_api: Api, body: str) -> None:
    assert bare_of(open_api.post("/api/echo", body)) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ("", ""),
        ("nonsense", ""),
        ("NaN", ""),
        ('["\\u0000"]', "/0"),
        ('"\\ud800"', ""),
        ('[{"a": 1, "a": 1}]', "/0"),
        ("[" * 101 + "]" * 101, "/0" * 100),
        ("[" * 10_000, ""),
    ],
)
def test_echo_takes_nothing_that_is_not_plain_json(open_api: Api, body: str, pointer: str) -> None:
    assert pointers_of(open_api.post("/api/echo", body)) == [pointer]


def test_broadcast_answers_its_three_fields(open_api: Api) -> None:
    body = {"content": "Hi", "author": "me", "channel": "general"}
    assert bare_of(open_api.post("/api/broadcast", body)) == body
    alone = {"content": "Hi", "author": None, "channel": None}
    assert bare_of(open_api.post("/api/broadcast", "content=Hi", content_type=FORM)) == alone


def test_broadcast_passes_over_what_a_recurring_job_adds(open_api: Api) -> None:
    body = {"content": "Hi", "$job": {"id": 1}, "$previous": {}, "$state": {}}
    assert bare_of(open_api.post("/api/broadcast", body)) == {"content": "Hi", "author": None, "channel": None}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/content"]),
        ({"content": 5, "author": []}, ["/content", "/author"]),
        ({"content": "x" * 10_001}, ["/content"]),
        ({"content": "Hi", "chanel": "a"}, ["/chanel"]),
    ],
)
def test_broadcast_refuses_what_does_not_fit(open_api: Api, body: dict[str, Any], pointers: list[str]) -> None:
    assert pointers_of(open_api.post("/api/broadcast", body)) == pointers
