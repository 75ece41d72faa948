"""Chains of jobs while workers are killed: each that is to follow is made, and none of them twice."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import report
from tests.faults.invariants import repeats
from tests.faults.trial import IS_LONG, QUICK, Trial
from tests.processes.harness.fixtures import running
from tests.processes.harness.stack import Servers, Stack, StackKind
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

# What is tried is kept by the database; a broker of another kind only wakes workers otherwise.
_KINDS: tuple[StackKind, ...] = ("sqlite-redis", "postgresql-redis", *(("postgresql-rabbitmq",) if IS_LONG else ()))


@pytest.fixture(params=_KINDS)
def stack(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Stack]:
    with running(request.param, servers=servers, settings=QUICK) as stack:
        stack.start(workers=2)
        yield stack


def test_of_chains_under_way_no_job_is_made_twice_and_none_is_lost_when_workers_are_killed(stack: Stack) -> None:
    trial = Trial(stack)
    for path in ("/first", "/second", "/third"):
        stack.target.answer(path, always(Reply(delay_seconds=0.3)))
    gone = stack.target.answer("/gone", always(Reply(410, delay_seconds=0.3)))
    mended = stack.target.answer("/mended", always(Reply(delay_seconds=0.3)))

    def several(path: str, *, then: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
        follows = {} if then is None else {"then": then}
        return [{"url": f"{stack.target.url(path)}?n={number}", **follows} for number in range(2)]

    thirds = [*several("/third"), {"url": gone, "on_failure": {"url": mended}}]
    seconds = several("/second", then=thirds)
    chain = {"url": stack.target.url("/first"), "then": seconds}
    kills = 12 if IS_LONG else 4
    with trial.load(per_second=4, fields=lambda number: chain):
        for turn in range(kills):
            pause(1.5)
            with trial.ledger.fault("worker killed"):
                stack.workers[1 + turn % 2].kill()
            stack.start_worker(1 + turn % 2, waits=False)
    evidence = trial.conclude(within_seconds=180)
    assert repeats(evidence)["lease_lost"] > 0, "nothing was on the wire when workers were killed"
    jobs = evidence.record.jobs.values()
    below: dict[Any, list[str]] = {job.uuid: [] for job in jobs}
    for job in jobs:
        if job.parent_uuid is not None:
            below[job.parent_uuid].append(job.url)
    wanted = {
        "/first": [child["url"] for child in seconds],
        "/second": [child["url"] for child in thirds],
        "/gone": [mended],
    }
    for job in jobs:
        path = next((name for name in wanted if name in job.url), "")
        assert sorted(below[job.uuid]) == sorted(wanted.get(path, [])), f"job {job.id} at {job.url}"
    firsts = [job for job in jobs if job.parent_uuid is None]
    assert len(jobs) == len(firsts) * (1 + 2 + 2 * 3 + 2)
    report.say(f"{stack.kind}: {len(firsts)} chains, {Counter(job.state for job in jobs)}")
