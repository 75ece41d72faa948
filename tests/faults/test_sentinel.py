"""A Redis that is watched by Sentinels: its master is lost under load, or all of them are away when Booper starts."""

from collections.abc import Iterator

import pytest

from tests.faults import report
from tests.faults.invariants import repeats
from tests.faults.trial import IS_LONG, QUICK, Trial
from tests.processes.harness.fixtures import running
from tests.processes.harness.sentinels import WatchedRedis
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

_TIMES = 6 if IS_LONG else 2
_BACK_SECONDS = 30.0


@pytest.fixture
def watched(servers: Servers) -> Iterator[tuple[Stack, WatchedRedis]]:
    """A stack whose broker it is, none of whose processes runs yet."""
    with running("postgresql-redis", servers=servers, settings=QUICK) as stack:
        redis = WatchedRedis(stack.processes, stack.folder)
        stack.env |= redis.environment
        yield stack, redis


def _is_ready(stack: Stack) -> bool:
    return stack.api.get("/readyz").status == 200


def test_a_master_that_is_lost_under_load_costs_no_job_and_wake_ups_go_on(
    watched: tuple[Stack, WatchedRedis],
) -> None:
    stack, redis = watched
    redis.start()
    stack.start(workers=2)
    trial = Trial(stack)
    pids = [process.pid for process in (*stack.workers.values(), *stack.beats.values())]
    url = stack.target.answer("/failover", always(Reply(delay_seconds=0.5)))
    fields = {"method": "post", "url": url, "webhook_url": stack.target.url("/events")}
    for _ in range(_TIMES):
        with trial.load(per_second=20, fields=lambda number: {**fields, "body": number}):
            pause(2.0)
            with trial.ledger.fault("broker failed over"):
                lost = redis.fail_over()
            seconds = trial.wait_for_wake_ups(within_seconds=_BACK_SECONDS)
            report.say(f"wake-ups arrive {seconds:.1f} s after another master was named")
        eventually(lambda: _is_ready(stack), "the web is ready", within_seconds=_BACK_SECONDS)
        # It comes back as a master of nobody, and is made a replica of the new one.
        lost.start()
    evidence = trial.conclude(within_seconds=60)
    assert not repeats(evidence)
    assert trial.ledger.unanswered_count == 0
    assert [process.pid for process in (*stack.workers.values(), *stack.beats.values()) if process.is_alive] == pids


def test_sentinels_that_are_away_at_the_start_keep_no_job_waiting(watched: tuple[Stack, WatchedRedis]) -> None:
    stack, redis = watched
    trial = Trial(stack)
    with trial.ledger.fault("broker away"):
        stack.start()
        job = trial.create(method="post", url=stack.target.url("/unwatched"))
        eventually(lambda: stack.target.count_by_job()[job["job_id"]], "the job is sent", within_seconds=15)
        assert not _is_ready(stack)
        redis.start()
    trial.wait_for_wake_ups(within_seconds=60)
    eventually(lambda: _is_ready(stack), "the web is ready", within_seconds=_BACK_SECONDS)
    trial.conclude(within_seconds=30)
    assert all(process.is_alive for process in (*stack.workers.values(), *stack.beats.values()))
    written = stack.processes.written()
    assert "of-the-sentinels" not in written
    assert "of%2Credis" not in written
