"""The promise as a whole: every kind of process is killed in turn, nothing is lost, and every repeat has its reason."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from uuid import UUID

import pytest

from tests.faults import report
from tests.faults.evidence import Evidence
from tests.faults.trial import IS_LONG, Trial
from tests.faults.watch import Watch
from tests.processes.harness.fixtures import running
from tests.processes.harness.stack import STACK_KINDS, Servers, Stack
from tests.processes.harness.target import Arrival, Reply
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

_JOBS, _SECONDS = (10_000, 60.0) if IS_LONG else (600, 20.0)
# As many as are promised; the rest are refused while web or the database is away.
_PER_SECOND = 1.25 * _JOBS / _SECONDS
_BETWEEN_FAULTS_SECONDS = 3.0 if IS_LONG else 1.0
_DONE_WITHIN_SECONDS = 45.0
_BACK_WITHIN_SECONDS = 60.0
# The long form with what an instance has by default.
_LEASE_SECONDS = 20 if IS_LONG else 5
_SCHEDULES = 5


@pytest.fixture(params=STACK_KINDS)
def trial(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Trial]:
    with running(request.param, servers=servers, settings={"LEASE_SECONDS": str(_LEASE_SECONDS)}) as stack:
        stack.start(workers=2, beats=2)
        yield Trial(stack)


def test_nothing_is_lost_while_every_kind_of_process_is_killed_in_turn(trial: Trial) -> None:
    stack = trial.stack
    stack.target.answer("/storm", _answer)
    schedules = [trial.create(method="post", url=stack.target.url("/ticks"), repeat_every=1) for _ in range(_SCHEDULES)]
    faults = _faults(stack)
    turn = cycle(faults)
    with Watch(stack.database) as watch:
        with trial.load(per_second=_PER_SECOND, fields=lambda number: _fields(stack, number), clients=4):
            while len(trial.ledger.promises) < _JOBS or len(trial.ledger.faults) < len(faults):
                fault = next(turn)
                eventually(fault.is_ready, f"it can be struck: {fault.kind}", within_seconds=_BACK_WITHIN_SECONDS)
                with trial.ledger.fault(fault.kind):
                    fault.strike()
                pause(_BETWEEN_FAULTS_SECONDS)
        _end(trial, schedules)
        evidence = trial.conclude(within_seconds=120)
    seconds = _last_end(evidence) - trial.ledger.last_fault_at
    report.say(
        f"{stack.kind}: the last job was done {seconds:.1f} s after the last fault; in {watch.look_count} looks no "
        f"attempt executed for more than {watch.longest_unleased_seconds:.1f} s after its lease had run out; "
        f"at most {watch.longest_gap_seconds:.1f} s lay between two looks"
    )
    assert seconds < _DONE_WITHIN_SECONDS
    assert watch.longest_unleased_seconds < _DONE_WITHIN_SECONDS - _LEASE_SECONDS
    assert watch.look_count > 20
    assert watch.bare_schedules == 0


def _answer(arrival: Arrival) -> Reply:
    """From a twentieth of a second to one; every twentieth job fails at first."""
    number = arrival.json["number"]
    is_flaky = number % 20 == 0 and arrival.attempt == 1
    return Reply(503 if is_flaky else 200, delay_seconds=0.05 * (1 + number % 20))


def _fields(stack: Stack, number: int) -> dict[str, Any]:
    """Every third is due in up to three seconds, every tenth tells what becomes of it."""
    fields: dict[str, Any] = {
        "method": "post",
        "url": stack.target.url("/storm"),
        "body": {"number": number},
        "backoff": [1, 1, 1],
    }
    if number % 3 == 0:
        fields["schedule_in"] = number % 30 / 10
    if number % 10 == 0:
        fields |= {"webhook_url": stack.target.url("/events"), "callback_url": stack.target.url("/callback")}
    return fields


@dataclass(frozen=True)
class _Fault:
    """A process is killed once it is at work, `is_ready`.

    A machine that starts one for longer than a round lasts would never have any, and nothing could be asked of it.
    """

    kind: str
    strike: Callable[[], object]
    is_ready: Callable[[], bool] = lambda: True


def _has_more(ids: Callable[[], set[UUID]]) -> Callable[[], bool]:
    """Whether there is a row that was not there when it was asked last."""
    known: set[UUID] = set()

    def is_ready() -> bool:
        new = ids() - known
        known.update(new)
        return bool(new)

    return is_ready


def _faults(stack: Stack) -> list[_Fault]:
    """One after the other; each starts again what it has killed, as a supervisor would."""

    def restart_broker() -> None:
        stack.broker.kill()
        pause(0.5)
        stack.broker.start()

    def restart_database() -> None:
        stack.servers.postgres.kill()
        pause(0.5)
        stack.servers.postgres.start()

    def worker(index: int) -> _Fault:
        def strike() -> None:
            stack.workers[index].kill()
            stack.start_worker(index, waits=False)

        return _Fault("worker killed", strike, _has_more(lambda: {row.id for row in stack.worker_rows(index)}))

    def kill_beat() -> None:
        stack.beats[1].kill()
        stack.start_beat(1, waits=False)

    def kill_web() -> None:
        assert stack.web is not None
        stack.web.kill()
        stack.start_web(waits=False)

    faults = [
        worker(1),
        _Fault("broker killed", restart_broker),
        _Fault("beat killed", kill_beat, _has_more(lambda: {row.id for row in stack.database.processes("beat")})),
        worker(2),
        _Fault("web killed", kill_web, stack.web_answers),
        _Fault("broker emptied", stack.broker.empty),
    ]
    if stack.kind != "sqlite-redis":
        faults.insert(2, _Fault("database killed", restart_database))
    return faults


def _end(trial: Trial, schedules: list[Any]) -> None:
    trial.stack.wait_for_web()
    for job in schedules:
        answer = trial.stack.api.post(f"/api/schedules/{job['schedule_id']}/disable")
        assert answer.status == 200, answer.body


def _last_end(evidence: Evidence) -> float:
    ends = [job.completed_at or job.discarded_at or job.cancelled_at for job in evidence.record.jobs.values()]
    return max(end.timestamp() for end in ends if end is not None)
