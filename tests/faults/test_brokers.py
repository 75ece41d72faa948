"""Brokers that lose everything, go away or stop answering: the database is the truth, wake-ups only make it fast."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal

import pytest

from tests.faults import messages, report
from tests.faults.trial import IS_LONG, Trial
from tests.processes.harness import ports
from tests.processes.harness.fixtures import running
from tests.processes.harness.processes import Running
from tests.processes.harness.servers import RedisServer
from tests.processes.harness.stack import STACK_KINDS, Servers, Stack
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

Outage = Literal["down", "hung"]
# The embedded Redis is a Redis.
_KINDS = STACK_KINDS if IS_LONG else STACK_KINDS[1:]
_OUTAGES: tuple[Outage, ...] = ("down", "hung")
_OUTAGE_SECONDS = 60.0 if IS_LONG else 3.0
# A worker looks for itself each second; the rest is for a machine that has other things to do.
_LATE_SECONDS = 2.5


@pytest.fixture(scope="module", params=_KINDS)
def stack(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Stack]:
    with running(request.param, servers=servers, settings={"LEASE_SECONDS": "5"}) as stack:
        stack.start(workers=2)
        yield stack


@pytest.fixture
def trial(stack: Stack) -> Trial:
    for index in (1, 2):
        if not stack.workers[index].is_alive:
            stack.start_worker(index)
    return Trial(stack)


@contextmanager
def _without_broker(trial: Trial, outage: Outage) -> Iterator[None]:
    broker = trial.stack.broker
    with trial.ledger.fault(f"broker {outage}"):
        if outage == "down":
            broker.kill()
        else:
            broker.pause()
        try:
            yield
        finally:
            if outage == "down":
                broker.start()
            else:
                broker.resume()


@pytest.mark.alone
def test_jobs_whose_wake_ups_were_lost_are_a_second_late_at_most(trial: Trial) -> None:
    stack = trial.stack
    for number in range(60):
        trial.create(method="post", url=stack.target.url("/forgotten"), body=number, schedule_in=0.5 + number / 15)
    for _ in range(8):
        with trial.ledger.fault("broker emptied"):
            stack.broker.empty()
        pause(0.5)
    evidence = trial.conclude(within_seconds=30)
    late = max(arrivals[0].at - trial.ledger.promises[number].due_at for number, arrivals in evidence.sent.items())
    report.say(f"late by {late:.2f} s at most")
    assert late < _LATE_SECONDS
    assert {len(arrivals) for arrivals in evidence.sent.values()} == {1}


@pytest.mark.alone
@pytest.mark.parametrize("outage", _OUTAGES)
def test_without_a_broker_jobs_are_taken_in_time_and_run(trial: Trial, outage: Outage) -> None:
    stack = trial.stack
    with _without_broker(trial, outage):
        with ThreadPoolExecutor(100) as pool:
            answers = list(
                pool.map(lambda _: stack.api.post("/api/jobs", {"url": stack.target.url("/at-once")}), range(100))
            )
        assert {answer.status for answer in answers} == {201}
        seconds = sorted(answer.seconds for answer in answers)
        report.say(f"{stack.kind}, {outage}: answered within {seconds[98]:.2f} s (p99), {seconds[99]:.2f} s at most")
        eventually(lambda: len(stack.target.at("/at-once")) >= 100, "they run all the same", within_seconds=10)
        assert stack.api.get("/api/jobs").status == 200
        url = stack.target.answer("/meanwhile", always(Reply(delay_seconds=0.3)))
        with trial.load(per_second=10, fields=lambda number: {"method": "post", "url": url, "body": number}):
            pause(_OUTAGE_SECONDS)
    trial.wait_for_wake_ups(within_seconds=60)
    evidence = trial.conclude(within_seconds=30)
    assert {len(arrivals) for arrivals in evidence.sent.values()} == {1}
    assert trial.ledger.unanswered_count == 0
    assert seconds[98] < 1.0
    stack.target.arrivals.clear()


@pytest.mark.parametrize("outage", _OUTAGES)
def test_a_worker_stops_in_time_while_the_broker_is_away(trial: Trial, outage: Outage) -> None:
    stack = trial.stack
    url = stack.target.answer("/going", always(Reply(delay_seconds=1.0)))
    with _without_broker(trial, outage):
        for number in range(20):
            trial.create(method="post", url=url, body=number)
        trial.wait_for_requests(20, within_seconds=10)
        for index in (1, 2):
            stack.workers[index].terminate()
        for index in (1, 2):
            assert stack.workers[index].wait(within_seconds=20) == 0
    for index in (1, 2):
        stack.start_worker(index)
    evidence = trial.conclude(within_seconds=30)
    assert {len(arrivals) for arrivals in evidence.sent.values()} == {1}


@pytest.mark.parametrize("outage", _OUTAGES)
def test_a_worker_that_starts_while_the_broker_is_away_runs_jobs(trial: Trial, outage: Outage) -> None:
    stack = trial.stack
    for index in (1, 2):
        stack.workers[index].kill()
    with _without_broker(trial, outage):
        job = trial.create(method="post", url=stack.target.url("/brokerless"))
        stack.start_worker(1, waits=False)
        eventually(lambda: stack.target.count_by_job()[job["job_id"]], "the job is sent", within_seconds=15)
    trial.wait_for_wake_ups(within_seconds=60)
    trial.conclude(within_seconds=30)


def test_a_redis_that_answers_with_errors_ends_no_process_and_costs_no_job(trial: Trial) -> None:
    stack = trial.stack
    broker = stack.broker
    if not isinstance(broker, RedisServer):
        pytest.skip("a Redis alone")
    pids = {name: process.pid for name, process in _processes(stack).items()}
    for fault in ({"maxmemory": "1"}, {"min-replicas-to-write": "1"}):
        with trial.ledger.fault(f"redis with {fault}"):
            broker.configure(**fault)
            for number in range(20):
                trial.create(method="post", url=stack.target.url("/refused"), body=number, schedule_in=number / 10)
            pause(_OUTAGE_SECONDS)
            broker.configure(**dict.fromkeys(fault, "0"))
    with trial.ledger.fault("redis as a read-only replica"):
        broker.replicate("127.0.0.1", str(ports.free()))
        for number in range(20):
            trial.create(method="post", url=stack.target.url("/refused"), body=number, schedule_in=number / 10)
        pause(_OUTAGE_SECONDS)
        broker.replicate("NO", "ONE")
    trial.wait_for_wake_ups(within_seconds=60)
    evidence = trial.conclude(within_seconds=30)
    assert {len(arrivals) for arrivals in evidence.sent.values()} == {1}
    assert {name: process.pid for name, process in _processes(stack).items() if process.is_alive} == pids


def _processes(stack: Stack) -> dict[str, Running]:
    return {process.name: process for process in (*stack.workers.values(), *stack.beats.values())}


def test_wake_ups_pass_through_quorum_queues(servers: Servers) -> None:
    with running("postgresql-rabbitmq", servers=servers) as stack:
        servers.rabbit.use_vhost(f"{stack.folder.name}-quorum", queue_type="quorum")
        stack.env["BROKER_URL"] = servers.rabbit.url
        stack.start()
        trial = Trial(stack)
        for number in range(50):
            trial.create(url=stack.target.url("/through-a-quorum"), schedule_in=number % 3)
        trial.conclude(within_seconds=30)
        eventually(lambda: messages.count(stack) == 0, "the worker takes the wake-ups", within_seconds=20)
        assert servers.rabbit.queue_types(f"{stack.folder.name}-quorum")["booper"] == "quorum"
        assert "global qos" not in stack.processes.written()
