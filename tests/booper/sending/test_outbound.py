"""What goes on the wire is what was asked for, and whatever comes back is an outcome within its caps and its time."""

from dataclasses import replace
from pathlib import Path

import pycurl
import pytest

from booper.outcomes.outcome import Response
from booper.sending.endings import Ending
from booper.sending.sender import send
from booper.targets import headers
from tests.booper.sending.exchanges import OK, answered, failure_of, response_of
from tests.loopback import (
    ANSWER,
    POLICY,
    Connection,
    a_request,
    answer_all,
    serving,
    silent_listener,
)


def test_a_bare_request_carries_nothing_of_ours_but_the_host() -> None:
    with serving(answer_all()) as server:
        outcome = send(a_request(server.url("/a/../b?c=d")), policy=POLICY)
    assert response_of(outcome) == Response(200, (("Content-Length", "2"),), b"ok", False)
    assert server.heads == [["GET /a/../b?c=d HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/p/%2f%7ea", "/p/%2f%7ea"),
        ("/p/%2F%7E?q=%2f%41", "/p/%2F%7E?q=%2f%41"),
        ("/a/./../b//c", "/a/./../b//c"),
        ('/a|b^c`{d}"<e>', "/a%7Cb%5Ec%60%7Bd%7D%22%3Ce%3E"),
        ("/?f[x]={1}|%7B", "/?f%5Bx%5D=%7B1%7D%7C%7B"),
        ("?q=1", "/?q=1"),
    ],
)
def test_the_target_goes_out_as_given_what_no_request_line_may_hold_escaped(path: str, target: str) -> None:
    with serving(answer_all()) as server:
        response_of(send(a_request(server.url(path)), policy=POLICY))
    assert server.heads[0][0] == f"GET {target} HTTP/1.1"


def test_headers_go_out_as_given_and_in_their_order() -> None:
    headers = (
        ("User-Agent", "Booper/0.2.0"),
        ("accept", "text/plain"),
        ("X-Empty", ""),
        ("Content-Type", "application/json"),
        ("x-CASE", "kept: as it is; really"),
        ("X-Text", "zwölf"),
    )
    with serving(answer_all()) as server:
        response_of(send(a_request(server.url(), method="POST", headers=headers, body=b"{}"), policy=POLICY))
    assert server.heads[0][0] == "POST / HTTP/1.1"
    sent = [line for line in server.heads[0][1:] if not line.startswith(("Host:", "Content-Length:"))]
    assert sent == [f"{name}: {value}".rstrip(" ") for name, value in headers]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_body_goes_out_with_any_method(method: str) -> None:
    body = b"\0\r\n\r\n{}" + b"x" * 70_000
    with serving(answer_all()) as server:
        response_of(send(a_request(server.url(), method=method, body=body), policy=POLICY))
    assert server.bodies == [body]
    assert server.heads[0][0] == f"{method} / HTTP/1.1"
    assert f"Content-Length: {len(body)}" in server.heads[0]
    assert len(server.heads[0]) == 3


def test_a_body_of_two_megabytes_is_sent_without_asking_first() -> None:
    with serving(answer_all()) as server:
        response_of(send(a_request(server.url(), method="POST", body=b"x" * 2_000_000), policy=POLICY))
    assert len(server.bodies[0]) == 2_000_000
    assert not any(line.lower().startswith("expect") for line in server.heads[0])


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", None, None),
        ("DELETE", None, None),
        ("POST", None, "0"),
        ("PUT", None, "0"),
        ("PATCH", None, "0"),
        ("GET", b"", "0"),
        ("DELETE", b"", "0"),
    ],
)
def test_no_body_has_a_length_where_one_is_expected(method: str, body: bytes | None, length: str | None) -> None:
    with serving(answer_all()) as server:
        response_of(send(a_request(server.url(), method=method, body=body), policy=POLICY))
    lengths = [line for line in server.heads[0] if line.startswith("Content-Length")]
    assert lengths == ([] if length is None else [f"Content-Length: {length}"])
    assert server.heads[0][0] == f"{method} / HTTP/1.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nInjected: 1"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0b"),
        ("X", "\x7f"),
        ("X", "\ud800"),
        ("X\r\nInjected", "1"),
        ("X:", "1"),
        ("X Y", "1"),
        ("", "1"),
        ("Ü", "1"),
        ("Host", "other.example"),
        ("content-length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Upgrade", "h2c"),
        ("Expect", "100-continue"),
        ("Proxy-Authorization", "x"),
    ],
)
def test_a_header_that_breaks_out_or_frames_the_message_is_not_sent(name: str, value: str) -> None:
    with serving(answer_all()) as server:
        outcome = send(a_request(server.url(), headers=((name, value),)), policy=POLICY)
    assert failure_of(outcome).code == "invalid_request"
    assert server.connection_count == 0


@pytest.mark.parametrize("method", ["get", "HEAD", "OPTIONS", "GET / HTTP/1.1\r\nX: ", "", "ÜBER"])
def test_a_method_that_is_none_of_the_five_is_not_sent(method: str) -> None:
    with serving(answer_all()) as server:
        outcome = send(a_request(server.url(), method=method), policy=POLICY)
    assert failure_of(outcome).code == "invalid_request"
    assert server.connection_count == 0


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_a_time_out_that_is_none_is_refused(seconds: float) -> None:
    with serving(answer_all()) as server:
        outcome = send(a_request(server.url(), timeout_seconds=seconds), policy=POLICY)
    assert failure_of(outcome).code == "invalid_request"
    assert server.connection_count == 0


def test_http_is_not_sent_where_the_policy_does_not_allow_it() -> None:
    with serving(answer_all()) as server:
        outcome = send(a_request(server.url()), policy=replace(POLICY, allow_http=False))
    assert failure_of(outcome).code == "invalid_request"
    assert server.connection_count == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (OK + b"X: " + b"a" * 5000, "began its answer"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 500, "did not"),
        (OK + b"Content-Length: 5000\r\n\r\n" + b"a" * 5000, "began its answer"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 5000, "bytes of its body came"),
    ],
    ids=["headers", "interim answers", "body", "chunks"],
)
def test_a_drip_ends_at_the_deadline(answer: bytes, words: str) -> None:
    def drip(connection: Connection) -> None:
        connection.read_request()
        connection.drip(answer)

    with serving(drip) as server:
        outcome = send(a_request(server.url(), timeout_seconds=1.5), policy=POLICY)
    assert failure_of(outcome).code == "timeout"
    assert words in failure_of(outcome).message
    assert "1.5 s" in failure_of(outcome).message
    assert 1500 <= outcome.duration_ms < 6000


def test_a_target_that_takes_the_request_and_says_nothing_times_out() -> None:
    with silent_listener(backlog=5) as url:
        outcome = send(a_request(url, timeout_seconds=0.2), policy=POLICY)
    assert failure_of(outcome).code == "timeout"
    assert failure_of(outcome).message.endswith("took the request and did not answer within 0.2 s")


def test_a_handshake_that_hangs_ends_at_the_connect_time_out() -> None:
    with silent_listener(backlog=5) as url:
        request = a_request(url.replace("http:", "https:"), timeout_seconds=30)
        outcome = send(request, policy=replace(POLICY, connect_timeout_seconds=0.2))
    assert failure_of(outcome).code == "timeout"
    assert "no connection to 127.0.0.1:" in failure_of(outcome).message
    assert "within 0.2 s" in failure_of(outcome).message
    assert outcome.duration_ms < 5000


def test_a_port_where_nobody_listens_is_a_failure_in_words() -> None:
    with serving(answer_all()) as server:
        url = server.url()
    failure = failure_of(send(a_request(url), policy=POLICY))
    assert failure.code == "connect_failed"
    assert (
        failure.message == f"no connection to 127.0.0.1:{server.port}: Connection refused. Does anything listen there?"
    )


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "connection_closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "connection_closed"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", "connection_closed"),
        (OK + b"Content-Length: 20\r\n\r\nok", "connection_closed"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n20\r\nok", "connection_closed"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok", "connection_closed"),
        (b"\x16\x03\x01\x02\x00\x01\x00" * 20, "bad_response"),
        (b"hello, this is no HTTP at all\r\n\r\n", "bad_response"),
        (b"ICY 200 OK\r\n\r\n", "bad_response"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "bad_response"),
        (b"HTTP/1.1 000 Zero\r\n\r\n", "bad_response"),
        (b"HTTP/1.1 1000 Much\r\nContent-Length: 2\r\n\r\nok", "bad_response"),
        (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", "bad_response"),
        (OK + b"Content-Length: -2\r\n\r\nok", "bad_response"),
        (OK + b"no colon\r\n\r\nok", "bad_response"),
        (OK + b"X: a\0b\r\n\r\nok", "bad_response"),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "bad_response"),
    ],
)
def test_a_broken_answer_is_a_failure_with_its_code(answer: bytes, code: str) -> None:
    failure = failure_of(answered(answer, timeout_seconds=5))
    assert failure.code == code
    assert "127.0.0.1:" in failure.message


def test_what_a_failure_quotes_of_an_answer_can_be_stored() -> None:
    failure = failure_of(answered(OK + b"Transfer-Encoding: chunked, \xffgzip\r\n\r\n", timeout_seconds=5))
    assert "(\ufffdgzip)" in failure.message
    assert failure.message.encode()


def test_proxies_and_passwords_of_the_environment_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\ndefault login x password y\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with serving(answer_all()) as proxy, serving(answer_all()) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        response_of(send(a_request(server.url()), policy=POLICY))
    assert proxy.connection_count == 0
    assert server.heads == [["GET / HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]]


def test_a_connection_over_ipv6_works_the_same() -> None:
    with serving(answer_all(), host="::1") as server:
        response_of(send(a_request(server.url(host="[::1]")), policy=POLICY))
    assert server.heads[0][1] == f"Host: [::1]:{server.port}"


def test_an_outcome_takes_the_time_that_it_took() -> None:
    def answer_late(connection: Connection) -> None:
        connection.read_request()
        connection.server.is_over.wait(0.15)
        connection.send(ANSWER)

    with serving(answer_late) as server:
        outcome = send(a_request(server.url()), policy=POLICY)
    assert response_of(outcome).status == 200
    assert 150 <= outcome.duration_ms < 2000


@pytest.mark.parametrize(
    "ending", [ending for ending in Ending if ending not in (Ending.WEIRD_SERVER_REPLY, Ending.TOO_LARGE)]
)
def test_endings_are_numbered_as_libcurl_numbers_them(ending: Ending) -> None:
    assert getattr(pycurl, f"E_{ending.name}") == ending


def test_the_ending_with_an_odd_name_in_pycurl_has_the_same_number() -> None:
    assert pycurl.E_FTP_WEIRD_SERVER_REPLY == Ending.WEIRD_SERVER_REPLY


def test_a_header_name_as_long_as_a_body_is_judged_and_not_kept() -> None:
    kept = headers._problem_of_name.cache_info().currsize
    assert headers.problem("x" * 100_000, "value") is None
    assert headers.problem("x" * 100_000 + " ", "value") is not None
    assert headers._problem_of_name.cache_info().currsize == kept
