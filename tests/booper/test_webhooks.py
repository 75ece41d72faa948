"""What a receiver of callbacks and webhooks is told: the event, or which check failed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booper import webhooks
from booper.content import signatures

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
SECRET = signatures.new_secret()
OTHER = signatures.new_secret()
EVENT = {"type": "job.result", "timestamp": "2026-12-01T09:00:00Z", "data": {"job_id": 7, "name": "täglich"}}
BODY = json.dumps(EVENT, ensure_ascii=False).encode()


def signed(body: bytes = BODY, *, secret: str | list[str] = SECRET, at: datetime = NOW) -> dict[str, str]:
    return signatures.signed_headers(body, secret=secret, message_id="msg_1", timestamp=int(at.timestamp()))


@pytest.mark.parametrize("body", [BODY, BODY.decode(), bytearray(BODY)], ids=["bytes", "text", "bytearray"])
def test_a_message_that_is_signed_gives_its_event(body: Any) -> None:
    assert webhooks.verify(body, signed(), SECRET, now=NOW) == EVENT


def test_the_case_of_header_names_does_not_matter() -> None:
    headers = {name.title(): value for name, value in signed().items()}
    assert webhooks.verify(BODY, headers, SECRET, now=NOW) == EVENT


def test_while_a_secret_is_replaced_either_of_both_sides_may_know_both() -> None:
    assert webhooks.verify(BODY, signed(secret=[OTHER, SECRET]), SECRET, now=NOW) == EVENT
    assert webhooks.verify(BODY, signed(), [OTHER, SECRET], now=NOW) == EVENT


@pytest.mark.parametrize("age", [timedelta(seconds=301), timedelta(seconds=-301)])
def test_a_message_from_another_time_is_refused_unless_more_is_tolerated(age: timedelta) -> None:
    headers = signed(at=NOW - age)
    with pytest.raises(webhooks.InvalidSignature, match="webhook-timestamp"):
        webhooks.verify(BODY, headers, SECRET, now=NOW)
    assert webhooks.verify(BODY, headers, SECRET, now=NOW, tolerance_seconds=600) == EVENT


def test_without_a_moment_it_is_the_present_one() -> None:
    assert webhooks.verify(BODY, signed(at=datetime.now(UTC)), SECRET) == EVENT
    with pytest.raises(webhooks.InvalidSignature):
        webhooks.verify(BODY, signed(at=datetime.now(UTC) - timedelta(hours=1)), SECRET)


def test_a_body_that_was_changed_and_a_secret_of_somebody_else_are_refused() -> None:
    with pytest.raises(webhooks.InvalidSignature, match="no v1 signature"):
        webhooks.verify(BODY + b" ", signed(), SECRET, now=NOW)
    with pytest.raises(webhooks.InvalidSignature, match="no v1 signature"):
        webhooks.verify(BODY, signed(), OTHER, now=NOW)


@pytest.mark.parametrize("name", [signatures.ID_HEADER, signatures.TIMESTAMP_HEADER, signatures.SIGNATURE_HEADER])
def test_a_header_that_is_missing_is_named(name: str) -> None:
    headers = {header: value for header, value in signed().items() if header != name}
    with pytest.raises(webhooks.InvalidSignature, match=name):
        webhooks.verify(BODY, headers, SECRET, now=NOW)


@pytest.mark.parametrize("body", [b"hello", b"\xff\xfe", b"[" * 100_000], ids=["text", "bytes", "nested too deep"])
def test_what_is_signed_but_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(webhooks.InvalidSignature, match="not JSON"):
        webhooks.verify(body, signed(body), SECRET, now=NOW)


def test_a_secret_that_can_be_none_says_so() -> None:
    with pytest.raises(webhooks.InvalidSecret):
        webhooks.verify(BODY, signed(), "whsec_short", now=NOW)
