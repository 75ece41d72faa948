"""What leaves by a proxy: names are looked up and judged here, the proxy is told an address and nothing more."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from booper.outcomes.outcome import Failure, Outcome
from booper.sending.sender import Policy, Sender, send
from booper.targets.proxies import Proxy, Scheme
from tests.booper.targets.test_guard import Dials, Names, public_address, tls_context
from tests.booper.targets.test_guard import certificate as certificate
from tests.egress_proxy import SILENCE, EgressProxy
from tests.loopback import Server, a_request, answer_all, answer_once, serving

PUBLIC = "93.184.216.34"
HOSTILE_URLS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "targets" / "hostile_urls.json").read_text()
)
BOTH: tuple[Scheme, ...] = ("http", "socks5")
both = pytest.mark.parametrize("scheme", BOTH)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answer_all()) as started:
        yield started


def by(proxy: Proxy, **settings: Any) -> Policy:
    return Policy(allow_http=True, proxy=proxy, **{"resolve": lambda host: [PUBLIC], **settings})


def failure_of(outcome: Outcome) -> Failure:
    assert outcome.failure is not None, outcome.response
    return outcome.failure


@both
@pytest.mark.parametrize(
    ("url", "port"), [("http://hooks.example.com/a?b=c", 80), ("http://hooks.example.com:8080/", 8080)]
)
def test_the_proxy_is_asked_for_the_address_and_the_target_for_its_name(
    server: Server, scheme: Scheme, url: str, port: int
) -> None:
    with EgressProxy(server.port) as proxy:
        outcome = send(a_request(url, headers=(("X-Own", "secret"),)), policy=by(proxy.as_proxy(scheme)))
    assert outcome.response is not None, outcome.failure
    assert (outcome.response.status, outcome.response.headers) == (200, (("Content-Length", "2"),))
    assert proxy.asked == [f"{PUBLIC}:{port}"]
    request_line, host, *_ = server.heads[0]
    assert request_line == f"GET {url.partition('.com')[2].removeprefix(':8080')} HTTP/1.1"
    assert host == "Host: hooks.example.com" + ("" if port == 80 else f":{port}")
    assert not any("Proxy" in line for line in server.heads[0])
    assert not any("hooks" in head or "secret" in head for head in proxy.heads), (
        "the proxy was told more than it has to know"
    )


@both
def test_an_ipv6_address_is_asked_for_as_one(server: Server, scheme: Scheme) -> None:
    with EgressProxy(server.port) as proxy:
        policy = by(proxy.as_proxy(scheme), resolve=lambda host: ["2606:4700:4700::1111"])
        assert send(a_request("http://six.example.com/"), policy=policy).response is not None
        assert send(a_request("http://[2606:4700:4700::1001]/"), policy=policy).response is not None
    assert proxy.asked == ["[2606:4700:4700::1111]:80", "[2606:4700:4700::1001]:80"]


@both
def test_tls_is_with_the_target_by_its_name(certificate: Path, scheme: Scheme) -> None:
    seen: list[str | None] = []
    context = tls_context(certificate)
    context.sni_callback = lambda connection, name, _: seen.append(name)
    with serving(answer_all(), tls=context) as server, EgressProxy(server.port) as proxy:
        policy = by(proxy.as_proxy(scheme), ca_file=str(certificate))
        outcome = send(a_request("https://hooks.example.com/"), policy=policy)
        other = send(a_request("https://other.example.com/"), policy=policy)
    assert outcome.response is not None, outcome.failure
    assert failure_of(other).code == "tls_failure"
    assert seen == ["hooks.example.com", "other.example.com"]
    assert proxy.asked == [f"{PUBLIC}:443"] * 2


@both
@pytest.mark.parametrize(
    ("given", "is_taken"), [(("booper", "pä:ss"), True), (("booper", "another"), False), ((None, None), False)]
)
def test_user_and_password_are_for_the_proxy_alone(
    server: Server, scheme: Scheme, given: tuple[str | None, str | None], is_taken: bool
) -> None:
    with EgressProxy(server.port, user="booper", password="pä:ss") as proxy:
        policy = by(proxy.as_proxy(scheme, user=given[0], password=given[1]))
        outcome = send(a_request("http://hooks.example.com/"), policy=policy)
    if is_taken:
        assert outcome.response is not None, outcome.failure
        assert not any("authorization" in line.lower() for line in server.heads[0])
        return
    failure = failure_of(outcome)
    assert failure.code == "proxy_unavailable"
    assert f"{scheme}://127.0.0.1:{proxy.port}" in failure.message
    assert "another" not in failure.message
    assert server.requests == []


@both
@pytest.mark.parametrize("row", HOSTILE_URLS, ids=lambda row: row["why"])
def test_the_hostile_table_asks_the_proxy_for_public_addresses_alone(
    server: Server, row: dict[str, Any], scheme: Scheme
) -> None:
    names = Names(row.get("dns", {}))
    is_plain = row["url"].startswith("http:")
    with EgressProxy(server.port) as proxy:
        if not is_plain:
            # What is behind it speaks no TLS, and would be waited for.
            proxy.status, proxy.reply = lambda place: 403, lambda place: 2
        outcome = send(a_request(row["url"]), policy=by(proxy.as_proxy(scheme), resolve=names))
    assert len(names.asked) <= 1
    if row["expected"] != "allowed":
        assert (proxy.asked, proxy.connection_count) == ([], 0)
        assert failure_of(outcome).code == {"blocked": "blocked_address", "invalid": "invalid_request"}[row["expected"]]
        return
    asked = [place.rpartition(":")[0].strip("[]") for place in proxy.asked]
    assert [ip_address(address) for address in asked] == [ip_address(public_address(row))]
    assert (outcome.response is not None) == is_plain, outcome.failure


def test_nothing_but_the_proxy_is_dialled() -> None:
    dials = Dials()
    policy = by(Proxy("http", "10.1.2.3", 3128), open_socket=dials)
    assert failure_of(send(a_request("http://hooks.example.com/"), policy=policy)).code == "internal"
    assert dials.addresses == ["10.1.2.3"]


def test_the_name_of_the_proxy_is_looked_up_and_may_lead_inside(server: Server) -> None:
    names = Names({"proxy.internal": ["127.0.0.1"], "hooks.example.com": [PUBLIC]})
    with (
        EgressProxy(server.port) as proxy,
        Sender[int](by(Proxy("http", "proxy.internal", proxy.port), resolve=names)) as sender,
    ):
        for number in range(20):
            sender.submit(number, a_request("http://hooks.example.com/"))
        outcomes = []
        while sender.in_flight:
            outcomes += sender.poll(5)
        assert all(outcome.response is not None for _, outcome in outcomes)
        sender.submit(99, a_request(f"http://proxy.internal:{proxy.port}/"))
        ((_, own),) = sender.poll(5)
    assert sorted(names.asked) == ["hooks.example.com", "proxy.internal"]
    assert failure_of(own).code == "blocked_address", "a tenant has no business at the proxy itself"
    assert set(proxy.asked) == {f"{PUBLIC}:80"}


def test_the_environment_says_nothing_about_proxies(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("http_proxy", "http://10.9.9.9:1")
    with EgressProxy(server.port) as proxy:
        outcome = send(a_request("http://hooks.example.com/"), policy=by(proxy.as_proxy("http")))
    assert outcome.response is not None, outcome.failure
    assert proxy.asked == [f"{PUBLIC}:80"]


@both
def test_a_tunnel_is_kept_and_used_again_by_its_owner_alone(server: Server, scheme: Scheme) -> None:
    with EgressProxy(server.port) as proxy, Sender[str](by(proxy.as_proxy(scheme))) as sender:
        for owner in ("a", "a", "b", "a"):
            sender.submit(owner, replace(a_request("http://hooks.example.com/"), owner=owner))
            ((_, outcome),) = sender.poll(5)
            assert outcome.response is not None, outcome.failure
    assert len(server.requests) == 4
    assert proxy.connection_count in (2, 3)


@both
def test_a_tunnel_to_the_address_of_before_is_not_used_for_another(server: Server, scheme: Scheme) -> None:
    with EgressProxy(server.port) as proxy, Sender[int](by(proxy.as_proxy(scheme))) as sender:
        for number, url in enumerate(("http://8.8.8.8/", "http://8.8.4.4/", "http://hooks.example.com/")):
            sender.submit(number, a_request(url))
            ((_, outcome),) = sender.poll(5)
            assert outcome.response is not None, outcome.failure
    assert proxy.asked == ["8.8.8.8:80", "8.8.4.4:80", f"{PUBLIC}:80"]


@both
def test_the_next_address_is_asked_for_where_the_proxy_gets_no_connection(server: Server, scheme: Scheme) -> None:
    with EgressProxy(server.port) as proxy:
        proxy.status = lambda place: 503 if "[" in place else 200
        proxy.reply = lambda place: 3 if "[" in place else 0
        policy = by(proxy.as_proxy(scheme), resolve=lambda host: ["2606:4700:4700::1111", "10.0.0.1", PUBLIC])
        assert send(a_request("http://two.example.com/"), policy=policy).response is not None
    assert proxy.asked == ["[2606:4700:4700::1111]:80", f"{PUBLIC}:80"]


def test_a_name_with_a_hundred_addresses_is_four_questions_to_the_proxy_at_most() -> None:
    with EgressProxy() as proxy:
        proxy.status = lambda place: 503
        policy = by(proxy.as_proxy("http"), resolve=lambda host: [f"93.184.216.{last}" for last in range(100)])
        assert failure_of(send(a_request("http://many.example.com/"), policy=policy)).code == "proxy_failed"
    assert len(proxy.asked) == 4


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (407, "proxy_unavailable", "407"),
        (403, "proxy_failed", "the proxy answers 403"),
        (500, "proxy_failed", "the proxy answers 500"),
        (503, "proxy_failed", "the proxy answers 503"),
        (502, "connect_failed", "the proxy answers 502"),
        (504, "connect_failed", "the proxy answers 504"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "proxy_failed", "by way of the proxy"),
        (b"HTTP/1.1", "proxy_failed", "by way of the proxy"),
    ],
)
def test_what_an_http_proxy_says_decides_whose_failure_it_is(status: int | bytes, code: str, words: str) -> None:
    with EgressProxy() as proxy:
        proxy.status = lambda place: status
        policy = by(proxy.as_proxy("http", user="booper", password="hunter2-hunter2"))
        failure = failure_of(send(a_request("http://hooks.example.com/"), policy=policy))
    assert (failure.code, words in failure.message) == (code, True), failure
    assert f"http://127.0.0.1:{proxy.port}" in failure.message
    assert "hunter2" not in failure.message
    assert "hooks.example.com:80" in failure.message


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (1, "proxy_failed", "does not say why"),
        (2, "proxy_failed", "rules don't allow"),
        (3, "connect_failed", "network can't be reached"),
        (4, "connect_failed", "host can't be reached"),
        (5, "connect_failed", "connection was refused"),
        (6, "connect_failed", "too far away"),
        (7, "proxy_failed", "by way of the proxy"),
        (200, "proxy_failed", "by way of the proxy"),
    ],
)
def test_what_a_socks_proxy_says_decides_whose_failure_it_is(reply: int, code: str, words: str) -> None:
    with EgressProxy() as proxy:
        proxy.reply = lambda place: reply
        failure = failure_of(send(a_request("http://hooks.example.com/"), policy=by(proxy.as_proxy("socks5"))))
    assert (failure.code, words in failure.message) == (code, True), failure


@both
def test_a_proxy_that_is_down_is_nobodys_failure(scheme: Scheme) -> None:
    with EgressProxy() as gone:
        pass
    policy = by(gone.as_proxy(scheme, user="booper", password="hunter2-hunter2"))
    failure = failure_of(send(a_request("http://hooks.example.com/"), policy=policy))
    assert failure.code == "proxy_unavailable"
    assert f"{scheme}://127.0.0.1:{gone.port}" in failure.message
    assert "hunter2" not in failure.message


@pytest.mark.parametrize("answer", [[], None])
def test_a_proxy_without_an_address_is_nobodys_failure(answer: list[str] | None) -> None:
    def resolve(host: str) -> list[str]:
        if host != "proxy.internal":
            return [PUBLIC]
        if answer is None:
            raise OSError("no such name")
        return answer

    policy = by(Proxy("socks5", "proxy.internal", 1080), resolve=resolve)
    failure = failure_of(send(a_request("http://hooks.example.com/"), policy=policy))
    assert failure.code == "proxy_unavailable"
    assert "no address" in failure.message


def test_a_name_server_that_does_not_know_the_proxy_in_time_is_nobodys_failure() -> None:
    is_over = threading.Event()

    def resolve(host: str) -> list[str]:
        if host == "proxy.internal":
            is_over.wait(30)
        return [PUBLIC]

    policy = by(Proxy("http", "proxy.internal", 3128), resolve=resolve)
    failure = failure_of(send(a_request("http://hooks.example.com/", timeout_seconds=1), policy=policy))
    is_over.set()
    assert failure.code == "proxy_unavailable"


@both
def test_a_proxy_that_takes_the_connection_and_says_nothing_fails_the_attempt(scheme: Scheme) -> None:
    # It may be the target that it waits for: a tenant that names one which drops packets is charged for that.
    with EgressProxy() as proxy:
        proxy.status, proxy.reply = (lambda place: SILENCE), (lambda place: -1)
        failure = failure_of(
            send(a_request("http://hooks.example.com/", timeout_seconds=1), policy=by(proxy.as_proxy(scheme)))
        )
    assert failure.code == "proxy_failed"
    assert "within 1 s" in failure.message


def test_a_target_that_does_not_answer_is_to_blame_itself_once_the_tunnel_stands() -> None:
    with serving(lambda connection: connection.hang()) as server, EgressProxy(server.port) as proxy:
        policy = by(proxy.as_proxy("http"))
        plain = failure_of(send(a_request("http://hooks.example.com/", timeout_seconds=1), policy=policy))
        secure = failure_of(send(a_request("https://hooks.example.com/", timeout_seconds=1), policy=policy))
    assert (plain.code, secure.code) == ("timeout", "timeout")


def test_a_request_is_not_sent_twice_as_its_tunnel_breaks(server: Server) -> None:
    with serving(answer_once(b"")) as broken, EgressProxy(broken.port) as proxy:
        policy = by(proxy.as_proxy("http"))
        failure = failure_of(send(a_request("http://hooks.example.com/", method="POST", body=b"x"), policy=policy))
    assert failure.code == "connection_closed"
    assert len(broken.requests) == 1


def test_a_redirect_is_not_followed_by_the_proxy_either() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    with serving(answer_all(answer)) as server, EgressProxy(server.port) as proxy:
        outcome = send(a_request("http://hooks.example.com/"), policy=by(proxy.as_proxy("http")))
    assert outcome.response is not None
    assert outcome.response.status == 302
    assert proxy.asked == [f"{PUBLIC}:80"]


def test_of_a_blocked_network_and_of_another_port_nothing_is_asked(server: Server) -> None:
    with EgressProxy(server.port) as proxy:
        policy = by(proxy.as_proxy("http"), blocked_networks=("93.184.216.0/24",), ports=((80, 80),))
        blocked = failure_of(send(a_request("http://hooks.example.com/"), policy=policy))
        other_port = failure_of(send(a_request("http://8.8.8.8:8080/"), policy=policy))
    assert (blocked.code, other_port.code) == ("blocked_address", "blocked_address")
    assert f"{PUBLIC} is blocked by the operator" in blocked.message
    assert proxy.connection_count == 0


def test_a_proxy_that_hangs_as_it_is_dialled_is_nobodys_failure() -> None:
    # A listener whose backlog is full drops what comes after.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        fillers = [socket.create_connection(("127.0.0.1", port), timeout=5)]
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        failure = failure_of(
            send(a_request("http://hooks.example.com/", timeout_seconds=1), policy=by(Proxy("http", "127.0.0.1", port)))
        )
        for filler in fillers:
            filler.close()
    assert failure.code == "proxy_unavailable"
    assert "does not answer in time" in failure.message
