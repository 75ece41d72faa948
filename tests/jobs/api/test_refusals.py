"""What POST /api/jobs refuses: each thing by its place, with the words that mend it, and all of them at once."""

from ipaddress import ip_network
from typing import Any

import pytest
from pytest_django import Settings

from jobs.models import Job
from tests.api import FORM, Api, data_of, pointers_of, problem_of

URL = "https://example.com/hook"
DEEP = 100_000


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"mehtod": "post"}, "/mehtod", "did you mean method?"),
        ({"Url": URL}, "/Url", "did you mean url?"),
        ({"x" * 100_000: 1}, "/" + "x" * 100_000, "there is no such field"),
        ({"a/b~c": 1}, "/a~1b~0c", "there is no such field"),
        ({"method": "head"}, "/method", "get, post, put, patch, delete"),
        ({"method": 5}, "/method", "get, post"),
        ({"url": "ftp://example.com"}, "/url", "https://"),
        ({"url": "http://example.com"}, "/url", "BOOPER_ALLOW_HTTP_TARGETS=true"),
        ({"url": "https://user:pw@example.com"}, "/url", "user information"),
        ({"url": "https://127.0.0.1/"}, "/url", "BOOPER_ALLOWED_TARGET_NETWORKS"),
        ({"url": "https://example.com:6379/"}, "/url", "it is for Redis, not HTTP"),
        ({"url": "https://127.1/"}, "/url", "four decimal numbers"),
        ({"url": "https://example.com/" + "a" * 2048}, "/url", "2048"),
        ({"url": ["https://example.com"]}, "/url", "a URL is a string"),
        ({"url": ""}, "/url", "absolute URL"),
        ({"callback_url": "http://example.com"}, "/callback_url", "https://"),
        ({"webhook_url": "/events"}, "/webhook_url", "absolute URL"),
        ({"query": "a=1"}, "/query", "not an object"),
        ({"query": {"q": "x" * 9000}}, "/query", "8192"),
        ({"query": {"q" * 9000: [1] * 9000}}, "/query", "8192"),
        ({"headers": ["a"]}, "/headers", "not an object"),
        ({"headers": {f"x-{n}": "1" for n in range(65)}}, "/headers", "at most 64"),
        ({"headers": {"X-Long": "a" * 16_384}}, "/headers", "at most 16384"),
        ({"headers": {"Host": "example.com"}}, "/headers/Host", "leave it out"),
        ({"headers": {"content-length": 5}}, "/headers/content-length", "leave it out"),
        ({"headers": {"Proxy-Anything": "1"}}, "/headers/Proxy-Anything", "leave it out"),
        ({"headers": {"Booper-Job-Id": "1"}}, "/headers/Booper-Job-Id", "set by Booper itself"),
        ({"headers": {"WEBHOOK-id": "1"}}, "/headers/WEBHOOK-id", "set by Booper itself"),
        ({"headers": {"booper_job_id": "1"}}, "/headers/booper_job_id", "set by Booper itself"),
        ({"headers": {"User_Agent": "me"}}, "/headers/User_Agent", "set by Booper itself"),
        ({"headers": {"Transfer_Encoding": "chunked"}}, "/headers/Transfer_Encoding", "leave it out"),
        ({"headers": {"proxy_anything": "1"}}, "/headers/proxy_anything", "leave it out"),
        ({"headers": {"User-Agent": "me"}}, "/headers/User-Agent", "set by Booper itself"),
        ({"headers": {"X Y": "1"}}, "/headers/X Y", "header name"),
        ({"headers": {"": "1"}}, "/headers/", "header name"),
        ({"headers": {"X-Ü": "1"}}, "/headers/X-Ü", "header name"),
        ({"headers": {"X": "a\r\nY: b"}}, "/headers/X", "U+000D"),
        ({"headers": {"X": "a\tb"}}, "/headers/X", "U+0009"),
        ({"headers": {"X": "\x85"}}, "/headers/X", "U+0085"),
        ({"headers": {"X": True}}, "/headers/X", "not a string"),
        ({"headers": {"X": None}}, "/headers/X", "not a string"),
        ({"headers": {"X": ["a"]}}, "/headers/X", "not a string"),
        ({"schedule_in": "soon"}, "/schedule_in", "not a duration"),
        ({"schedule_in": -1}, "/schedule_in", "negative"),
        ({"schedule_in": True}, "/schedule_in", "boolean"),
        ({"schedule_in": 10**18}, "/schedule_in", "ten years"),
        ({"schedule_in": []}, "/schedule_in", "not a duration"),
        ({"schedule_in": [5, "minutes", 1]}, "/schedule_in", "not a duration"),
        ({"schedule_in": [5, "minuts"]}, "/schedule_in/1", 'did you mean "minutes"?'),
        ({"schedule_in": [5, None]}, "/schedule_in/1", "no unit"),
        ({"schedule_in": ["five", "minutes"]}, "/schedule_in/0", "not a duration"),
        ({"schedule_in": [11, "years"]}, "/schedule_in/0", "ten years"),
        ({"schedule_in": {"minutes": 5}}, "/schedule_in", "not a duration"),
        ({"scheduled_at": "tomorrow"}, "/scheduled_at", "not a moment"),
        ({"scheduled_at": "2040-01-01T00:00:00Z"}, "/scheduled_at", "ten years"),
        ({"scheduled_at": "0001-01-01T00:00:00+14:00"}, "/scheduled_at", "not a moment"),
        ({"scheduled_at": -5}, "/scheduled_at", "not a unix timestamp"),
        ({"scheduled_at": 10**30}, "/scheduled_at", "not a unix timestamp"),
        ({"scheduled_at": False}, "/scheduled_at", "not a moment"),
        ({"schedule_in": 5, "scheduled_at": 5}, "/scheduled_at", "one or the other"),
        ({"timezone": "Europe/Lodnon"}, "/timezone", 'did you mean "Europe/London"?'),
        ({"timezone": "../../etc/passwd"}, "/timezone", "not a known time zone"),
        ({"timezone": 5}, "/timezone", "not a known time zone"),
        ({"name": 5}, "/name", "not a string"),
        ({"name": "n" * 256}, "/name", "at most 255"),
        ({"description": "d" * 10_001}, "/description", "at most 10000"),
        ({"idempotency_key": ""}, "/idempotency_key", "1 to 255"),
        ({"idempotency_key": "k" * 256}, "/idempotency_key", "1 to 255"),
        ({"idempotency_key": 7}, "/idempotency_key", "not a string"),
        ({"timeout": 0.5}, "/timeout", "from 1 to 900"),
        ({"timeout": 901}, "/timeout", "from 1 to 900"),
        ({"timeout": "30s"}, "/timeout", "from 1 to 900"),
        ({"timeout": True}, "/timeout", "from 1 to 900"),
        ({"max_attempts": 0}, "/max_attempts", "from 1 to 100"),
        ({"max_attempts": 101}, "/max_attempts", "from 1 to 100"),
        ({"max_attempts": 2.5}, "/max_attempts", "whole number"),
        ({"max_attempts": "٣"}, "/max_attempts", "whole number"),
        ({"backoff": 5}, "/backoff", "not a list"),
        ({"backoff": []}, "/backoff", "not a list"),
        ({"backoff": [1] * 101}, "/backoff", "1 to 100"),
        ({"backoff": [5, "minutes"]}, "/backoff", "another pair of brackets"),
        ({"backoff": [5, -5]}, "/backoff/1", "negative"),
        ({"backoff": [5, [1, "fortnight"]]}, "/backoff/1/1", "not a unit"),
        ({"queue": ""}, "/queue", "1 to 255 letters"),
        ({"queue": "a b"}, "/queue", "1 to 255 letters"),
        ({"queue": ".."}, "/queue", "begins with"),
        ({"queue": "mail\n"}, "/queue", "no name of a queue"),
        ({"queue": "m" * 256}, "/queue", "1 to 255 letters"),
        ({"queue": 7}, "/queue", "not a string"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_its_place(
    api: Api, fields: dict[str, Any], pointer: str, words: str
) -> None:
    problem = problem_of(api.post("/api/jobs", {"url": URL, **fields}), status=400)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["errors"][0]["detail"]
    assert words in problem["detail"]
    assert Job.objects.count() == 0


def test_header_names_that_differ_in_case_alone_are_one_header_twice(api: Api) -> None:
    response = api.post("/api/jobs", {"url": URL, "headers": {"X-A": "1", "x-a": "2", "X-B": "3"}})
    assert pointers_of(response) == ["/headers/X-A", "/headers/x-a"]


def test_headers_that_are_the_clients_own_business_are_taken(api: Api) -> None:
    headers = {"Authorization": "Bearer x", "Idempotency-Key": "mine", "X-Number": 5, "X-Name": "Zoë", "Accept": "*/*"}
    data_of(api.post("/api/jobs", {"url": URL, "headers": headers}), status=201)


def test_a_job_without_a_url_is_refused(api: Api) -> None:
    assert pointers_of(api.post("/api/jobs", {})) == ["/url"]


def test_everything_that_is_wrong_is_said_at_once(api: Api) -> None:
    response = api.post(
        "/api/jobs", {"url": 5, "methd": 1, "timeout": 0, "schedule_in": [1, "x"], "headers": {"Host": "a", "TE": "b"}}
    )
    assert set(pointers_of(response)) == {
        "/methd",
        "/url",
        "/timeout",
        "/schedule_in/1",
        "/headers/Host",
        "/headers/TE",
    }
    assert problem_of(response, status=400)["detail"].endswith("(and 5 more, see errors)")


def test_no_more_than_fifty_errors_are_listed(api: Api) -> None:
    response = api.post("/api/jobs", {"url": URL} | {f"field{n}": n for n in range(5000)})
    assert len(pointers_of(response)) == 50


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ("", "", "empty"),
        ("  ", "", "empty"),
        ("{", "", "not JSON"),
        ("{'a': 1}", "", "line 1 column 2"),
        ('{"url": "a\nb"}', "", "not JSON"),
        ('{"url": 1} x', "", "not JSON"),
        (b'{"url": "\xff"}', "", "not UTF-8: see byte 9"),
        (b'{"url": "\xed\xa0\x80"}', "", "not UTF-8"),
        ("[]", "", "no object"),
        ('"text"', "", "no object"),
        ("null", "", "no object"),
        ('{"body": NaN}', "/body", "NaN is not JSON"),
        ('{"body": [1, -Infinity]}', "/body/1", "-Infinity is not JSON"),
        ('{"body": 1e999}', "/body", "beyond 1.8e308"),
        ('{"body": {"n": ' + "9" * 4301 + "}}", "/body/n", "4301 digits"),
        ('{"name": "a", "name": "b"}', "", "the key 'name' comes twice"),
        ('{"body": [{"a": 1, "b": 2, "a": 1}]}', "/body/0", "the key 'a' comes twice"),
        ('{"body": "\\u0000"}', "/body", "NUL"),
        ('{"body": {"a": ["x", "\\ud800"]}}', "/body/a/1", "surrogate"),
        ('{"body": {"\\udfff": 1}}', "/body/\ufffd", "in the key"),
        ('{"\\u0000": 1}', "/\ufffd", "in the key"),
        ('{"body": ' + "[" * 100 + "]" * 100 + "}", "/body" + "/0" * 99, "deeper than 100"),
        ("[" * DEEP, "", "deeper than 100"),
        ('{"a":' * DEEP, "", "deeper than 100"),
        ('{"body": ' + "[" * DEEP + "]" * DEEP + "}", "", "deeper than 100"),
    ],
)
def test_json_that_is_not_plain_is_refused(api: Api, body: str | bytes, pointer: str, words: str) -> None:
    problem = problem_of(api.post("/api/jobs", body), status=400)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["errors"][0]["detail"]


def test_a_hundred_levels_and_escaped_pairs_are_fine(api: Api) -> None:
    body = '{"url": "' + URL + '", "body": ' + "[" * 99 + '"\\ud83d\\ude00"' + "]" * 99 + "}"
    data_of(api.post("/api/jobs", body), status=201)


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ("url=a&url=b", "/url", "comes twice"),
        ("body=1&body[a]=2", "/body/a", "used as two"),
        ("body[a]=1&body=2", "/body", "used as two"),
        ("body[a]=1&body[]=2", "/body", "used as two"),
        ("body[]=1&body[a]=2", "/body/a", "used as two"),
        ("body[][a]=1", "/body/a", "number the items"),
        ("body[a=1", "/body/a", "is no field name"),
        ("[a]=1", "/a", "is no field name"),
        ("body[a]b=1", "/body/a/b", "is no field name"),
        ("=1", "", "is no field name"),
        ('{"url": "https://example.com"}', "", "Content-Type: application/json"),
        ("body=%FF", "", "not UTF-8"),
        ("%ED%A0%80=1", "", "not UTF-8"),
        ("body=%00", "/body", "NUL"),
        ("body[a%00]=1", "/body/a\ufffd", "in the key"),
        ("body" + "[a]" * 101 + "=1", "/body" + "/a" * 65, "deeper than 100"),
        ("&".join(f"f{n}=1" for n in range(10_001)), "", "more than 10000 fields"),
    ],
)
def test_a_form_that_could_mean_two_things_is_refused(api: Api, body: str, pointer: str, words: str) -> None:
    problem = problem_of(api.post("/api/jobs", f"{body}", content_type=FORM), status=400)
    assert problem["errors"][0]["pointer"] == pointer
    assert words in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/xml", "multipart/form-data; boundary=x", "nonsense", "a/b/c"]
)
def test_other_content_types_are_not_read(api: Api, content_type: str) -> None:
    problem = problem_of(api.post("/api/jobs", '{"url": "https://example.com"}', content_type=content_type), status=415)
    assert "send application/json or application/x-www-form-urlencoded" in problem["detail"]


def test_other_character_sets_are_not_read(api: Api) -> None:
    response = api.post("/api/jobs", "{}".encode("utf-16"), content_type="application/json; charset=utf-16")
    assert "send UTF-8" in problem_of(response, status=415)["detail"]
    said = "application/json; charset=UTF-8"
    data_of(api.post("/api/jobs", '{"url": "https://example.com"}', content_type=said), status=201)


def test_an_encoded_body_is_not_read(api: Api) -> None:
    response = api.post("/api/jobs", b"\x1f\x8b", Content_Encoding="gzip")
    assert "without Content-Encoding" in problem_of(response, status=415)["detail"]


def test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not(api: Api, settings: Settings) -> None:
    settings.MAX_REQUEST_BYTES = 2000
    body = '{"url": "https://example.com", "body": "%s"}'
    fitting = body % ("x" * (2000 - len(body) + 2))
    assert len(fitting) == 2000
    data_of(api.post("/api/jobs", fitting), status=201)
    assert "2000 bytes" in problem_of(api.post("/api/jobs", fitting + " "), status=413)["detail"]


def test_http_targets_are_taken_where_the_operator_allows_them(api: Api, settings: Settings) -> None:
    settings.BOOPER_ALLOW_HTTP_TARGETS = True
    settings.BOOPER_ALLOWED_TARGET_NETWORKS = ("127.0.0.0/8",)
    fields = {"url": "http://127.0.0.1:8000/api/broadcast", "callback_url": "http://127.0.0.1:9000/"}
    data_of(api.post("/api/jobs", fields), status=201)


def test_what_the_operator_blocks_is_refused_for_every_url_of_a_job(api: Api, settings: Settings) -> None:
    settings.BOOPER_BLOCKED_TARGET_NETWORKS = (ip_network("93.184.216.0/24"),)
    settings.BOOPER_TARGET_PORTS = ((443, 443),)
    for name in ("url", "callback_url", "webhook_url"):
        fields = {"url": "https://example.com/", name: "https://93.184.216.34/"}
        [error] = problem_of(api.post("/api/jobs", fields), status=400)["errors"]
        assert (error["pointer"], error["detail"].endswith("blocked by the operator")) == (f"/{name}", True)
        [error] = problem_of(api.post("/api/jobs", fields | {name: "https://example.com:8443/"}), status=400)["errors"]
        assert error["detail"] == "port 8443 may not be contacted: here that is only 443"
