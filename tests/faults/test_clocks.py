"""Clocks that are set by an hour each way: the database's decides, no lease is stolen, and nothing runs early."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.faults import report
from tests.faults.evidence import Evidence
from tests.faults.fake_clock import RIGHT, FakeClock
from tests.faults.invariants import repeats
from tests.faults.trial import IS_LONG, Trial
from tests.processes.harness.fixtures import MakeStack, running
from tests.processes.harness.processes import Running
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

_HOUR = 3600
_LEASE_SECONDS = 5
_STEPS = (_HOUR, -_HOUR) * (5 if IS_LONG else 1)
_ON_THE_WIRE = 20
_SCHEDULES = 3
# Found before PostgreSQL's own, once the database's search_path says so: its clock, as far as Booper is concerned.
_DATABASE_CLOCK = """
CREATE SCHEMA set_clock;
CREATE TABLE set_clock.offsets (by_seconds int NOT NULL);
INSERT INTO set_clock.offsets VALUES (0);
CREATE FUNCTION set_clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
AS 'SELECT pg_catalog.clock_timestamp() + by_seconds * interval ''1 second'' FROM set_clock.offsets';
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> FakeClock:
    return FakeClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def stack(servers: Servers, machine: FakeClock) -> Iterator[Stack]:
    settings = {"LEASE_SECONDS": str(_LEASE_SECONDS), **machine.variables}
    with running("postgresql-redis", servers=servers, settings=settings) as stack:
        with psycopg.connect(stack.database.url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(_DATABASE_CLOCK)
            connection.execute(f'ALTER DATABASE "{name}" SET search_path = set_clock, public, pg_catalog')
        stack.start(workers=2)
        yield stack


@pytest.fixture
def trial(stack: Stack, machine: FakeClock) -> Iterator[Trial]:
    yield Trial(stack)
    machine.set(0)


def _set_database_clock(stack: Stack, offset_seconds: int) -> None:
    with psycopg.connect(stack.database.url, autocommit=True) as connection:
        connection.execute("UPDATE set_clock.offsets SET by_seconds = %s", [offset_seconds])


def test_an_instance_whose_clock_is_set_goes_by_the_databases_and_steals_no_lease(
    trial: Trial, machine: FakeClock
) -> None:
    stack = trial.stack
    urls = [
        stack.target.answer("/short", always(Reply(delay_seconds=0.5))),
        stack.target.answer("/long", always(Reply(delay_seconds=_LEASE_SECONDS + 1.0))),
    ]
    # Looks for leases that have run out, as the others do, by a clock that is right.
    right = stack.start_worker(3, settings=RIGHT)
    ticks = [trial.create(method="post", url=stack.target.url("/tick"), repeat_every=1) for _ in range(_SCHEDULES)]

    def fields(number: int) -> dict[str, object]:
        webhook_url = stack.target.url("/events") if number % 5 == 0 else None
        return {"url": urls[number % 2], "schedule_in": 0.3 * (number % 10), "webhook_url": webhook_url}

    # Under libfaketime each of web's answers takes half a second.
    with trial.load(per_second=10, fields=fields, clients=8):
        for step in _STEPS:
            machine.set(step)
            # Longer than from one look for leases that have run out to the next.
            pause(4.0)
    _end_schedules(trial, ticks)
    evidence = trial.conclude(within_seconds=30)
    assert not repeats(evidence)
    assert _missed(evidence) == []
    report.say(f"late by {_latest(evidence):.2f} s at most")
    right.kill()


def test_a_database_whose_clock_is_set_costs_no_live_worker_its_jobs_and_saves_no_dead_one(trial: Trial) -> None:
    stack = trial.stack
    url = stack.target.answer("/through-the-step", always(Reply(delay_seconds=_LEASE_SECONDS + 1.0)))
    try:
        _put_on_the_wire(trial, url)
        _set_database_clock(stack, _HOUR)
        stack.wait_until_done(within_seconds=30)
        _assert_each_was_sent_once(trial)
        _put_on_the_wire(trial, url)
        _busiest_worker(stack).kill()
    finally:
        _set_database_clock(stack, 0)
    # By its lease, the dead one lives for another hour.
    stack.wait_until_done(within_seconds=30)
    evidence = trial.evidence()
    attempts = Counter(job.attempt for job in evidence.record.jobs.values())
    broken_off = sum(arrival.answered_at is None for arrival in evidence.arrivals)
    assert attempts == Counter({1: 2 * _ON_THE_WIRE - broken_off, 2: broken_off})
    assert broken_off > 0, "the worker that was killed had nothing on the wire"


def test_an_embedded_instance_whose_machines_clock_is_set_loses_no_lease(make_stack: MakeStack, tmp_path: Path) -> None:
    machine = FakeClock(tmp_path)
    # A lease is renewed less often than others look for those that have run out.
    stack = make_stack("sqlite-redis", settings={"LEASE_SECONDS": "20", **machine.variables})
    stack.start(workers=2)
    trial = Trial(stack)
    url = stack.target.answer("/through-the-step", always(Reply(delay_seconds=4.0)))
    later = trial.create(url=stack.target.url("/later"), schedule_in=2 * _HOUR)
    for step in (_HOUR, 0):
        _put_on_the_wire(trial, url)
        machine.set(step)
        eventually(lambda: stack.database.unfinished_count() == 1, "all but one have ended", within_seconds=30)
    _assert_each_was_sent_once(trial, but=later["job_id"])


def _put_on_the_wire(trial: Trial, url: str) -> None:
    seen = len(trial.stack.target.arrivals)
    trial.create_many(_ON_THE_WIRE, url=url)
    arrivals = trial.stack.target.arrivals
    eventually(lambda: len(arrivals) >= seen + _ON_THE_WIRE, "all are on the wire", within_seconds=10)


def _busiest_worker(stack: Stack) -> Running:
    """One may have claimed them all."""
    held = Counter(job.worker_id for job in stack.database.read().jobs.values() if job.worker_id is not None)
    return stack.workers[max(stack.workers, key=lambda index: sum(held[row.id] for row in stack.worker_rows(index)))]


def _end_schedules(trial: Trial, schedules: list[Any]) -> None:
    for job in schedules:
        answer = trial.stack.api.post(f"/api/schedules/{job['schedule_id']}/disable")
        assert answer.status == 200, answer.body


def _missed(evidence: Evidence) -> list[tuple[UUID, timedelta]]:
    """Where a schedule of every second has left out a second, or has hardly run."""
    runs = [job for job in evidence.record.jobs.values() if job.occurrence_at is not None and job.id in evidence.sent]
    found = []
    for schedule_id in evidence.record.schedules:
        times = sorted(job.occurrence_at for job in runs if job.schedule_id == schedule_id and job.occurrence_at)
        found += [(schedule_id, timedelta(0))] if len(times) < 3 else []
        found += [
            (schedule_id, later - earlier) for earlier, later in pairwise(times) if later - earlier != timedelta(0, 1)
        ]
    return found


def _latest(evidence: Evidence) -> float:
    """In seconds: the lateness of the latest first attempt."""
    promises = evidence.ledger.promises
    sent = evidence.sent.items()
    return max(arrivals[0].at - promises[number].due_at for number, arrivals in sent if number in promises)


def _assert_each_was_sent_once(trial: Trial, *, but: int | None = None) -> None:
    """The other invariants compare times of clocks that were apart."""
    evidence = trial.evidence()
    counts = {number: len(evidence.sent.get(number, [])) for number in trial.ledger.promises if number != but}
    assert Counter(counts.values()) == {1: len(counts)}
    assert but not in evidence.sent
