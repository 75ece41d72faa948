"""What targets and tenants write: no answer, placeholder or secret's name breaks what reads it."""

import gzip
import json
import zlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booper.content import codings, exact_json, placeholders, redaction, secret_references
from booper.content.placeholders import RenderTooLargeError
from booper.outcomes import steering, verdict
from booper.outcomes.expectations import Said
from booper.outcomes.outcome import Outcome, Response
from booper.sending.reply import Reply
from jobs.outgoing import shown_response
from tests.factories import NOON
from tests.fuzzing.amount import LONGEST_SECONDS, bytes_close_to, close_to, fuzz, json_values
from tests.planted import SHAPED

pytestmark = pytest.mark.timeout(LONGEST_SECONDS)

REFERENCES = [
    *("$previous", "$previous.items.0.id", "$state.a.b", "$job.id", "$$state", "$", "$previous.", "{{secret:NAME}}"),
    *("{{{{", "{{secret:}}", "{{{{secret:NAME}}", "x {{secret:A_1}} y {{secret:B}}", "{{secret:NAME", "$state.-1"),
]
KINDS = [
    *(
        "application/json",
        "text/html; charset=utf-16",
        "text/plain; charset=shift_jis",
        'application/json; charset="utf-8"',
    ),
    *(
        "text/plain;charset=idna",
        "text/plain; charset=punycode",
        "text/x; charset=rot13",
        "image/png",
        "charset=utf-7",
        "",
    ),
]
BODIES = [
    *(
        b'{"a": [1, 2.50, "x"]}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"\x82\xb1",
        b"NaN",
        b"1e400",
        b'{"a":1,"a":2}',
    ),
    *(
        gzip.compress(b"{}"),
        zlib.compress(b"x" * 5000),
        b"\x1f\x8b\x08",
        b"\xed\xa0\x80",
        b"[" * 300,
        b'{"$set": {"a": 1}}',
    ),
]
HEADERS = [
    *(
        b"HTTP/1.1 200 OK\r\n",
        b"Set-Cookie: a=b; Path=/\r\n",
        b" folded\r\n",
        b"X\r\n",
        b": x\r\n",
        b"A: \xe9\r\n",
        b"\r\n",
        b"\n",
    ),
    *(
        b"HTTP/1.1 100 Continue\r\n",
        b"HTTP/1.1 101 Switching\r\n",
        b"Content-Encoding: gzip, br\r\n",
        b"Set-Cookie: \x00=\xff\r\n",
    ),
]
AFTER = [
    *("120", "0", "-5", "1e5", "9" * 5000, "Wed, 21 Oct 2026 07:28:00 GMT", "Wednesday, 21-Oct-26 07:28:00 GMT"),
    *(
        "Wed Oct 21 07:28:00 2026",
        "Wed, 32 Foo 99999 25:61:61 +9999",
        "\u0661\u0662",
        "",
        "1.5",
        "0x10",
        "Fri, 31 Dec 9999 23:59:59 -2359",
    ),
]


def answer_of(body: bytes, *headers: tuple[str, str], status: int = 503) -> Response:
    return Response(status, headers, body, truncated=False)


@fuzz
@given(bytes_close_to(BODIES), close_to(KINDS), st.booleans(), st.lists(st.sampled_from(SHAPED), max_size=2))
def test_answers_are_read_whatever_they_call_themselves(
    body: bytes, kind: str, is_cut: bool, secrets: list[str]
) -> None:
    response = Response(200, (("Content-Type", kind),), body, truncated=is_cut)
    said = shown_response.read(response, secrets=secrets)
    shown = shown_response.shown_response(response, said, duration_ms=1)
    assert exact_json.loads(exact_json.dumps(shown).decode()) is not None
    assert "\x00" not in exact_json.dumps(shown).decode()
    json.dumps(redaction.redacted(shown))
    json.dumps(redaction.metadata(shown))
    steering.of(Said(said.value, said.is_json, said.text), has_succeeded=True, now=NOON)
    placeholders.extract_set(said.value)


@fuzz
@given(
    bytes_close_to(BODIES),
    close_to(["gzip", "br", "zstd", "deflate", "gzip, br", "identity", "x-gzip,,"]),
    st.integers(0, 4000),
)
def test_compressed_bodies_are_inflated_up_to_the_limit_or_left(body: bytes, encoding: str, limit: int) -> None:
    try:
        inflated = codings.decoded(body, encoding, limit=limit)
    except codings.Undecodable:
        return
    assert len(inflated) <= limit or inflated == body


@fuzz
@given(st.lists(bytes_close_to(HEADERS), max_size=12), st.lists(st.binary(max_size=300), max_size=4))
def test_heads_and_bodies_of_answers(lines: list[bytes], chunks: list[bytes]) -> None:
    reply = Reply(max_header_bytes=2000, max_header_count=10, max_body_bytes=500)
    if all(reply.take_header(line) for line in lines):
        for chunk in chunks:
            if not reply.take_body(chunk):
                break
    response = reply.response(200)
    assert len(response.body) <= 500
    shown = shown_response.shown_headers(response)
    assert "\x00" not in json.dumps(shown, ensure_ascii=False)
    json.dumps(shown, ensure_ascii=False).encode()


@fuzz
@given(close_to(AFTER), st.integers(1, 5), st.sampled_from([410, 429, 503]))
def test_retry_after_is_a_second_to_a_day_or_nothing(value: str, attempt: int, status: int) -> None:
    outcome = Outcome(answer_of(b"", ("Retry-After", value), status=status), None, 1)
    found = verdict.decide(outcome, attempt=attempt, max_attempts=9, backoff_seconds=None, now=NOON)
    if found.retry_at is not None:
        assert NOON + timedelta(seconds=1) <= found.retry_at <= NOON + timedelta(days=1)
    delivery = verdict.decide_delivery(outcome, attempt=attempt, first_at=NOON, now=NOON)
    if delivery.retry_at is not None:
        assert NOON + timedelta(seconds=5) <= delivery.retry_at <= NOON + timedelta(days=1)


@fuzz
@given(
    st.dictionaries(
        st.sampled_from(["$fail", "$retry_in", "$stop", "$pause", "$next_in", "$next_at", "$set"]), json_values()
    )
)
def test_what_answers_ask_for_is_obeyed_or_refused_in_words(answer: dict[str, Any]) -> None:
    for has_succeeded in (True, False):
        wishes = steering.of(Said(answer, True, None), has_succeeded=has_succeeded, now=NOON)
        assert all(refusal for refusal in wishes.refusals)
        assert wishes.retry_in_seconds is None or wishes.retry_in_seconds >= 0
    placeholders.merge_state({"a": 1}, patch=placeholders.extract_set(answer))


def trees() -> st.SearchStrategy[Any]:
    texts = close_to(REFERENCES)
    plain = st.none() | st.booleans() | st.integers() | texts
    return st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10)


@fuzz
@given(trees(), json_values(), st.dictionaries(st.text(), json_values(), max_size=3))
def test_placeholders(body: Any, previous: Any, state: dict[str, Any]) -> None:
    try:
        rendered = placeholders.render(
            body=body,
            query={"q": body},
            headers={"X": body},
            job={"id": 1},
            previous=previous,
            state=state,
            include_metadata=True,
            max_bytes=5000,
        )
    except RenderTooLargeError:
        return
    json.dumps([rendered.body, rendered.query, rendered.headers])


@fuzz
@given(trees())
def test_references_to_secrets(value: Any) -> None:
    names = {name for _, name in secret_references.found_in(value)}
    filled = json.dumps(secret_references.filled(value, lambda name: f"<{name}>"))
    assert all(f"<{name}>" in filled for name in names if secret_references.is_name(name))
    written = secret_references.filled(value, secret_references.as_written)
    json.dumps(written)
    hidden = json.dumps(secret_references.hidden({"a": value, "b": "hunter2-hunter2"}, ["hunter2-hunter2"]))
    assert "hunter2" not in hidden


@fuzz
@given(json_values() | trees(), st.sampled_from(SHAPED), st.text(max_size=30))
def test_redaction_hides_a_token_wherever_it_stands(value: Any, token: str, around: str) -> None:
    within = {
        "value": value,
        "text": f"{around} {token} {around}",
        around: [token],
        "url": f"https://x.example/?a={token}",
    }
    shown = redaction.redacted(within)
    assert token not in json.dumps([shown["text"], shown["url"]])
    json.dumps(redaction.outline(within))
    json.dumps(redaction.without_credentials({"headers": {"X": around}, "body": within}))
