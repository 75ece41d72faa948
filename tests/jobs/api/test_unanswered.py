"""Requests that the database left unanswered: counted, and one line an outage, however many there are."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from jobs.api.wire import unanswered
from jobs.api.wire.unanswered import Unanswered
from jobs.running import transitions
from jobs.telemetry import counters
from tests.api import Api, problem_of

REFUSED = OperationalError("connection refused")


def fail(*args: object, **kwargs: object) -> Any:
    raise REFUSED


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unanswered, "own", Unanswered())
    monkeypatch.setattr(counters, "own", counters.Tallies())


def counted() -> dict[str, float]:
    return counters.by_label(counters.own.read()[0], counters.UNAVAILABLE)


def test_a_hundred_posts_are_one_line(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(transitions, "schedule", fail)
    for _ in range(100):
        problem_of(api.post("/api/jobs", {"url": "https://example.com"}), status=503)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO] == [
        "the database does not answer: connection refused"
    ]
    assert counted() == {"database": 100}


@pytest.mark.django_db
def test_pages_count_too(web: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("django.contrib.auth.authenticate", fail)
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", fail)
    for _ in range(3):
        answer = web.post("/admin/login/", {"username": "a@example.com", "password": "b"})
        assert answer.status_code == 503
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO] == [
        "the database does not answer: connection refused"
    ]
    assert counted() == {"database": 3}


class Time:
    """One that goes on while somebody sleeps, and says what happens at which second."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.plan: dict[float, Callable[[], None]] = {}

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.plan.pop(self.seconds, lambda: None)()


class Database:
    def __init__(self) -> None:
        self.is_away = True
        self.asked = 0

    def ask(self) -> None:
        self.asked += 1
        if self.is_away:
            raise InterfaceError("closed")


def watched(time: Time, database: Database, monkeypatch: pytest.MonkeyPatch) -> Unanswered:
    """One whose thread runs to its end before `note` comes back."""

    class AtOnce(threading.Thread):
        def start(self) -> None:
            self.run()

    monkeypatch.setattr(threading, "Thread", AtOnce)
    monkeypatch.setattr(connection, "close", lambda: None)
    made = Unanswered(monotonic=time.monotonic, sleep=time.sleep)
    made.watch(database.ask)
    return made


def test_the_end_is_said_once_the_database_answers_and_nobody_was_refused_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    time, database = Time(), Database()
    noted = watched(time, database, monkeypatch)
    time.plan = {
        10.0: lambda: noted.note(REFUSED),
        60.0: lambda: setattr(database, "is_away", False),
        58.0: lambda: noted.note(REFUSED),
    }
    noted.note(REFUSED)
    assert caplog.messages == [
        "the database does not answer: connection refused",
        "the database answers again after 63 s, 3 requests were answered 503",
    ]
    assert database.asked == 63


def test_each_outage_counts_for_itself(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    time, database = Time(), Database()
    database.is_away = False
    noted = watched(time, database, monkeypatch)
    noted.note(REFUSED)
    noted.note(REFUSED)
    assert (
        caplog.messages
        == [
            "the database does not answer: connection refused",
            "the database answers again after 5 s, 1 request was answered 503",
        ]
        * 2
    )


def test_where_nobody_watches_there_is_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    before = threading.active_count()
    Unanswered().note(REFUSED)
    assert threading.active_count() == before
