"""The clock that all go by: the database's, and what a process notices when somebody sets it."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError

from jobs.database import clock
from jobs.database.clock import Clock
from jobs.engine import leases
from jobs.models import Process, ProcessRole
from tests.factories import NOON

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


class FakeTime:
    """The monotonic clock, and the database's as `reading` has it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.answer_seconds = 0.0
        self.reading: Callable[[], datetime] = lambda: NOON

    def monotonic(self) -> float:
        return self.seconds

    def read(self) -> tuple[datetime, float]:
        asked_at = self.seconds
        self.seconds += self.answer_seconds
        return self.reading(), asked_at


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(clock, "time", fake)
    monkeypatch.setattr(clock, "_read", fake.read)
    return fake


def test_a_clock_that_goes_on_was_never_set(fake: FakeTime):
    told = Clock()
    fake.reading = lambda: NOON + (fake.seconds - 1000) * SECOND
    for elapsed in (0, 5, 400):
        fake.seconds += elapsed
        assert told.reread() == NOON + (fake.seconds - 1000) * SECOND
    assert told.seconds_since_step() == math.inf


@pytest.mark.parametrize("step", [HOUR, -HOUR, 2 * SECOND])
def test_one_that_is_set_tells_for_how_long_that_is_known(fake: FakeTime, step: timedelta):
    told = Clock()
    told.reread()
    fake.reading = lambda: NOON + step
    assert told.reread() == NOON + step
    fake.seconds += 7
    assert told.seconds_since_step() == 7


def test_an_answer_that_took_its_time_is_no_step(fake: FakeTime):
    told = Clock()
    told.reread()
    fake.answer_seconds = 30
    fake.reading = lambda: NOON + 15 * SECOND
    told.reread()
    assert told.seconds_since_step() == math.inf


def test_who_has_read_it_once_counts_on_while_the_database_is_away(fake: FakeTime, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clock, "connection", type("PostgreSQL", (), {"vendor": "postgresql"}))
    told = Clock()
    assert told.now() == NOON
    fake.seconds += 60

    def refuse() -> datetime:
        raise OperationalError("gone")

    fake.reading = refuse
    assert told.now() == NOON + 60 * SECOND
    with pytest.raises(OperationalError):
        told.reread()


# --- Leases -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_lease_from_before_the_clock_was_set_back_begins_anew():
    lease = timedelta(seconds=20)
    ahead = leases.take(ProcessRole.WORKER, "ahead", lease=3 * lease, now=NOON + HOUR)
    right = leases.take(ProcessRole.WORKER, "right", lease=lease, now=NOON - SECOND)
    assert leases.begin_anew(lambda: NOON) == 1
    expiries = dict(Process.objects.values_list("id", "lease_expires_at"))
    assert expiries == {ahead.id: NOON + 3 * lease, right.id: NOON - SECOND + lease}
    assert leases.begin_anew(lambda: NOON) == 0


@pytest.mark.django_db
def test_who_was_suspended_while_it_looked_takes_nobody_for_ahead():
    lease = timedelta(seconds=20)
    process = leases.take(ProcessRole.WORKER, "alive", lease=lease, now=NOON)

    def read_after_a_pause() -> datetime:
        leases.renew(process, lease=lease, now=NOON + HOUR)
        return NOON + HOUR

    assert leases.begin_anew(read_after_a_pause) == 0
    assert Process.objects.get().lease_expires_at == NOON + HOUR + lease
