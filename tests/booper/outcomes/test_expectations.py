"""What counts as success where its owner says so."""

from typing import Any

import pytest

from booper.outcomes import expectations
from booper.outcomes.expectations import Said
from booper.outcomes.outcome import Outcome, Response


def _unmet(
    success_when: dict[str, Any], *, status: int = 200, took_ms: int = 30, is_cut: bool = False, **said: Any
) -> str:
    outcome = Outcome(response=Response(status, (), b"", truncated=is_cut), failure=None, duration_ms=took_ms)
    return expectations.of(success_when).unmet(outcome, Said(**said)) or ""


@pytest.mark.parametrize(
    ("status", "answered", "is_met"),
    [
        ([200], 200, True),
        ([200], 201, False),
        (["2xx"], 204, True),
        (["3XX", 404], 302, True),
        (["3xx", "404"], 404, True),
        (["3xx", 404], 200, False),
        ([410], 410, True),
        (None, 299, True),
        (None, 300, False),
    ],
)
def test_statuses_are_codes_and_classes_and_2xx_where_none_is_named(status: Any, answered: int, is_met: bool) -> None:
    given = {"within": 60} if status is None else {"status": status}
    assert (_unmet(given, status=answered) == "") is is_met


@pytest.mark.parametrize(
    ("value", "wanted", "is_in"),
    [
        ({"ok": True, "n": 1}, {"ok": True}, True),
        ({"ok": 1}, {"ok": True}, False),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, False),
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": [1, 2, 3]}, {"a": [1, 2]}, False),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}, False),
        ([1, {"b": 2}], [1, {"b": 2}], True),
        ("done", "done", True),
        ("Done", "done", False),
        (1.0, 1, True),
        ({"a": None}, {"a": None}, True),
        ({}, {"a": None}, False),
    ],
)
def test_an_object_is_asked_for_the_keys_that_are_given_and_anything_else_for_all(
    value: Any, wanted: Any, is_in: bool
) -> None:
    assert expectations.contains(value, wanted) is is_in


def test_what_was_expected_and_what_came_is_said() -> None:
    assert _unmet({"status": [201, "3xx"]}) == "expected a status of 201, 3xx, and it answered 200"
    assert _unmet({"within": [1, "seconds"]}, took_ms=1500) == "expected an answer within 1 s, and it took 1.5 s"
    said: dict[str, Any] = {"value": {"ok": False}, "is_json": True, "text": '{"ok": false}'}
    assert _unmet({"body": {"ok": True}}, **said) == (
        'expected JSON that contains {"ok": true}, and it answered {"ok": false}'
    )
    assert _unmet({"body": {"ok": True}}, text="ok") == 'expected JSON that contains {"ok": true}, and it answered ok'
    assert _unmet({"body_contains": "done"}) == "expected an answer that contains done, and it answered nothing"
    assert len(_unmet({"body_contains": "y"}, text="x" * 10_000)) < 300


def test_of_an_answer_that_is_no_text_its_length_is_said() -> None:
    outcome = Outcome(response=Response(200, (), b"ok\x00ok", truncated=False), failure=None, duration_ms=30)
    unmet = expectations.of({"body_contains": "ok"}).unmet(outcome, Said())
    assert unmet == "expected an answer that contains ok, and it answered 5 bytes that are no text"


def test_all_that_is_given_must_hold() -> None:
    given = {"status": [200], "body_contains": "done", "within": 1}
    assert _unmet(given, text="all done") == ""
    assert _unmet(given, text="all done", status=201)
    assert _unmet(given, text="all done", took_ms=1001)
    assert _unmet(given, text="not yet")


def test_an_answer_that_was_cut_has_no_content_to_count_on() -> None:
    assert "too long" in _unmet({"body_contains": "done"}, text="done", is_cut=True)
    assert "too long" in _unmet({"body": 1}, value=1, is_json=True, is_cut=True)
    assert _unmet({"status": [200]}, is_cut=True) == ""
