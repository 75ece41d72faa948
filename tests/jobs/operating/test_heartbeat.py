"""The dead man's switch of the scheduler itself: a watcher is called while all is well, and not otherwise."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from booper.outcomes.outcome import Outcome, Request
from jobs.models import ProcessRole
from jobs.operating import heartbeat
from tests.factories import NOON
from tests.runs import LEASE, OK, REFUSED, take_lease

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:8123/ping/abc"


@pytest.fixture
def called(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    settings.BOOPER_HEARTBEAT_URL = URL
    monkeypatch.setattr(heartbeat._LastTime, "failure", None)
    requests: list[Request] = []
    answers(monkeypatch, requests, OK)
    return requests


def answers(monkeypatch: pytest.MonkeyPatch, requests: list[Request], outcome: Outcome) -> None:
    def send(request: Request, **_: Any) -> Outcome:
        requests.append(request)
        return outcome

    monkeypatch.setattr("booper.sending.sender.send", send)


def test_the_watcher_is_called_while_a_beat_and_a_worker_live(called: list[Request]) -> None:
    take_lease(ProcessRole.BEAT)
    take_lease(ProcessRole.WORKER)
    assert heartbeat.beat(now=NOON)
    [request] = called
    assert (request.method, request.url, request.body) == ("GET", URL, None)


@pytest.mark.parametrize("roles", [[], [ProcessRole.BEAT], [ProcessRole.WORKER]])
def test_it_is_not_called_when_one_of_them_is_gone(called: list[Request], roles: Sequence[ProcessRole]) -> None:
    for role in roles:
        take_lease(role)
    assert not heartbeat.beat(now=NOON)
    assert called == []


def test_it_is_not_called_when_their_leases_have_run_out(called: list[Request]) -> None:
    take_lease(ProcessRole.BEAT)
    take_lease(ProcessRole.WORKER)
    assert not heartbeat.beat(now=NOON + LEASE + timedelta(seconds=1))
    assert called == []


def test_without_an_address_nothing_is_called(called: list[Request], settings: Settings) -> None:
    settings.BOOPER_HEARTBEAT_URL = ""
    take_lease(ProcessRole.BEAT)
    take_lease(ProcessRole.WORKER)
    assert not heartbeat.beat(now=NOON)


def test_a_watcher_that_is_not_reached_is_said_once_a_change(
    called: list[Request], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    take_lease(ProcessRole.BEAT)
    take_lease(ProcessRole.WORKER)
    for outcome in (REFUSED, REFUSED, OK, OK):
        answers(monkeypatch, called, outcome)
        heartbeat.beat(now=NOON)
    said = [record.message for record in caplog.records if "BOOPER_HEARTBEAT_URL" in record.message]
    assert len(said) == 2
    assert "connection_refused" in said[0]
    assert "reached again" in said[1]


def test_an_address_that_no_request_may_go_to_is_said_and_stops_nothing(settings: Settings) -> None:
    settings.BOOPER_HEARTBEAT_URL = "http://127.0.0.1:22/"
    take_lease(ProcessRole.BEAT)
    take_lease(ProcessRole.WORKER)
    assert not heartbeat.beat(now=NOON)
