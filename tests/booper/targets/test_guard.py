"""The very address that is dialled is judged, and the certificate of who answers is checked."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

import pytest

from booper.outcomes.outcome import Failure, Outcome
from booper.sending.sender import Policy, Sender, send
from tests.loopback import POLICY, a_request, answer_all, serving

HOSTILE_URLS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("hostile_urls.json").read_text())


class Dials:
    """Stands where sockets are opened: notes the address that would be dialled next, and opens none."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    def __call__(self, family: int, address: tuple[Any, ...]) -> NoReturn:
        self.addresses.append(address[0])
        raise OSError("not in a test")


class Names:
    """A resolver that knows a few names; a list of lists is one answer after the other."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answer = self._answers.get(host)
        if answer is None:
            raise OSError("no such name")
        return list(answer[self.asked.count(host) - 1] if isinstance(answer[0], list) else answer)


def failure_of(outcome: Outcome) -> Failure:
    assert outcome.failure is not None
    return outcome.failure


@pytest.fixture(scope="module")
def has_ipv6() -> bool:
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def public_address(row: dict[str, Any]) -> str:
    """The one address that a row of the table may lead to: the first answer, or the URL's own host."""
    for answers in row.get("dns", {}).values():
        first = answers[0]
        return str(first[0] if isinstance(first, list) else first)
    return str(row["url"].split("//")[1].strip("/[]"))


@pytest.mark.parametrize("row", HOSTILE_URLS, ids=lambda row: row["why"])
def test_the_hostile_table_dials_public_addresses_alone(row: dict[str, Any], has_ipv6: bool) -> None:
    dials, names = Dials(), Names(row.get("dns", {}))
    policy = Policy(allow_http=True, resolve=names, open_socket=dials)
    failure = failure_of(send(a_request(row["url"]), policy=policy))
    assert len(names.asked) <= 1
    if row["expected"] != "allowed":
        assert dials.addresses == []
        assert failure.code == {"blocked": "blocked_address", "invalid": "invalid_request"}[row["expected"]]
        return
    if ":" in public_address(row) and not has_ipv6:
        assert dials.addresses == []
        return
    assert [ip_address(address) for address in dials.addresses] == [ip_address(public_address(row))]
    assert failure.code == "internal"
    assert "not in a test" in failure.message


def test_the_dial_itself_is_guarded_whatever_the_url_was_taken_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the judgement of URLs had a hole: the address in the socket call is what counts.
    monkeypatch.setattr("booper.targets.urls._refuse_blocked", lambda *judged: None)
    with serving(answer_all()) as server:
        failure = failure_of(send(a_request(server.url()), policy=Policy(allow_http=True)))
    assert failure.code == "blocked_address"
    assert "127.0.0.1 is blocked as loopback (127.0.0.0/8)" in failure.message
    assert server.connection_count == 0


def test_a_name_that_leads_inside_is_not_contacted_and_the_reason_is_given() -> None:
    with serving(answer_all()) as server:
        policy = Policy(allow_http=True, resolve=lambda host: ["127.0.0.1", "::1"])
        failure = failure_of(send(a_request(server.url(host="rebound.example.com")), policy=policy))
    assert failure.code == "blocked_address"
    assert f"rebound.example.com:{server.port} was not contacted" in failure.message
    assert "127.0.0.1 is blocked as loopback" in failure.message
    assert "::1 is blocked as loopback" in failure.message
    assert server.connection_count == 0


def test_of_several_addresses_the_permitted_one_is_contacted() -> None:
    with serving(answer_all()) as server:
        policy = replace(POLICY, resolve=lambda host: ["10.0.0.5", "169.254.169.254", "127.0.0.1", "192.168.1.1"])
        outcome = send(a_request(server.url(host="mixed.example.com")), policy=policy)
    assert outcome.response is not None
    assert server.heads[0][1] == f"Host: mixed.example.com:{server.port}"


def test_the_next_address_is_tried_where_nobody_listens_on_the_first() -> None:
    with serving(answer_all()) as server:
        policy = replace(POLICY, resolve=lambda host: ["::1", "127.0.0.99", "127.0.0.1"])
        outcome = send(a_request(server.url(host="two.example.com")), policy=policy)
    assert outcome.response is not None


def test_a_private_name_is_taken_where_its_address_is_allowed() -> None:
    with serving(answer_all()) as server:
        outcome = send(a_request(server.url(host="localhost")), policy=POLICY)
    assert outcome.response is not None


@pytest.mark.parametrize(
    ("resolve", "words"),
    [(Names({}), "no such name"), (lambda host: [], "it has none"), (lambda host: 1 / 0, "division by zero")],
)
def test_a_name_without_an_address_is_a_dns_failure(resolve: Callable[[str], Sequence[str]], words: str) -> None:
    failure = failure_of(send(a_request("http://nowhere.example.com/"), policy=replace(POLICY, resolve=resolve)))
    assert failure.code == "dns_failure"
    assert "nowhere.example.com:80" in failure.message
    assert words in failure.message


def test_the_resolver_of_the_system_is_asked_where_no_other_is_given() -> None:
    failure = failure_of(send(a_request("https://no-such-name.invalid/"), policy=Policy()))
    assert failure.code == "dns_failure"


def test_an_answer_that_is_no_address_is_not_looked_up_a_second_time() -> None:
    names = Names({"odd.example.com": ["also-a-name.example.com"]})
    failure = failure_of(send(a_request("http://odd.example.com/"), policy=replace(POLICY, resolve=names)))
    assert failure.code == "internal"
    assert names.asked == ["odd.example.com"]


def test_a_lookup_that_hangs_ends_at_the_deadline_and_holds_nobody_up() -> None:
    is_over = threading.Event()

    def resolve(host: str) -> list[str]:
        if host.startswith("slow"):
            is_over.wait(30)
        return ["127.0.0.1"]

    with serving(answer_all()) as server, Sender[str](replace(POLICY, resolve=resolve)) as sender:
        for number in range(40):
            url = server.url(host=f"slow{number}.example.com")
            sender.submit(f"slow {number}", a_request(url, timeout_seconds=1))
        sender.submit("quick", a_request(server.url(host="quick.example.com"), timeout_seconds=5))
        ((first, outcome),) = sender.poll(5)
        assert first == "quick"
        assert outcome.response is not None
        slow = []
        while sender.in_flight:
            slow += [outcome for _, outcome in sender.poll(5)]
    is_over.set()
    assert {failure_of(outcome).code for outcome in slow} == {"timeout"}
    assert "was not looked up within 1 s" in failure_of(slow[0]).message
    assert len(slow) == 40


def test_many_requests_to_one_name_are_one_lookup() -> None:
    names = Names({"one.example.com": ["127.0.0.1"]})
    with serving(answer_all()) as server, Sender[int](replace(POLICY, resolve=names)) as sender:
        for number in range(50):
            sender.submit(number, a_request(server.url(host="one.example.com")))
        outcomes = []
        while sender.in_flight:
            outcomes += sender.poll(5)
    assert all(outcome.response is not None for _, outcome in outcomes)
    assert names.asked == ["one.example.com"]


def test_no_socket_left_on_this_machine_is_not_blamed_on_the_target() -> None:
    def open_socket(family: int, address: tuple[Any, ...]) -> NoReturn:
        raise OSError(24, "Too many open files")

    failure = failure_of(send(a_request("http://127.0.0.1:8000/"), policy=replace(POLICY, open_socket=open_socket)))
    assert failure.code == "internal"
    assert "Too many open files" in failure.message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key in one file, for hooks.example.com."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command, to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hooks.example.com"
    names = ["-addext", "subjectAltName=DNS:hooks.example.com", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([openssl, *command.split(), *names], cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "certificate.pem").read_text() + (folder / "key.pem").read_text())
    return both


def tls_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def over_tls(certificate: Path, *, host: str, policy: Policy) -> tuple[Outcome, list[bytes]]:
    with serving(answer_all(), tls=tls_context(certificate)) as server:
        outcome = send(a_request(server.url(scheme="https", host=host)), policy=policy)
    return outcome, server.requests


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    policy = replace(POLICY, resolve=lambda host: ["127.0.0.1"])
    outcome, requests = over_tls(certificate, host="hooks.example.com", policy=policy)
    assert failure_of(outcome).code == "tls_failure"
    assert "self-signed" in failure_of(outcome).message.replace(" ", "-")
    assert requests == []


def test_a_certificate_of_another_host_is_refused(certificate: Path) -> None:
    policy = replace(POLICY, resolve=lambda host: ["127.0.0.1"], ca_file=str(certificate))
    outcome, requests = over_tls(certificate, host="other.example.com", policy=policy)
    assert failure_of(outcome).code == "tls_failure"
    assert "other.example.com" in failure_of(outcome).message
    assert requests == []


def test_a_certificate_of_the_host_is_taken(certificate: Path) -> None:
    policy = replace(POLICY, resolve=lambda host: ["127.0.0.1"], ca_file=str(certificate))
    outcome, requests = over_tls(certificate, host="hooks.example.com", policy=policy)
    assert outcome.response is not None, outcome.failure
    assert len(requests) == 1


def test_a_kept_connection_is_used_again_over_tls(certificate: Path) -> None:
    policy = replace(POLICY, resolve=lambda host: ["127.0.0.1"], ca_file=str(certificate))
    with serving(answer_all(), tls=tls_context(certificate)) as server, Sender[int](policy) as sender:
        for number in range(3):
            sender.submit(number, a_request(server.url(scheme="https", host="hooks.example.com")))
            while sender.in_flight:
                assert [outcome.failure for _, outcome in sender.poll(10)] == [None]
        assert (len(server.requests), server.connection_count) == (3, 1)


def test_a_port_that_does_not_speak_tls_is_a_tls_failure() -> None:
    with serving(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        outcome = send(a_request(server.url(scheme="https")), policy=POLICY)
    assert failure_of(outcome).code == "tls_failure"


def test_a_certificate_file_that_is_not_there_is_not_blamed_on_the_target(certificate: Path) -> None:
    policy = replace(POLICY, resolve=lambda host: ["127.0.0.1"], ca_file=str(certificate.with_name("missing.pem")))
    outcome, requests = over_tls(certificate, host="hooks.example.com", policy=policy)
    assert failure_of(outcome).code == "internal"
    assert "missing.pem" in failure_of(outcome).message
    assert requests == []


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"allowed_networks": ("10.0.0.1/8",)}, "10.0.0.1/8"),
        ({"max_response_bytes": -1}, "max_response_bytes is -1"),
        ({"connect_timeout_seconds": 0}, "connect_timeout_seconds is 0"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_at_once(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Policy(**setting)
