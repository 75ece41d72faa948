"""Processes that start while the database takes no writes, or has no tables yet: they work once it does."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.trial import QUICK, Trial
from tests.processes.harness.fixtures import running
from tests.processes.harness.stack import Servers, Stack, manage
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

# A process that ended would be started again by its supervisor: it may, but it may not stay without an engine.
_START_SECONDS = 120.0
# Longer than the longest pause between two tries.
_REFUSED_SECONDS = 6


@pytest.fixture
def stack(servers: Servers) -> Iterator[Stack]:
    with running("postgresql-redis", servers=servers, settings=QUICK) as stack:
        yield stack


def _start(stack: Stack) -> list[Any]:
    return [stack.start_worker(waits=False), stack.start_beat(waits=False)]


def _restarted(stack: Stack, processes: list[Any]) -> list[Any]:
    """As a supervisor does."""
    worker, beat = processes
    if not worker.is_alive:
        worker = stack.start_worker(waits=False)
    if not beat.is_alive:
        beat = stack.start_beat(waits=False)
    return [worker, beat]


def _refused(stack: Stack, processes: list[Any], *, because: str) -> list[Any]:
    """Waits until the database has refused both, by their own word, and for some tries more."""
    live = list(processes)

    def are_refused() -> bool:
        live[:] = _restarted(stack, live)
        return all(because in process.log.read_text(errors="replace") for process in live)

    eventually(are_refused, "both are refused", within_seconds=_START_SECONDS, pause_seconds=0.5)
    for _ in range(_REFUSED_SECONDS):
        pause(1.0)
        live = _restarted(stack, live)
    return live


def _assert_at_work(stack: Stack, processes: list[Any]) -> None:
    live = list(processes)

    def are_at_work() -> bool:
        live[:] = _restarted(stack, live)
        return bool(stack.database.processes("worker") and stack.database.processes("beat"))

    eventually(are_at_work, "both are at work", within_seconds=_START_SECONDS, pause_seconds=0.5)


def test_who_starts_while_the_database_is_read_only_works_once_it_takes_writes(stack: Stack) -> None:
    stack.start_web()
    trial = Trial(stack)
    job = trial.create(url=stack.target.url("/read-only-at-first"))
    with trial.ledger.fault("database read-only"):
        stack.servers.postgres.configure("default_transaction_read_only = on")
        try:
            started = _refused(stack, _start(stack), because="read-only transaction")
        finally:
            stack.servers.postgres.configure("default_transaction_read_only = off")
    _assert_at_work(stack, started)
    eventually(lambda: stack.target.count_by_job()[job["job_id"]], "the job is sent", within_seconds=30)
    trial.conclude(within_seconds=30)


def test_who_starts_before_the_first_migration_works_after_it(stack: Stack) -> None:
    stack.servers.postgres.drop(stack.database.url.rpartition("/")[2])
    stack.servers.postgres.create(stack.database.url.rpartition("/")[2])
    started = _refused(stack, _start(stack), because="does not exist")
    manage("migrate", "--verbosity", "0", env=stack.env)
    stack.api.key = manage("create_api_key", "ada@example.com", env=stack.env)
    _assert_at_work(stack, started)
    stack.start_web()
    job = stack.api.create_job(url=stack.target.url("/migrated"))
    eventually(lambda: stack.target.count_by_job()[job["job_id"]], "the job is sent", within_seconds=30)
