"""Probes are answered in time, whatever hangs, and name what is wrong."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import InternalError, OperationalError

from jobs.models import Process, ProcessRole
from jobs.operating import health
from jobs.operating.bounded_question import Question
from jobs.operating.health import Heartbeat, Readiness
from tests.factories import NOON
from tests.runs import LEASE, take_lease

ALIVE = [Heartbeat("worker", "worker-1", 2.0, is_alive=True), Heartbeat("beat", "beat@host", 3.0, is_alive=True)]


class Hanging:
    """Answers nobody until it is released."""

    def __init__(self) -> None:
        self.asked = 0
        self.released = threading.Event()
        self.is_done = threading.Event()

    def __call__(self) -> list[Heartbeat]:
        self.asked += 1
        self.released.wait(60)
        self.is_done.set()
        return ALIVE


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    hanging = Hanging()
    yield hanging
    hanging.released.set()


def ready(
    *,
    ask_broker: Callable[[], Any] = lambda: None,
    ask_database: Callable[[], list[Heartbeat]] = lambda: ALIVE,
    without: tuple[str, ...] = (),
) -> health.Report:
    return Readiness(ask_broker=ask_broker, ask_database=ask_database).report(without=without)


def failing(report: health.Report) -> list[str]:
    return [name for name, check in report.checks.items() if not check.is_ok]


def refuse() -> None:
    raise ConnectionRefusedError("nobody listens there")


def fail() -> list[Heartbeat]:
    raise OperationalError("the server closed the connection")


# --- Questions --------------------------------------------------------------------------------------------------------


def test_an_answer_is_given_again_while_it_is_fresh_and_asked_for_once_it_is_not():
    answers, moments = iter([1, 2]), [100.0]
    question = Question(lambda: next(answers), fresh_seconds=5, name="test", monotonic=lambda: moments[0])
    assert [question.answer(within_seconds=10).value for _ in range(3)] == [1, 1, 1]
    moments[0] += 5
    assert question.answer(within_seconds=10).value == 2


def test_whoever_asks_waits_no_longer_than_said_and_one_thread_waits_for_all(hanging: Hanging):
    question = Question(hanging, fresh_seconds=3600, name="test")
    for _ in range(3):
        answer = question.answer(within_seconds=0.01)
        assert (answer.value, answer.age_seconds) == (None, None)
        assert "no answer for" in (answer.error or "")
    assert hanging.asked == 1
    hanging.released.set()
    assert question.answer(within_seconds=10).value == ALIVE


def test_an_error_is_an_answer_too_and_says_for_how_long_there_was_no_better_one():
    broken, moments = threading.Event(), [100.0]
    question = Question(
        lambda: fail() if broken.is_set() else ALIVE, fresh_seconds=5, name="test", monotonic=lambda: moments[0]
    )
    assert question.answer(within_seconds=10).value == ALIVE
    broken.set()
    moments[0] += 7
    answer = question.answer(within_seconds=10)
    assert (answer.value, answer.age_seconds) == (None, 7)
    assert answer.error == "OperationalError: the server closed the connection"


# --- Readiness --------------------------------------------------------------------------------------------------------


def test_an_instance_with_all_its_parts_is_ready():
    report = ready()
    assert report.is_ready
    assert list(report.checks) == list(health.NAMES)
    assert report.checks["workers"].age_seconds == pytest.approx(2.0, abs=1.0)
    assert report.as_json()["status"] == "ready"
    assert report.as_json()["checks"]["beat"]["processes"][0]["name"] == "beat@host"


@pytest.mark.parametrize(("gone", "name"), [("worker", "workers"), ("beat", "beat")])
def test_without_a_worker_or_a_beat_it_is_not(gone: str, name: str):
    left = [heartbeat for heartbeat in ALIVE if heartbeat.role != gone]
    report = ready(ask_database=lambda: left)
    assert failing(report) == [name]
    assert f"no {gone} is running" in report.checks[name].message
    assert report.checks[name].age_seconds is None


def test_a_worker_that_died_is_named_with_how_long_ago():
    dead = Heartbeat("worker", "worker-1", 75.0, is_alive=False)
    report = ready(ask_database=lambda: [dead, ALIVE[1]])
    assert failing(report) == ["workers"]
    assert report.checks["workers"].age_seconds == pytest.approx(75.0, abs=1.0)
    assert "75 s ago" in report.checks["workers"].message


def test_a_broker_that_refuses_is_named_and_the_rest_is_well():
    report = ready(ask_broker=refuse)
    assert failing(report) == ["broker"]
    assert "nobody listens there" in report.checks["broker"].message


def test_without_the_database_nothing_is_known_of_beat_and_workers():
    report = ready(ask_database=fail)
    assert failing(report) == ["database", "beat", "workers"]
    assert "the server closed the connection" in report.checks["database"].message


@pytest.mark.timeout(20)
def test_what_hangs_is_named_in_time(hanging: Hanging, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.05)
    report = ready(ask_broker=hanging, ask_database=hanging)
    assert failing(report) == list(health.NAMES)
    assert "no answer for" in report.checks["broker"].message


def test_what_is_left_out_is_not_asked(hanging: Hanging):
    report = ready(ask_broker=hanging, ask_database=list, without=("broker", "beat", "workers"))
    assert report.is_ready
    assert list(report.checks) == ["database"]
    assert hanging.asked == 0


@pytest.mark.django_db(transaction=True)
def test_the_database_is_asked_to_write_and_nothing_is_left_of_it(monkeypatch: pytest.MonkeyPatch):
    assert health.ask_the_database() == []
    assert not Process.objects.exists()

    def refuse(*_: Any, **__: Any) -> None:
        raise InternalError("cannot execute INSERT in a read-only transaction")

    monkeypatch.setattr(Process, "save", refuse)
    report = Readiness(ask_broker=lambda: None).report()
    assert "database" in failing(report)
    assert "read-only" in report.checks["database"].message


@pytest.mark.timeout(20)
def test_what_was_waited_for_in_vain_is_not_waited_for_again(hanging: Hanging):
    now = [100.0]
    question = Question(hanging, fresh_seconds=2.0, name="question", monotonic=lambda: now[0])
    assert question.answer(within_seconds=0.01).error
    now[0] += 30
    # With another wait of a minute the test would be out of time.
    assert "30.0 s" in str(question.answer(within_seconds=20).error)


@pytest.mark.django_db
def test_heartbeats_are_read_from_the_leases_of_processes():
    take_lease(ProcessRole.BEAT, name="beat@host", now=NOON - LEASE)
    take_lease(name="worker-1", now=NOON - timedelta(seconds=4))
    seen = health.heartbeats(now=NOON)
    assert seen == [
        Heartbeat("worker", "worker-1", 4.0, is_alive=True),
        Heartbeat("beat", "beat@host", 20.0, is_alive=False),
    ]


@pytest.mark.django_db(transaction=True)
def test_the_database_is_asked_by_a_thread_of_its_own(stopped_clock: Any):
    take_lease(name="worker-1", now=stopped_clock.moment)
    take_lease(ProcessRole.BEAT, name="beat@host", now=stopped_clock.moment)
    assert Readiness(ask_broker=lambda: None).report().is_ready
