"""Four times as much takes a parser about four times as long: nobody has it work for minutes by some kilobytes."""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, date
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from booper.calendars import ics_reader
from booper.content import codings, placeholders, redaction, secret_references
from booper.content.placeholders import RenderTooLargeError
from booper.outcomes import verdict
from booper.outcomes.outcome import Outcome, Response
from booper.sending.reply import Reply
from booper.targets import headers, urls
from booper.timing import cron, durations, zones
from jobs.api.wire import bracket_forms
from jobs.guarding import client_address
from jobs.intake import strict_json
from jobs.intake.refusals import InvalidInput
from jobs.outgoing import shown_response
from jobs.pages import search
from tests.factories import NOON
from tests.fuzzing.amount import EXAMPLES, LONGEST_SECONDS, close_to, fuzz
from tests.fuzzing.test_content import AFTER, HEADERS, KINDS, REFERENCES
from tests.fuzzing.test_timing import CRONS, DURATIONS, MOMENTS
from tests.fuzzing.test_wire import FORMS, ICS, JSONS, LINES, URLS

pytestmark = pytest.mark.timeout(LONGEST_SECONDS)

_SIZE = 20_000
# Linear is 4, with all that a machine does meanwhile; quadratic is 16.
_TIMES, _AT_MOST = 4, 9
# What is quicker than this, for all of 80,000 characters, is not worth the noise of measuring it.
_HARMLESS_SECONDS = 0.04
_REFUSALS = (ValueError, InvalidInput, RenderTooLargeError, codings.Undecodable)

Parse = Callable[[str], object]


def _answer(body: bytes = b"", **fields: str) -> Response:
    named = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return Response(200, named, body, truncated=False)


def _retry_after(text: str) -> object:
    outcome = Outcome(_answer(Retry_After=text), None, 1)
    return verdict.decide(outcome, attempt=1, max_attempts=9, backoff_seconds=None, now=NOON)


def _head(text: str) -> object:
    reply = Reply(max_header_bytes=10**6, max_header_count=10**5, max_body_bytes=0)
    for line in text.encode("latin-1", "replace").splitlines(keepends=True):
        reply.take_header(line)
    return shown_response.shown_headers(reply.response(200))


def _body(text: str) -> object:
    kind, _, body = text.partition("\n")
    return shown_response.read(_answer(body.encode("utf-8", "surrogatepass"), Content_Type=kind), secrets=["hunter2"])


def _rendered(text: str) -> object:
    said: dict[str, Any] = {"body": text, "query": {"q": text}, "headers": {}}
    known: dict[str, Any] = {"job": {"id": 1}, "previous": {"a": 1}, "state": {}}
    return placeholders.render(**said, **known, include_metadata=True, max_bytes=10**6)


def _forwarded(text: str) -> object:
    with override_settings(BOOPER_TRUSTED_PROXIES=()):
        return client_address.of({"REMOTE_ADDR": "10.0.0.9", "HTTP_X_FORWARDED_FOR": text})


def _calendar(text: str) -> object:
    try:
        return ics_reader._expanded(text, since=date(2026, 1, 1), until=date(2028, 1, 1))
    except Exception as error:  # the reader says so in words, in a process of its own
        raise ValueError from error


def _latin(examples: list[bytes]) -> list[str]:
    return [example.decode("latin-1") for example in examples]


PARSERS: dict[str, tuple[Parse, list[str]]] = {
    "durations": (durations.parse, DURATIONS),
    "moments": (lambda text: durations.parse_moment(text, now=NOON, zone=UTC), MOMENTS),
    "cron": (cron.parse, CRONS),
    "zones": (zones.zone_named, ["Europe/Berlin", "../", "a/b"]),
    "json": (lambda text: strict_json.parse(text.encode("utf-8", "surrogatepass")), _latin(JSONS)),
    "forms": (lambda text: bracket_forms.parse(text.encode("utf-8", "surrogatepass")), _latin(FORMS)),
    "urls": (lambda text: urls.parse(text, allow_http=True, keep_references=True), URLS),
    "headers": (
        lambda text: headers.lines([("X-Name", text), (text, "x")]),
        ["v", " v\t", "a\r\nB: c", "{{secret:A}}"],
    ),
    "searches": (lambda text: search.read(text, now=NOON, zone=UTC), LINES),
    "calendars": (_calendar, ICS),
    "forwarded addresses": (_forwarded, ["203.0.113.7, ", "[2001:db8::1]:443", "unknown,", '"x"']),
    "retry-after": (_retry_after, AFTER),
    "heads of answers, cookies": (_head, _latin(HEADERS)),
    "bodies of answers, charsets": (
        _body,
        [f"{kind}\n" for kind in KINDS] + ['{"a": "hunter2"}', "%68unter2", "aGVsbG8="],
    ),
    "placeholders": (_rendered, REFERENCES),
    "secrets": (lambda text: secret_references.filled([text], lambda name: name), REFERENCES),
    "what is hidden": (
        lambda text: secret_references.hidden([text], ["hunter2-hunter2"]),
        ["hunter2", "%", "\\u0068", "aHVudGVyMg"],
    ),
    "redaction": (
        lambda text: redaction.redacted({"a": text, "url": text}),
        [*URLS, "Bearer abc", "eyJhbGciOi.", "sk_live_", "password=x"],
    ),
}


def took(parse: Parse, text: str, *, tries: int) -> float:
    """The least CPU time that it took of this thread, in seconds, whether it was read or refused."""
    found = []
    for _ in range(tries):
        began = time.thread_time()
        with contextlib.suppress(*_REFUSALS):
            parse(text)
        found.append(time.thread_time() - began)
    return min(found)


def growth(parse: Parse, *, before: str, piece: str, after: str) -> float:
    """How many times as long four times as much takes; 0 where all of it takes next to nothing."""
    small, large = (before + piece * (size // len(piece)) + after for size in (_SIZE, _TIMES * _SIZE))
    if took(parse, large, tries=1) < _HARMLESS_SECONDS:
        return 0.0
    return took(parse, large, tries=3) / took(parse, small, tries=3)


def parts(examples: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    around = st.just("") | close_to(examples)
    return {"before": around, "piece": close_to(examples).filter(bool), "after": around}


@pytest.mark.parametrize("name", PARSERS)
def test_four_times_as_much_takes_about_four_times_as_long(name: str) -> None:
    parse, known = PARSERS[name]

    @settings(fuzz, max_examples=EXAMPLES // 10 or 25)  # type: ignore[arg-type]
    @given(**parts(known))
    def holds(before: str, piece: str, after: str) -> None:
        assert growth(parse, before=before, piece=piece, after=after) < _AT_MOST

    holds()


def test_what_looks_through_all_of_it_for_each_piece_would_be_found() -> None:
    def quadratic(text: str) -> object:
        return [text.count(piece) for piece in text.split(",")[::20]]

    assert growth(quadratic, before="", piece="1,", after="") > _AT_MOST
