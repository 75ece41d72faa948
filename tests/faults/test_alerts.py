"""Alerts, expiring jobs and replaced keys while workers and beats are killed: each told, sent and kept once."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Event
from typing import Any

import psycopg
import pytest

from tests.faults import invariants, report
from tests.faults.evidence import Evidence, Promise
from tests.faults.trial import IS_LONG, QUICK, Trial
from tests.processes.harness.fixtures import running
from tests.processes.harness.record import DeliveryRow
from tests.processes.harness.stack import Servers, Stack, StackKind
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

# What is tried is kept by the database; a broker of another kind only wakes workers otherwise.
_KINDS: tuple[StackKind, ...] = ("sqlite-redis", "postgresql-redis", *(("postgresql-rabbitmq",) if IS_LONG else ()))
_ALERTS = 4
_KEYS = 6
_ROUNDS = 8 if IS_LONG else 1
_EXPIRES_IN_SECONDS = 1.5
_ENDED = ("completed", "discarded")


@pytest.fixture(params=_KINDS)
def stack(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Stack]:
    with running(request.param, servers=servers, settings=QUICK) as stack:
        stack.start(workers=2, beats=2)
        yield stack


def test_no_alert_is_told_twice_or_lost_nothing_expired_is_sent_and_a_replaced_key_leaves_one_job(stack: Stack) -> None:
    trial = Trial(stack)
    alerts = [_make_alert(stack, tag=f"tag-{number}") for number in range(_ALERTS)]
    with (
        _until_over(lambda number, is_over: _fail_and_succeed(trial, number, is_over), count=_ALERTS) as failures,
        _until_over(lambda number, is_over: _replace(trial, number, is_over), count=_KEYS) as replacements,
        _until_over(lambda _, is_over: _expire(trial, is_over), count=1) as expiries,
    ):
        _kill_in_turn(trial)
    failure_counts = [future.result() for future in failures]
    keyed: dict[int, int] = {}
    for future in replacements:
        keyed |= future.result()
    [expires_at] = [future.result() for future in expiries]
    eventually(
        lambda: len(_told(trial.evidence())) >= 2 * sum(failure_counts),
        "each alert is told",
        within_seconds=120,
        pause_seconds=1,
    )
    evidence = trial.conclude(within_seconds=180)
    every = stack.database.read().deliveries.values()
    of_alerts = [row for rows in every for row in rows if row.kind == "alert"]
    assert _told_wrongly(evidence, of_alerts, dict(zip(alerts, failure_counts, strict=True))) == []
    assert _expired_wrongly(evidence, expires_at) == []
    assert _replaced_wrongly(evidence, keyed) == []
    states = Counter(evidence.record.jobs[job_id].state for job_id in expires_at)
    report.say(
        f"{stack.kind}: {sum(failure_counts)} incidents of {_ALERTS} alerts, {len(_told(evidence))} messages told in "
        f"{sum(map(len, evidence.delivered.values()))} requests; expiring jobs {dict(states)}; "
        f"{len(keyed)} jobs of {_KEYS} keys"
    )
    assert states["cancelled"] > 0, "nothing expired"


def test_a_worker_killed_inside_the_judging_leaves_it_to_be_done_once(servers: Servers) -> None:
    with running("postgresql-redis", servers=servers, settings=QUICK) as stack:
        stack.start(workers=1)
        alert_id = _make_alert(stack, tag="mail")
        url = stack.target.answer("/gone", always(Reply(410)))
        with psycopg.connect(stack.database.url) as holder:
            # What tells of an incident is written last: everything else of the judging has been done by then.
            holder.execute("LOCK TABLE jobs_delivery IN SHARE MODE")
            job_id = stack.api.create_job(url=url, tags=["mail"])["job_id"]
            _await_end(stack, job_id)
            eventually(lambda: _waits_to_tell(stack), "the judging waits for the lock", within_seconds=60)
            stack.workers[1].kill()
        stack.start_worker(1)
        eventually(lambda: stack.target.at("/told"), "the alert is told", within_seconds=60)
        # Whatever else ends has all alerts of its owner judged once more.
        _await_end(stack, stack.api.create_job(url=stack.target.url("/well"))["job_id"])
        eventually(lambda: stack.database.count("jobs_alertedend") == 0, "they are judged once more", within_seconds=60)
        stack.wait_until_done(within_seconds=30)
        [message] = [json.loads(arrival.body) for arrival in stack.target.at("/told")]
        assert (message["type"], message["data"]["alert_id"]) == ("alert.firing", alert_id)
        assert stack.database.count("jobs_alertincident") == 1
        assert stack.database.count("jobs_alertedend") == 0


def _waits_to_tell(stack: Stack) -> bool:
    with psycopg.connect(stack.database.url, autocommit=True) as looker:
        row = looker.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT%jobs_delivery%'"
        ).fetchone()
    return bool(row and row[0])


# --- What is done to the stack ----------------------------------------------------------------------------------------


def _make_alert(stack: Stack, *, tag: str) -> str:
    """An alert that fires at each failure of the jobs with this tag; its uuid."""
    told = stack.target.answer("/told", always(Reply(delay_seconds=0.3)))
    fields = {"name": tag, "when": {"discarded": 1}, "of": {"tag": tag}, "to": [told]}
    answer = stack.api.post("/api/alerts", fields)
    assert answer.status == 201, answer.body
    return str(answer.data["id"])


@contextmanager
def _until_over(work: Any, *, count: int) -> Iterator[list[Future[Any]]]:
    """So many threads at it until the block ends, each called with its number and what says that it is over."""
    is_over = Event()
    with ThreadPoolExecutor(count) as pool:
        try:
            yield [pool.submit(work, number, is_over) for number in range(count)]
        finally:
            is_over.set()


def _fail_and_succeed(trial: Trial, number: int, is_over: Event) -> int:
    """Jobs of one tag that fail and succeed in turn, each made when the one before has ended: how many failed."""
    stack, failures = trial.stack, 0
    gone = stack.target.answer("/gone", always(Reply(410)))
    while not is_over.is_set():
        for url in (gone, stack.target.url("/well")):
            job = trial.create(
                url=url,
                tags=[f"tag-{number}"],
                max_attempts=20,
            )
            _await_end(stack, job["job_id"])
        failures += 1
    return failures


def _await_end(stack: Stack, job_id: int) -> None:
    eventually(
        lambda: stack.api.job(job_id)["job"]["state"] in _ENDED,
        f"job {job_id} has ended",
        within_seconds=120,
        pause_seconds=0.3,
    )


def _replace(trial: Trial, number: int, is_over: Event) -> dict[int, int]:
    """Asks again and again for another version under one key: by job, the last version that was promised of it."""
    promised: dict[int, int] = {}
    url = trial.stack.target.url("/keyed")
    waiting = f"idempotency_key = 'key-{number}' AND state = 'scheduled' AND attempt = 0"

    def put(version: int, *, wait_seconds: float) -> int:
        fields = {"url": url, "method": "post", "body": {"version": version}, "schedule_in": wait_seconds}
        promised[_put(trial, **fields, idempotency_key=f"key-{number}", on_conflict="replace")] = version
        return trial.stack.database.count("jobs_job", waiting)

    for version in itertools.count(1):
        if is_over.is_set():
            break
        # Two of three come while the one before still waits.
        assert put(version, wait_seconds=0.5 if version % 3 == 0 else 2.0) <= 1
        pause(0.7)
    assert put(0, wait_seconds=10.0) == 1
    return promised


def _put(trial: Trial, **fields: Any) -> int:
    """The job that does it: a new one, or the one that waited and is promised for another time from now on."""
    answer = trial.stack.api.post("/api/jobs", fields)
    assert answer.status in (200, 201), f"{answer.status} {answer.body}"
    due_at = datetime.fromisoformat(answer.data["job"]["scheduled_at"]).timestamp()
    trial.ledger.promises[answer.data["job_id"]] = Promise(time.time(), due_at)
    return int(answer.data["job_id"])


def _expire(trial: Trial, is_over: Event) -> dict[int, float]:
    """Jobs that are worth nothing soon after they are due: by job, when."""
    found = {}
    while not is_over.is_set():
        job = trial.create(url=trial.stack.target.url("/soon"), expires_in=_EXPIRES_IN_SECONDS, max_attempts=20)
        found[job["job_id"]] = datetime.fromisoformat(job["expires_at"]).timestamp()
        pause(0.2)
    return found


def _kill_in_turn(trial: Trial) -> None:
    """One worker, one beat, and then all workers while alerts are on the wire, until some jobs have expired."""
    stack = trial.stack
    for turn in range(_ROUNDS):
        pause(3)
        index = 1 + turn % 2
        with trial.ledger.fault("worker killed"):
            stack.workers[index].kill()
        stack.start_worker(index, waits=False)
        pause(1)
        with trial.ledger.fault("beat killed"):
            stack.beats[index].kill()
        stack.start_beat(index, waits=False)
        eventually(lambda: _is_telling(stack), "alerts are on the wire", within_seconds=120, pause_seconds=0.05)
        with trial.ledger.fault("worker killed"):
            for worker in stack.workers.values():
                worker.kill()
        pause(2 * _EXPIRES_IN_SECONDS)
        for worker_index in stack.workers:
            stack.start_worker(worker_index, waits=False)
        eventually(lambda: not _is_telling(stack), "the alerts are told", within_seconds=120, pause_seconds=0.2)


def _is_telling(stack: Stack) -> bool:
    return stack.database.count("jobs_delivery", "kind = 'alert' AND state = 'sending'") > 0


# --- What came of it --------------------------------------------------------------------------------------------------


def _told(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """The messages of alerts that arrived, by their webhook-id."""
    return {
        webhook_id: json.loads(arrivals[0].body)
        for webhook_id, arrivals in evidence.delivered.items()
        if arrivals[0].path == "/told"
    }


def _told_wrongly(evidence: Evidence, deliveries: list[DeliveryRow], failure_counts: dict[str, int]) -> list[str]:
    """Each incident is to be told of twice, as it begins and as it ends, and each message to have come in once."""
    told = Counter(
        (message["data"]["alert_id"], message["data"]["incident_id"], message["type"])
        for message in _told(evidence).values()
    )
    wrong = [f"{key} was told {count} times" for key, count in told.items() if count != 1]
    for alert_id, failures in failure_counts.items():
        for event in ("alert.firing", "alert.resolved"):
            count = len([key for key in told if key[0] == alert_id and key[2] == event])
            if count != failures:
                wrong.append(f"of alert {alert_id}, which fired {failures} times, {count} {event} came")
    of_alerts = replace(evidence, record=replace(evidence.record, deliveries={0: deliveries}))
    again = invariants.each_delivery_arrived_and_again_only_at_a_fault(of_alerts)
    return [*wrong, *again]


def _expired_wrongly(evidence: Evidence, expires_at: dict[int, float]) -> list[str]:
    """No first attempt begins after its job has expired, and of one that did expire nothing was ever sent."""
    wrong = []
    for job_id, at in expires_at.items():
        started = evidence.events(job_id, "job.started", attempt=1)
        sent = evidence.sent.get(job_id, [])
        if evidence.record.jobs[job_id].state == "cancelled" and sent:
            wrong.append(f"job {job_id} expired and was sent {len(sent)} times")
        if started and started[0].inserted_at.timestamp() > at:
            wrong.append(f"job {job_id} began {started[0].inserted_at.timestamp() - at:.3f} s after it had expired")
        if sent and sent[0].attempt == 1 and sent[0].at > at + evidence.dial_seconds:
            wrong.append(f"job {job_id} was sent {sent[0].at - at:.3f} s after it had expired")
    return wrong


def _replaced_wrongly(evidence: Evidence, promised: dict[int, int]) -> list[str]:
    """Of each job under a key, all that was sent is the last version that was promised of it."""
    wrong = []
    for job_id, version in promised.items():
        versions = [json.loads(arrival.body)["version"] for arrival in evidence.sent.get(job_id, [])]
        if {*versions} != {version}:
            wrong.append(f"job {job_id} was to be sent as version {version} and was sent as {versions}")
    return wrong
