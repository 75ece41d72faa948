"""Bytes that clients send: JSON, forms, URLs, headers, addresses. Read, or refused by the error that says why."""

import json
from datetime import UTC, date
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from booper.calendars import ics_reader
from booper.content import exact_json
from booper.targets import headers, urls
from booper.targets.ports import parse_ports
from booper.targets.proxies import parse_proxy
from booper.targets.urls import InvalidTarget
from jobs.api.wire import bracket_forms
from jobs.guarding import client_address
from jobs.intake import strict_json
from jobs.intake.refusals import InvalidInput
from jobs.pages import code_samples, job_form, search
from tests.factories import NOON
from tests.fuzzing.amount import LONGEST_SECONDS, bytes_close_to, close_to, fuzz, json_values, require_words

pytestmark = pytest.mark.timeout(LONGEST_SECONDS)

JSONS = [
    *(
        b'{"url": "https://example.com", "n": 1e16}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b"[1, NaN, -0.0]",
        b'"\xff"',
    ),
    *(b"[" * 120 + b"]" * 120, b'{"a": 1, "a": 2}', b"\xef\xbb\xbf{}", b"1" * 400, b"1e999", b"{}{}", b"'a'", b"//"),
]
FORMS = [
    *(
        b"body[content]=Hi&schedule_in[]=30&schedule_in[]=seconds",
        b"a[0]=1&a[1]=2",
        b"a[b][c][]=x",
        b"a=1&a[b]=2",
        b"a[=1",
    ),
    *(b"%ff=%fe", b"a[b]c=1", b"[]=1", b"a[][]=1", b"a[99999999999]=1", b"&&=&", b"a=%00", b"a=%ed%a0%80", b"a]b[=1"),
]
URLS = [
    *(
        "https://example.com/a?b=c#d",
        "http://127.0.0.1:8080/",
        "https://[2606:4700::1]:443/",
        "https://ex\u00e4mple.com/",
    ),
    *(
        "https://user:pw@example.com/",
        "https://0x7f.1/",
        "https://example.com:99999/",
        "https://xn--/",
        "https://\u2460.\u24ea/",
    ),
    *(
        "https://example.com/%zz?{{secret:A}}&|^",
        "HTTPS://EXAMPLE.COM./",
        "https://[fe80::1%25eth0]/",
        "https://a..b/",
        "//x",
    ),
]
_EVENT = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\n{}\nEND:VEVENT\nEND:VCALENDAR\n"
ICS = [
    _EVENT.format("DTSTART;VALUE=DATE:20261224"),
    _EVENT.format("DTSTART;TZID=Europe/Berlin:20261224T230000\nDURATION:PT3H\nRRULE:FREQ=YEARLY;COUNT=3"),
    _EVENT.format("DTSTART:20260101\nDTEND:20251231\nRRULE:FREQ=MONTHLY;BYDAY=-1FR\nEXDATE:20260130T220000Z"),
    _EVENT.format("DTSTART:20260101T000000Z\nRECURRENCE-ID:20260101\nSTATUS:CANCELLED").replace("\n", "\r\n"),
]
LINES = [
    *(
        "state:completed",
        'name:"a \\" b"',
        "#42",
        "due:<2026-03-01",
        "after:yesterday before:1h",
        "tag:a,b url:x host:y -",
    ),
    *("error:timeout queue:mail", "state:nowhere", '"', "schedule:0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22", "name:", ":"),
]


def require_errors(refusal: InvalidInput) -> None:
    assert refusal.errors
    json.dumps(refusal.errors, ensure_ascii=False)


@fuzz
@given(bytes_close_to(JSONS) | json_values().map(lambda value: json.dumps(value).encode()))
def test_json(body: bytes) -> None:
    try:
        value = strict_json.parse(body)
    except InvalidInput as refusal:
        require_errors(refusal)
        return
    # What is taken can be stored, in both databases, and comes back as it was.
    stored = exact_json.dumps(value).decode()
    assert "\\u0000" not in stored
    assert exact_json.dumps(exact_json.loads(stored)).decode() == stored


@fuzz
@given(bytes_close_to(FORMS))
def test_forms(body: bytes) -> None:
    try:
        fields = bracket_forms.parse(body)
    except InvalidInput as refusal:
        require_errors(refusal)
        return
    text = json.dumps(fields, ensure_ascii=False)
    text.encode()
    assert "\x00" not in text


@fuzz
@given(close_to(URLS), st.booleans())
def test_urls(url: str, keeps_references: bool) -> None:
    try:
        target = urls.parse(url, allow_http=True, keep_references=keeps_references)
    except InvalidTarget as refusal:
        require_words(refusal, most=500)
        return
    assert target.url.isascii()
    assert not any(character in target.url for character in "\x00\r\n\t \\#")
    assert "@" not in urlsplit(target.url).netloc
    assert urls.parse(target.url, allow_http=True, keep_references=keeps_references) == target
    parts = urlsplit(target.url)
    assert parts.hostname == target.host, "another parser reads another host"
    assert (parts.port or {"http": 80, "https": 443}[parts.scheme]) == target.port
    assert target.url.endswith(target.path)


@fuzz
@given(
    st.dictionaries(
        close_to(["X-Name", "Host", "Transfer_Encoding", "a b", "x:"]), close_to(["v", " v\t", "a\r\nB: c"])
    )
)
def test_headers_that_are_taken_stay_in_their_lines(given_headers: dict[str, str]) -> None:
    try:
        lines = headers.lines(given_headers.items())
    except ValueError:
        return
    for line in lines:
        assert b"\r" not in line
        assert b"\n" not in line
        assert b"\x00" not in line


@fuzz
@given(
    close_to(["http://u:p@proxy.example.com:3128", "socks5://[::1]:1080", "http://a%40b:c%3ad@h:1", "http://h:0/x?y#z"])
)
def test_proxies(text: str) -> None:
    try:
        proxy = parse_proxy(text)
    except ValueError as refusal:
        require_words(refusal, most=200)
        return
    assert 1 <= proxy.port <= 65535
    assert "@" not in proxy.url


@fuzz
@given(close_to(["80, 443, 8000-8999", "1-65535", "443,,", "-", "80-", "6379"]))
def test_lists_of_ports(text: str) -> None:
    try:
        ports = parse_ports(text)
    except ValueError as refusal:
        require_words(refusal, most=600)
        return
    assert all(1 <= first <= last <= 65535 for first, last in ports)


@fuzz
@given(close_to(ICS))
def test_calendars_are_read_in_bounds_or_fail_in_a_way_that_is_caught(text: str) -> None:
    try:
        found = ics_reader._expanded(text, since=date(2026, 1, 1), until=date(2028, 1, 1))
    except Exception:  # the reader says so in words, in a process of its own
        return
    assert all(date(2026, 1, 1) <= day < date(2028, 1, 1) for day in found)


@fuzz
@given(close_to(LINES))
def test_search_lines(line: str) -> None:
    found = search.read(line, now=NOON, zone=UTC)
    assert list(search.read(str(found), now=NOON, zone=UTC).terms) == list(found.terms)


@fuzz
@given(
    st.lists(
        st.tuples(st.integers(0, 40), close_to(["30 seconds", "{}", "[1]", '{"a": 1}', "a, b", "GET", "true", "1e3"]))
    )
)
def test_forms_of_pages(typed: list[tuple[int, str]]) -> None:
    for groups in (job_form.OF_JOBS, job_form.OF_SCHEDULES):
        names = [kind.name for group in groups for kind in group.kinds]
        form = job_form.read(groups, {names[place % len(names)]: text for place, text in typed})
        assert list(form.shown)
        code_samples.as_curl(form.fields)


@fuzz
@given(
    close_to(["203.0.113.7", "203.0.113.7:80, 10.0.0.1", "[2001:db8::1]:443", "unknown", "10.0.0.1,,::1%eth0", '"x"'])
)
def test_addresses_that_proxies_tell(forwarded: str) -> None:
    with override_settings(BOOPER_TRUSTED_PROXIES=(ip_network("10.0.0.0/8"), ip_network("::1/128"))):
        found = client_address.of({"REMOTE_ADDR": "10.0.0.9", "HTTP_X_FORWARDED_FOR": forwarded})
    assert found.isascii()
    assert 0 < len(found) < 60
