"""Messages go out by the process that calls services: bounded in time, confined, without what this process knows."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apprise.decorators import notify
from apprise.manager_plugins import NotificationManager

from booper.outcomes.outcome import Failure
from booper.services import process, sender
from booper.services.process import Message
from booper.targets.proxies import Proxy
from tests.egress_proxy import SILENCE, EgressProxy

ROOT = Path(__file__).resolve().parents[3]
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12345"


def message(url: str = TELEGRAM, *, text: str = "Firing: x.") -> Message:
    return Message(id=url, url=url, title="Booper: x fires", text=text, kind="warning")


def code_of(failure: Failure | None) -> str | None:
    return None if failure is None else failure.code


@pytest.fixture
def sent() -> Iterator[list[dict[str, Any]]]:
    """What a plugin of ours was handed; it takes what does not say `refuse`."""
    found: list[dict[str, Any]] = []

    @notify(on="booperfake")  # type: ignore[untyped-decorator]
    def take(body: str, title: str, notify_type: Any, *args: Any, **kwargs: Any) -> bool:
        found.append({"body": body, "title": title, "kind": str(getattr(notify_type, "value", notify_type))})
        if "raise" in body:
            raise ValueError(body)
        return "refuse" not in body

    yield found
    NotificationManager().remove("booperfake")


def test_a_message_is_handed_over_as_text_that_mentions_nobody(sent: list[dict[str, Any]]) -> None:
    told = {
        "url": "booperfake://key",
        "title": "Booper: x fires",
        "text": "<!channel> @everyone [a](b)",
        "kind": "warning",
    }
    assert sender.deliver(told) is None
    [seen] = sent
    assert (seen["title"], seen["kind"]) == ("Booper: x fires", "warning")
    assert "@everyone" not in seen["body"]
    assert seen["body"].replace("\u200b", "") == "<!channel> @everyone [a](b)"


@pytest.mark.parametrize("text", ["refuse", "raise"])
def test_what_a_service_does_not_take_is_a_failure(sent: list[dict[str, Any]], text: str) -> None:
    failure = sender.deliver({"url": "booperfake://key", "title": "x", "text": text, "kind": "warning"})
    assert failure is not None
    assert failure[0] == "service_failed"


def test_by_a_proxy_the_service_is_asked_for_by_name_and_its_answer_is_told() -> None:
    with EgressProxy(user="booper", password="p@ss") as proxy:
        proxy.status = lambda place: 503
        as_proxy = proxy.as_proxy("http", user="booper", password="p@ss")
        found = process.send([message(), message("tgram://nonsense")], proxy=as_proxy, blocked_networks=())
    assert set(proxy.asked) == {"api.telegram.org:443"}
    codes = {url: code_of(failure) for url, failure in found.items()}
    assert codes == {TELEGRAM: "service_failed", "tgram://nonsense": "service_url"}


def test_a_service_that_is_silent_ends_with_the_time() -> None:
    began = time.monotonic()
    with EgressProxy() as proxy:
        proxy.status = lambda place: SILENCE
        found = process.send([message()], proxy=proxy.as_proxy("http"), blocked_networks=(), seconds=3)
    assert code_of(found[TELEGRAM]) in ("timeout", "service_failed")
    assert time.monotonic() - began < 15


def test_a_process_that_can_not_begin_is_said_to_have_ended() -> None:
    nowhere = Proxy("http", "no such host", 3128)
    found = process.send([message()], proxy=nowhere, blocked_networks=())
    assert code_of(found[TELEGRAM]) == "internal"


@pytest.mark.parametrize(
    ("proxy", "attempt", "is_let"),
    [
        (None, "socket.create_connection(('127.0.0.1', 9))", False),
        (None, "socket.create_connection(('169.254.169.254', 80))", False),
        (None, "socket.socket(socket.AF_INET6).connect(('::ffff:10.0.0.1', 80))", False),
        (None, "socket.socket(socket.AF_UNIX).connect('/tmp/x')", False),
        (None, "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('10.0.0.1', 514))", False),
        (None, "subprocess.run(['true'])", False),
        (None, "os.system('true')", False),
        ("127.0.0.1", "socket.socket().connect_ex(('127.0.0.1', 9))", True),
        ("127.0.0.1", "socket.socket().connect_ex(('93.184.216.34', 443))", False),
    ],
)
def test_a_plugin_dials_nothing_private_and_starts_nothing(proxy: str | None, attempt: str, is_let: bool) -> None:
    code = f"""
import os, socket, subprocess
from booper.services import sender
sender.confine(proxy={proxy!r}, blocked_networks=())
try:
    {attempt}
except PermissionError as error:
    print("refused", error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith("refused a service may") is not is_let


def test_the_process_is_told_nothing_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the instance")
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/own.pem")
    told = process._environment(None)
    assert told["SSL_CERT_FILE"] == "/etc/own.pem"
    assert set(told) <= {"PYTHONPATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"}
    assert (
        process._environment(Proxy("http", "::1", 3128, "a b", "p@ss"))["HTTPS_PROXY"]
        == "http://a%20b:p%40ss@[::1]:3128"
    )
