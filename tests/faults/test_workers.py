"""Workers that are killed, stopped, paused and overrun: nothing is lost, and nothing runs twice without a reason."""

import statistics
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.faults import messages, report
from tests.faults.evidence import Evidence
from tests.faults.invariants import repeats
from tests.faults.trial import IS_LONG, LEASE_SECONDS, QUICK, Trial
from tests.processes.harness.fixtures import running
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.target import Arrival, Reply, always
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack(servers: Servers) -> Iterator[Stack]:
    with running("postgresql-redis", servers=servers, settings=QUICK) as stack:
        stack.start(workers=2)
        yield stack


@pytest.fixture
def trial(stack: Stack) -> Trial:
    """With the two workers it began with, whatever the trial before did to them."""
    for index in list(stack.workers):
        if index > 2 and stack.workers[index].is_alive:
            stack.workers[index].kill()
    for index in (1, 2):
        if not stack.workers[index].is_alive:
            stack.start_worker(index)
    return Trial(stack)


@pytest.mark.alone
def test_what_a_killed_worker_had_on_the_wire_is_sent_again_and_nothing_else(trial: Trial) -> None:
    stack = trial.stack
    url = stack.target.answer("/slow", always(Reply(delay_seconds=1.0)))
    for _ in range(20 if IS_LONG else 2):
        with trial.load(per_second=20, fields=lambda number: {"method": "post", "url": url, "body": number}):
            pause(1.5)
            with trial.ledger.fault("worker killed"):
                stack.workers[1].kill()
            pause(1.0)
        stack.start_worker(1)
    evidence = trial.conclude(within_seconds=30)
    assert repeats(evidence)["lease_lost"] > 0, "no request was on the wire when the worker was killed"


def test_what_a_dead_worker_had_is_taken_up_within_thirty_seconds_however_long_it_may_take(trial: Trial) -> None:
    stack = trial.stack
    # The long form with the lease that a worker has by default.
    lease_seconds = 20 if IS_LONG else LEASE_SECONDS
    url = stack.target.answer("/hours", lambda arrival: Reply(delay_seconds=None if arrival.attempt == 1 else 0.0))
    for index in (1, 2):
        stack.workers[index].kill()
    settings = {"LEASE_SECONDS": str(lease_seconds)}
    dying = stack.start_worker(3, settings=settings)
    for _ in range(20):
        trial.create(url=url, timeout=900)
    trial.wait_for_requests(20, within_seconds=10)
    stack.start_worker(1, settings=settings)
    with trial.ledger.fault("worker killed"):
        dying.kill()
    trial.wait_for_requests(40, within_seconds=lease_seconds + 10)
    evidence = trial.conclude(within_seconds=10)
    assert repeats(evidence) == {"lease_lost": 20}


def test_a_rolling_restart_under_steady_load_fails_and_repeats_nothing(trial: Trial) -> None:
    stack = trial.stack
    url = stack.target.answer("/steady", always(Reply(delay_seconds=0.5)))
    seconds = []
    with trial.load(per_second=20, fields=lambda number: {"method": "post", "url": url, "body": number}):
        for index in (1, 2) * (10 if IS_LONG else 2):
            with trial.ledger.fault("worker told to stop"):
                began = time.monotonic()
                stack.workers[index].terminate()
                assert stack.workers[index].wait(within_seconds=15) == 0
                seconds.append(time.monotonic() - began)
            stack.start_worker(index)
    evidence = trial.conclude(within_seconds=30)
    assert not repeats(evidence)
    assert {job.attempt for job in evidence.record.jobs.values()} == {1}
    report.say(f"workers ended within {max(seconds):.2f} s")


@pytest.mark.alone
def test_a_request_longer_than_the_grace_is_handed_back_and_waits_for_no_lease(trial: Trial) -> None:
    stack = trial.stack
    url = stack.target.answer("/long", lambda arrival: Reply(delay_seconds=None if arrival.attempt == 1 else 0.0))
    for index in (1, 2):
        stack.workers[index].kill()
    short = stack.start_worker(3, settings={"SHUTDOWN_GRACE_SECONDS": "1"})
    trial.create(method="post", url=url)
    trial.wait_for_requests(1, within_seconds=10)
    stack.start_worker(1)
    with trial.ledger.fault("worker told to stop"):
        short.terminate()
        assert short.wait(within_seconds=15) == 0
        ended_at = time.time()
    evidence = trial.conclude(within_seconds=30)
    assert repeats(evidence) == {"worker_stopped": 1}
    late_seconds = evidence.arrivals[1].at - ended_at
    assert late_seconds < 2.0, f"it was sent again {late_seconds:.1f} s after its worker had gone"


def test_what_a_worker_brings_after_its_lease_has_run_out_changes_nothing(trial: Trial) -> None:
    stack = trial.stack
    # The first attempt fails: were it recorded after all, the job would not be completed.
    url = stack.target.answer("/late", lambda arrival: Reply(500 if arrival.attempt == 1 else 200, delay_seconds=1.0))
    stack.workers[2].kill()
    for number in range(20):
        trial.create(method="post", url=url, body=number)
    trial.wait_for_requests(20, within_seconds=10)
    with trial.ledger.fault("worker paused"):
        stack.workers[1].pause()
        stack.start_worker(2)
        trial.wait_for_requests(40, within_seconds=30)
        # While it is away, the other one has finished all of it.
        stack.wait_until_done(within_seconds=10)
        stack.workers[1].resume()
        pause(2.0)
    stack.workers[2].kill()
    trial.create(method="post", url=stack.target.url("/by-the-resumed-one"))
    evidence = trial.conclude(within_seconds=10)
    assert repeats(evidence) == {"lease_lost": 20}
    late = [event for rows in evidence.record.events.values() for event in rows if event.payload.get("status") == 500]
    assert late == []


def test_a_job_that_kills_its_worker_each_time_is_discarded_and_the_others_run_on(trial: Trial) -> None:
    stack = trial.stack

    def kill(arrival: Arrival) -> Reply:
        with trial.ledger.fault("worker killed by a job"):
            for worker in stack.workers.values():
                worker.kill()
        return Reply(delay_seconds=None)

    neighbour_url = stack.target.answer("/neighbour", always(Reply(delay_seconds=0.5)))
    neighbours = [trial.create(method="post", url=neighbour_url, schedule_in=2)["job_id"] for _ in range(10)]
    poison = trial.create(method="post", url=stack.target.answer("/poison", kill), schedule_in=2, max_attempts=2)
    is_over = threading.Event()

    def supervise() -> None:
        while not is_over.wait(0.2):
            for index in (1, 2):
                if not stack.workers[index].is_alive:
                    stack.start_worker(index, waits=False)

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    try:
        evidence = trial.conclude(within_seconds=60)
    finally:
        is_over.set()
        supervisor.join()
    job = evidence.record.jobs[poison["job_id"]]
    assert (job.state, job.attempt) == ("discarded", 2)
    assert {evidence.record.jobs[number].state for number in neighbours} == {"completed"}


@pytest.mark.alone
def test_two_thousand_jobs_due_in_one_second_all_run_once(trial: Trial) -> None:
    stack = trial.stack
    count = 10_000 if IS_LONG else 2_000
    # Time enough to create them; those that come later than this are due at once.
    due_at = time.time() + 2 + count / 1_000
    moment = datetime.fromtimestamp(due_at, UTC).isoformat()
    url = stack.target.answer("/crowd", always(Reply(delay_seconds=0.2)))
    began = time.monotonic()
    trial.create_many(count, method="post", url=url, scheduled_at=moment)
    report.say(f"created {count / (time.monotonic() - began):.0f} a second")
    evidence = trial.conclude(within_seconds=120)
    assert len(evidence.record.jobs) == count
    assert not repeats(evidence)
    _print_lateness(evidence)


@pytest.mark.alone
def test_a_target_that_hangs_holds_up_no_other_job(trial: Trial) -> None:
    stack = trial.stack
    hanging = stack.target.answer("/hangs", always(Reply(delay_seconds=None)))
    for _ in range(50):
        trial.create(method="post", url=hanging, timeout=4, max_attempts=1)
    trial.wait_for_requests(50, within_seconds=10)
    for number in range(50):
        trial.create(method="post", url=stack.target.url("/quick"), body=number)
    eventually(lambda: len(stack.target.at("/quick")) == 50, "the others were sent", within_seconds=3)
    evidence = trial.conclude(within_seconds=30)
    assert sorted(job.state for job in evidence.record.jobs.values()) == ["completed"] * 50 + ["discarded"] * 50


def test_messages_that_come_five_times_or_after_the_lease_run_nothing_twice(trial: Trial) -> None:
    stack = trial.stack
    url = stack.target.answer("/long", always(Reply(delay_seconds=LEASE_SECONDS + 2.0)))
    for index in (1, 2):
        stack.workers[index].kill()
    for number in range(50):
        trial.create(method="post", url=stack.target.url("/doubled"), body=number, schedule_in=0.1 * (number % 5))
        trial.create(method="post", url=url, body=number)
    taken = messages.take_all(stack, at_least=1)
    messages.put(stack, taken, times=5)
    for index in (1, 2):
        stack.start_worker(index)
    trial.wait_for_requests(100, within_seconds=30)
    # Half of them are on the wire still, under leases that were renewed, when the messages come again; later, none is.
    pause(LEASE_SECONDS + 1.0)
    messages.put(stack, taken, times=5)
    stack.wait_until_done(within_seconds=30)
    messages.put(stack, taken, times=5)
    eventually(lambda: messages.count(stack) == 0, "the late messages were read", within_seconds=10)
    trial.create(method="post", url=stack.target.url("/after-them"))
    evidence = trial.conclude(within_seconds=30)
    assert not repeats(evidence)
    assert len(evidence.arrivals) == 101


def test_of_cancel_and_run_one_wins(trial: Trial) -> None:
    stack = trial.stack
    due_at = time.time() + 3
    moment = datetime.fromtimestamp(due_at, UTC).isoformat()
    url = stack.target.url("/contended")
    numbers = [trial.create(method="post", url=url, scheduled_at=moment)["job_id"] for _ in range(60)]
    pause(due_at - time.time() - 0.2)
    won = [number for number in numbers if trial.cancel(number)]
    evidence = trial.conclude(within_seconds=30)
    sent = set(evidence.sent)
    report.say(f"{len(won)} of {len(numbers)} were cancelled, {len(sent & set(won))} of them on the wire")
    assert {number for number in numbers if number not in won} <= sent


def _print_lateness(evidence: Evidence) -> float:
    """In seconds: the lateness of the latest first attempt."""
    promises = evidence.ledger.promises
    late = sorted(arrivals[0].at - promises[number].due_at for number, arrivals in evidence.sent.items())
    report.say(f"late by {statistics.median(late):.2f} s at the median, {late[-1]:.2f} s at most")
    return late[-1]
