"""Runs for tests: schedules, attempts that end as a test wants them to, and the workers that make them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from booper.outcomes.outcome import Failure, Outcome, Response
from jobs.delivering import stage
from jobs.engine import leases
from jobs.engine.stage import Finished, Started
from jobs.models import Process, ProcessRole
from jobs.running import stage as running_stage
from tests.factories import NOON

OK = Outcome(response=Response(200, (), b"{}", truncated=False), failure=None, duration_ms=30)
REFUSED = Outcome(response=None, failure=Failure("connection_refused", "nobody listens there"), duration_ms=2)
LEASE = timedelta(seconds=20)


def answered(status: int) -> Outcome:
    return Outcome(response=Response(status, (), b"{}", truncated=False), failure=None, duration_ms=30)


def take_lease(role: ProcessRole = ProcessRole.WORKER, *, name: str = "worker-1", now: datetime = NOON) -> Process:
    return leases.take(role, name, lease=LEASE, now=now)


def start_due(worker_id: UUID, *, now: datetime = NOON) -> Sequence[Started]:
    return running_stage.claim(worker_id, limit=1000, is_crowded=False, now=now)[0]


def run_due(outcome: Outcome = OK, *, now: datetime = NOON, until: datetime | None = None) -> int:
    """Runs all jobs that are due at `now`; they end in `outcome`, `until` then. How many there were."""
    worker_id = uuid4()
    started = start_due(worker_id, now=now)
    running_stage.record(worker_id, [Finished(item, outcome) for item in started], now=until or now)
    return len(started)


def deliver_due(outcome: Outcome = OK, *, now: datetime = NOON) -> int:
    """Sends all callbacks and webhooks that are due; how many there were."""
    worker_id = uuid4()
    started, _ = stage.claim(worker_id, limit=1000, is_crowded=False, now=now)
    failed = [Outcome(response=None, failure=item.failure, duration_ms=0) for item in started if item.failure]
    assert not failed or len(failed) == len(started)
    ended = [Finished(item, failed[0] if failed else outcome) for item in started]
    stage.record(worker_id, ended, now=now)
    return len(started)
