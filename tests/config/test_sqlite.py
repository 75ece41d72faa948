"""Whoever waits to write to SQLite gets a turn soon, beside others who write all the time."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction

from config.sqlite import base
from config.sqlite.line import Line
from jobs.database import standing_back
from jobs.models import Job
from tests.factories import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's writers wait for nobody"),
]


@contextmanager
def locked() -> Iterator[sqlite3.Connection]:
    """Somebody else writes."""
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


class Pauses:
    """Stands for time.sleep and its clock; after `count` pauses the lock is given back."""

    def __init__(self, holder: sqlite3.Connection | None, *, count: int) -> None:
        self.taken: list[float] = []
        self.monotonic = lambda: sum(self.taken)
        self._holder = holder
        self._count = count

    def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) == self._count and self._holder is not None:
            self._holder.rollback()


def test_who_waits_asks_every_few_milliseconds_and_more_often_the_longer_it_has_waited(
    monkeypatch: pytest.MonkeyPatch,
):
    with locked() as holder:
        pauses = Pauses(holder, count=500)
        monkeypatch.setattr(base, "time", pauses)
        with transaction.atomic():
            user = make_user("grace@example.com")
    assert user.pk is not None
    assert len(pauses.taken) == 500
    assert max(pauses.taken) < 0.005
    assert sum(pauses.taken[-100:]) < sum(pauses.taken[:100]) / 2
    assert min(pauses.taken) >= 0.0005


def test_a_statement_on_its_own_waits_too(monkeypatch: pytest.MonkeyPatch):
    with locked() as holder:
        monkeypatch.setattr(base, "time", Pauses(holder, count=3))
        assert Job.objects.filter(id=1).update(name="none") == 0


def test_who_never_gets_a_turn_is_told_after_twenty_seconds(monkeypatch: pytest.MonkeyPatch):
    with locked():
        pauses = Pauses(None, count=0)
        monkeypatch.setattr(base, "time", pauses)
        with pytest.raises(OperationalError, match="locked"):
            Job.objects.filter(id=1).update(name="none")
    assert 20 < sum(pauses.taken) < 20.1


@contextmanager
def place() -> Iterator[Line]:
    """A place in the line of those who wait."""
    line = Line(Path(f"{connection.settings_dict['NAME']}-line"))
    try:
        yield line
    finally:
        line.close()


def test_who_writes_much_goes_behind_all_who_wait_for_half_a_second_and_at_once_where_nobody_does(
    monkeypatch: pytest.MonkeyPatch,
):
    pauses = Pauses(None, count=0)
    monkeypatch.setattr(base, "time", pauses)
    with place() as waiting, standing_back.standing_back():
        for enters in (False, True):
            if enters:
                waiting.enter()
            with transaction.atomic():
                make_user(f"{enters}@example.com")
            assert (sum(pauses.taken) > 0) is enters
        assert 0.5 < sum(pauses.taken) < 0.51
    with place() as waiting:
        waiting.enter()
        assert Job.objects.filter(id=1).update(name="none") == 0
    assert sum(pauses.taken) < 0.51


def test_who_has_to_wait_is_seen_by_others_until_the_turn_has_come(monkeypatch: pytest.MonkeyPatch):
    assert not standing_back.others_wait()
    seen = []
    with locked() as holder, place() as onlooker:
        pauses = Pauses(holder, count=3)
        monkeypatch.setattr(base, "time", pauses)
        sleep = pauses.sleep

        def look_and_sleep(seconds: float) -> None:
            seen.append(onlooker.is_empty())
            sleep(seconds)

        monkeypatch.setattr(pauses, "sleep", look_and_sleep)
        with transaction.atomic():
            assert onlooker.is_empty()
        with place() as other:
            other.enter()
            assert standing_back.others_wait()
            with transaction.atomic():
                assert not standing_back.others_wait()
    assert seen == [False, False, False]
    assert not standing_back.others_wait()


def test_where_no_file_can_be_locked_nobody_is_seen(tmp_path: Path):
    line = Line(tmp_path / "not there" / "line")
    line.enter()
    assert line.is_empty()
    line.leave()


def test_readers_wait_for_nobody():
    with locked():
        assert Job.objects.count() == 0


def test_all_who_write_at_once_get_their_turn():
    counts = dict.fromkeys("abcd", 0)

    def write(name: str) -> None:
        for number in range(25):
            with transaction.atomic():
                make_user(f"{name}{number}@example.com")
            counts[name] += 1
        connection.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in counts]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert counts == dict.fromkeys("abcd", 25)
