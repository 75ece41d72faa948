"""What an answer asks for beside what it says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booper.outcomes import steering, verdict
from booper.outcomes.expectations import Expectation, Said
from booper.outcomes.outcome import Outcome, Response
from booper.outcomes.verdict import Kind, Verdict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _decided(answer: Any, *, status: int = 200, attempt: int = 1, expectation: Expectation | None = None) -> Verdict:
    outcome = Outcome(response=Response(status, (), b"", truncated=False), failure=None, duration_ms=30)
    said = Said(answer, is_json=True)
    return verdict.decide(
        outcome, attempt=attempt, max_attempts=3, backoff_seconds=[60], now=NOW, said=said, expectation=expectation
    )


@pytest.mark.parametrize(
    ("answer", "status", "kind", "code", "waits"),
    [
        ({"$fail": "no stock"}, 200, Kind.RETRY, "failed_by_target", 60),
        ({"$fail": "no stock", "$retry_in": 7}, 200, Kind.RETRY, "failed_by_target", 7),
        ({"$fail": "no stock", "$stop": True}, 200, Kind.GIVE_UP, "failed_by_target", None),
        ({"$retry_in": [2, "minutes"]}, 200, Kind.RETRY, "retry_asked", 120),
        ({"$retry_in": 0}, 200, Kind.RETRY, "retry_asked", 1),
        ({"$retry_in": 5}, 500, Kind.RETRY, "http_status", 5),
        ({"$stop": True}, 500, Kind.GIVE_UP, "http_status", None),
        ({"$stop": True}, 200, Kind.SUCCEED, None, None),
        ({"$fail": "no"}, 500, Kind.RETRY, "http_status", 60),
        ({"$retry_in": 5}, 410, Kind.GIVE_UP, "http_status", None),
        ({"$stop": False, "$pause": False}, 200, Kind.SUCCEED, None, None),
        ([{"$fail": "not at the top"}], 200, Kind.SUCCEED, None, None),
    ],
)
def test_an_answer_may_fail_retry_and_stop(
    answer: Any, status: int, kind: Kind, code: str | None, waits: float | None
) -> None:
    found = _decided(answer, status=status)
    assert (found.kind, found.code) == (kind, code)
    assert found.retry_at == (None if waits is None else NOW + timedelta(seconds=waits))


def test_a_wish_grants_no_attempt_more_than_there_are() -> None:
    assert _decided({"$retry_in": 5}, attempt=3).kind == Kind.GIVE_UP


def test_what_it_failed_for_is_said() -> None:
    assert _decided({"$fail": "no stock"}).message == "the target said that it failed: no stock"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"$fail": True}, "$fail"),
        ({"$fail": ""}, "$fail"),
        ({"$retry_in": "soon"}, "$retry_in"),
        ({"$retry_in": -5}, "$retry_in"),
        ({"$stop": "yes"}, "$stop"),
        ({"$pause": 1}, "$pause"),
    ],
)
def test_a_wish_that_makes_no_sense_changes_nothing_and_is_told(answer: Any, words: str) -> None:
    found = _decided(answer)
    assert found.kind == Kind.SUCCEED
    [refusal] = found.wishes.refusals
    assert refusal.startswith(words)


def test_a_pause_is_granted_to_a_success_alone() -> None:
    assert _decided({"$pause": True}).wishes.pauses
    assert not _decided({"$pause": True}, status=500).wishes.pauses


def test_an_expectation_decides_before_410_does() -> None:
    gone = Expectation(statuses=("410",))
    assert _decided({}, status=410, expectation=gone).kind == Kind.SUCCEED
    found = _decided({}, status=200, expectation=gone)
    assert (found.kind, found.code) == (Kind.RETRY, "unexpected_answer")
    assert _decided({"$fail": "no"}, status=410, expectation=gone).code == steering.FAILED_BY_TARGET
