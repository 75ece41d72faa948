"""Two hundred small worlds, each decided by its seed, in which everything that can go wrong does.

`pytest tests/faults/test_simulation.py::test_no_world_breaks_a_promise[17]` replays one of them. With FAULTS_LONG=1
there are ten thousand.
"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from jobs.engine import engine, held_lease, lane_state, leases, reconcile, recording, rescue
from jobs.models import Process, ProcessRole
from tests.factories import NOON, make_job
from tests.faults import invariants
from tests.faults.simulated_worker import Worker
from tests.faults.simulation import World
from tests.faults.trial import IS_LONG

pytestmark = pytest.mark.django_db

# On PostgreSQL, where one takes three times as long, every fourth.
_SEEDS = range(10_000) if IS_LONG else range(0, 200, 4 if connection.vendor == "postgresql" else 1)


class _Nothing:
    """Stands for a connection that the engine closes: here all share one."""

    def close(self) -> None: ...


class _WorldClock:
    """The world's time, as the modules `time` and `jobs.database.clock` would tell it."""

    def __init__(self, world: World) -> None:
        self.monotonic = world.monotonic
        self._world = world

    def now(self) -> datetime:
        return self._world.now

    reread = now

    def seconds_since_step(self) -> float:
        return math.inf

    def sleep(self, seconds: float) -> None: ...


class _WorldLeases:
    """jobs.engine.leases, through the world's database."""

    def __init__(self, world: World) -> None:
        self._world = world

    def take(self, role: ProcessRole, name: str, *, lease: timedelta, now: datetime) -> Process:
        return leases.take(role, name, lease=lease, now=now)

    def renew(self, process: Process, *, lease: timedelta, now: datetime) -> None:
        self._world.database(lambda: leases.renew(process, lease=lease, now=now))

    def give_up(self, process: Process) -> None:
        self._world.database(lambda: leases.give_up(process))

    def begin_anew(self, read_clock: Callable[[], datetime]) -> int:
        return self._world.database(lambda: leases.begin_anew(read_clock))

    def forget_dead(self, *, silent_since: datetime) -> int:
        return self._world.database(lambda: leases.forget_dead(silent_since=silent_since))


def _inhabit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has engines take its time and its database for the real ones."""
    stand_ins = {
        "clock": _WorldClock(world),
        "time": _WorldClock(world),
        "leases": _WorldLeases(world),
        "connection": _Nothing(),
    }
    for module in (engine, held_lease, lane_state, reconcile, recording, rescue):
        for name in stand_ins.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, stand_ins[name])
    monkeypatch.setattr(engine, "close_old_connections", lambda: None)


def test_who_is_first_after_an_outage_gives_the_others_time_to_renew_their_leases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with transaction.atomic():
        world = World(0)
        world.is_calm = True
        _inhabit(world, monkeypatch)
        slow, quick = Worker(world, 1), Worker(world, 2)
        job = make_job(scheduled_at=NOON)
        slow.database_turn()
        world.down_until = NOON + timedelta(seconds=25)
        # Its tries to renew the lease come at 15 s, in vain, and at 26 s.
        for after in (15, 26):
            world.now = NOON + timedelta(seconds=after)
            quick.lease_turn()
            quick.database_turn()
        slow.lease_turn()
        world.now = NOON + timedelta(seconds=37)
        quick.database_turn()
        job.refresh_from_db()
        assert (job.state, job.attempt) == ("executing", 1)


def test_a_lease_that_could_not_be_renewed_is_tried_again_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction.atomic():
        world = World(0)
        world.is_calm = True
        _inhabit(world, monkeypatch)
        worker = Worker(world, 1)
        world.down_until = NOON + timedelta(seconds=7)
        tries: list[int] = []
        database = world.database

        def counted(call: Callable[[], Any]) -> Any:
            tries.append((world.now - NOON).seconds)
            return database(call)

        monkeypatch.setattr(world, "database", counted)
        for seconds in range(1, 15):
            world.now = NOON + timedelta(seconds=seconds)
            worker.lease_turn()
        # It is due each 5 s, a quarter of the lease.
        assert tries == [5, 6, 7, 12]


@pytest.mark.parametrize("seed", _SEEDS)
def test_no_world_breaks_a_promise(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction.atomic():
        world = World(seed)
        _inhabit(world, monkeypatch)
        evidence = world.run()
        cases = invariants.broken(evidence)
        assert not cases, f"{invariants.counts(evidence)}\n" + "\n".join(cases)
