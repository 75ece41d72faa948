"""Databases that are killed, frozen or full: what was promised is kept, and who asks meanwhile is told 503."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.invariants import repeats
from tests.faults.trial import IS_LONG, LEASE_SECONDS, QUICK, Trial
from tests.processes.harness.fixtures import MakeStack, running
from tests.processes.harness.servers import require
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

# All leases run out meanwhile.
_OUTAGE_SECONDS = 40.0 if IS_LONG else LEASE_SECONDS + 2.0
_DISK_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def stack(servers: Servers) -> Iterator[Stack]:
    with running("postgresql-redis", servers=servers, settings=QUICK) as stack:
        stack.start(workers=2)
        yield stack


@pytest.fixture
def trial(stack: Stack) -> Trial:
    return Trial(stack)


def _assert_all_live(stack: Stack) -> None:
    assert stack.web is not None
    processes = [stack.web, *stack.workers.values(), *stack.beats.values()]
    assert [process.name for process in processes if not process.is_alive] == []


def test_what_is_on_the_wire_while_the_database_is_away_is_recorded_when_it_is_back(trial: Trial) -> None:
    stack = trial.stack
    url = stack.target.answer("/on-the-wire", always(Reply(delay_seconds=2.0)))
    with trial.load(per_second=20, fields=lambda number: {"method": "post", "url": url, "body": number}):
        pause(2.0)
        with trial.ledger.fault("database killed"):
            stack.servers.postgres.kill()
            pause(_OUTAGE_SECONDS)
            stack.servers.postgres.start()
        pause(2.0)
    evidence = trial.conclude(within_seconds=60)
    assert not repeats(evidence)
    _assert_all_live(stack)


def test_a_database_that_is_read_only_for_seconds_ends_nothing_and_costs_no_job(trial: Trial) -> None:
    stack = trial.stack
    pids = [process.pid for process in (*stack.workers.values(), *stack.beats.values())]
    url = stack.target.answer("/read-only", always(Reply(delay_seconds=1.0)))
    with trial.load(per_second=20, fields=lambda number: {"method": "post", "url": url, "body": number}):
        pause(2.0)
        with trial.ledger.fault("database read-only"):
            stack.servers.postgres.configure("default_transaction_read_only = on")
            pause(6.0)
            stack.servers.postgres.configure("default_transaction_read_only = off")
        pause(2.0)
    evidence = trial.conclude(within_seconds=60)
    assert not repeats(evidence)
    _assert_all_live(stack)
    assert [process.pid for process in (*stack.workers.values(), *stack.beats.values())] == pids


def test_statements_that_the_database_cuts_short_end_nothing_and_cost_no_job(trial: Trial) -> None:
    stack = trial.stack
    pids = [process.pid for process in (*stack.workers.values(), *stack.beats.values())]
    url = stack.target.answer("/cut-short", always(Reply(delay_seconds=1.0)))
    with trial.load(per_second=20, fields=lambda number: {"method": "post", "url": url, "body": number}):
        pause(2.0)
        with trial.ledger.fault("database cuts statements short"):
            stack.servers.postgres.configure("statement_timeout = 200")
            with stack.servers.postgres.locked(stack.database.url, "jobs_job"):
                pause(6.0)
            stack.servers.postgres.configure("statement_timeout = 0")
        pause(2.0)
    evidence = trial.conclude(within_seconds=60)
    assert not repeats(evidence)
    assert [process.pid for process in (*stack.workers.values(), *stack.beats.values()) if process.is_alive] == pids


def test_a_database_without_a_connection_to_spare_ends_nothing_and_costs_no_job(trial: Trial) -> None:
    stack = trial.stack
    pids = [process.pid for process in (*stack.workers.values(), *stack.beats.values())]
    url = stack.target.answer("/crowded", always(Reply(delay_seconds=1.0)))
    with trial.load(per_second=20, fields=lambda number: {"method": "post", "url": url, "body": number}):
        pause(2.0)
        with trial.ledger.fault("database crowded"), stack.servers.postgres.crowded():
            # Whoever had a connection has to ask for a new one.
            pause(6.0)
        pause(2.0)
    evidence = trial.conclude(within_seconds=60)
    assert not repeats(evidence)
    assert [process.pid for process in (*stack.workers.values(), *stack.beats.values()) if process.is_alive] == pids


def test_who_asks_while_the_database_is_away_is_told_503_and_served_when_it_is_back(trial: Trial) -> None:
    stack = trial.stack
    with trial.ledger.fault("database killed"):
        stack.servers.postgres.kill()
        asked = [
            stack.api.get("/api/jobs"),
            stack.api.post("/api/jobs", {"url": stack.target.url("/never")}),
            stack.api.post("/api/jobs/1/cancel"),
        ]
        pong = stack.api.get("/api/ping").status
        stack.servers.postgres.start()
    assert [(answer.status, answer.body["status"]) for answer in asked] == [(503, 503)] * 3
    assert pong == 200
    trial.create(method="post", url=stack.target.url("/back-again"))
    trial.conclude(within_seconds=30)
    assert stack.target.at("/never") == []


def test_a_database_that_was_frozen_for_longer_than_a_lease_costs_no_live_worker_its_jobs(trial: Trial) -> None:
    stack = trial.stack
    url = stack.target.answer("/through-frost", always(Reply(delay_seconds=_OUTAGE_SECONDS + 4)))
    # The more workers look for leases that have run out, the sooner one of them would find those of the others.
    stack.start_worker(3)
    for number in range(40):
        trial.create(method="post", url=url, body=number, timeout=120)
    trial.wait_for_requests(40, within_seconds=10)
    with trial.ledger.fault("database frozen"):
        stack.servers.postgres.pause()
        pause(_OUTAGE_SECONDS)
        stack.servers.postgres.resume()
    evidence = trial.conclude(within_seconds=60)
    assert not repeats(evidence)
    _assert_all_live(stack)
    stack.workers.pop(3).kill()


def test_a_worker_that_starts_before_its_database_works_once_it_is_there(trial: Trial) -> None:
    stack = trial.stack
    for index in (1, 2):
        stack.workers[index].kill()
    job = trial.create(method="post", url=stack.target.url("/waiting"))
    with trial.ledger.fault("database killed"):
        stack.servers.postgres.kill()
        started = [stack.start_worker(index, waits=False) for index in (1, 2)]
        pause(5.0)
        stack.servers.postgres.start()
    eventually(lambda: stack.target.count_by_job()[job["job_id"]], "the job is sent", within_seconds=15)
    assert all(worker.is_alive for worker in started)
    trial.conclude(within_seconds=30)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    require("a mount of its own, for root alone,", is_here=os.geteuid() == 0)
    options = ["-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(tmp_path)]
    mounted = subprocess.run(["mount", *options], capture_output=True, check=False)
    require("a kernel that mounts a small disk", is_here=mounted.returncode == 0)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_is_answered_503_and_leaves_nothing_half_written(make_stack: MakeStack, small_disk: Path) -> None:
    stack = make_stack("sqlite-redis", database_at=small_disk / "booper.sqlite3", settings=QUICK)
    stack.start()
    trial = Trial(stack)
    webhook_url = stack.target.url("/events")
    later = [trial.create(url=stack.target.url("/later"), schedule_in=2, webhook_url=webhook_url) for _ in range(20)]
    ballast = small_disk / "ballast"
    with trial.ledger.fault("disk full"):
        _fill(ballast)
        answers = [
            stack.api.post("/api/jobs", {"url": stack.target.url("/full"), "body": "x" * 5000}) for _ in range(30)
        ]
        statuses = {answer.status for answer in answers}
        assert statuses <= {201, 503}
        assert 503 in statuses, "the disk was not full"
        assert stack.api.get(f"/api/jobs/{later[0]['job_id']}").status == 200
        # They come due, and there is no room to record that.
        pause(4.0)
        ballast.unlink()
    after = trial.create(url=stack.target.url("/room-again"))
    evidence = trial.conclude(within_seconds=60)
    assert evidence.record.jobs[after["job_id"]].state == "completed"
    accepted = [answer for answer in answers if answer.status == 201]
    assert len(evidence.record.jobs) == len(later) + len(accepted) + 1
    _assert_all_live(stack)


def _fill(path: Path) -> None:
    """Writes until the disk takes no more."""
    with path.open("wb", buffering=0) as file:
        block = bytes(4096)
        try:
            while True:
                file.write(block)
        except OSError:
            return
