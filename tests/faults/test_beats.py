"""Beats that are killed, doubled and paused: every occurrence runs, once, and on its grid."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from tests.faults import report
from tests.faults.evidence import Evidence
from tests.faults.trial import IS_LONG, QUICK, Trial
from tests.processes.harness.fixtures import running
from tests.processes.harness.stack import Servers, Stack, StackKind
from tests.processes.harness.waiting import eventually, pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

_SCHEDULES = 10
_KILLS = 50 if IS_LONG else 8
_PAUSE_SECONDS = 55.0 if IS_LONG else 4.0
# A beat starts anew, and a busy machine takes its time: what is later than this was not fired but found.
_LATE_SECONDS = 10.0
_STACKS: tuple[StackKind, ...] = ("sqlite-redis", "postgresql-redis") if IS_LONG else ("sqlite-redis",)


@pytest.fixture(scope="module", params=_STACKS)
def stack(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Stack]:
    with running(request.param, servers=servers, settings=QUICK) as stack:
        stack.start(beats=2)
        yield stack


@pytest.fixture
def trial(stack: Stack) -> Trial:
    for index in (1, 2):
        if not stack.beats[index].is_alive:
            stack.start_beat(index)
    return Trial(stack)


def _create_schedules(trial: Trial, *, repeat_every: float) -> list[Any]:
    url = trial.stack.target.url("/tick")
    return [
        trial.create(method="post", url=url, repeat_every=repeat_every, name=f"tick {number}")
        for number in range(_SCHEDULES)
    ]


def _end_schedules(trial: Trial, schedules: list[Any]) -> None:
    for job in schedules:
        answer = trial.stack.api.post(f"/api/schedules/{job['schedule_id']}/disable")
        assert answer.status == 200, answer.body


def _occurrences(evidence: Evidence) -> dict[UUID, list[datetime]]:
    """The times on each schedule's grid that were sent, in their order."""
    found = defaultdict(list)
    for job in evidence.record.jobs.values():
        if job.schedule_id is not None and job.occurrence_at is not None and job.id in evidence.sent:
            found[job.schedule_id].append(job.occurrence_at)
    return {schedule_id: sorted(times) for schedule_id, times in found.items()}


def _await_firing(job: Any, *, after_milliseconds: int) -> None:
    """Two kills of three come in the instants in which runs are fired, the third at any moment."""
    first_at = datetime.fromisoformat(job["job"]["scheduled_at"]).timestamp()
    pause((first_at - time.time()) % 1 + after_milliseconds / 1000)


def _assert_no_hole(evidence: Evidence, *, every_seconds: float) -> None:
    occurrences = _occurrences(evidence)
    assert len(occurrences) == _SCHEDULES
    for schedule_id, times in occurrences.items():
        assert times[0] == evidence.record.schedules[schedule_id].anchor_at
        steps = {later - earlier for earlier, later in pairwise(times)}
        assert steps == {timedelta(seconds=every_seconds)}, f"schedule {schedule_id} ran at {times}"


def _lateness(evidence: Evidence) -> float:
    """In seconds: of the latest occurrence."""
    runs = [evidence.record.jobs[number] for number in evidence.sent]
    return max(evidence.sent[run.id][0].at - run.occurrence_at.timestamp() for run in runs if run.occurrence_at)


def test_no_occurrence_is_missed_or_doubled_while_two_beats_are_killed_again_and_again(trial: Trial) -> None:
    stack = trial.stack
    schedules = _create_schedules(trial, repeat_every=1)
    for kill in range(_KILLS):
        index = 1 + kill % 2
        if kill % 3:
            _await_firing(schedules[0], after_milliseconds=7 * kill % 60)
        with trial.ledger.fault("beat killed"):
            stack.beats[index].kill()
        stack.start_beat(index)
    # At last both at once: then there is none for a while.
    for index in (1, 2):
        with trial.ledger.fault("beat killed"):
            stack.beats[index].kill()
    pause(2.0)
    for index in (1, 2):
        stack.start_beat(index)
    caught_up = stack.database.count("jobs_job") + 2 * _SCHEDULES
    eventually(lambda: stack.database.count("jobs_job") >= caught_up, "they are fired again", within_seconds=20)
    _end_schedules(trial, schedules)
    evidence = trial.conclude(within_seconds=30)
    _assert_no_hole(evidence, every_seconds=1)
    late_seconds = _lateness(evidence)
    runs = sum(map(len, _occurrences(evidence).values()))
    report.say(f"{_KILLS + 2} kills, {runs} occurrences, late by {late_seconds:.2f} s at most")
    assert late_seconds < _LATE_SECONDS


def test_a_beat_that_was_paused_fires_what_another_has_left_over_and_nothing_twice(trial: Trial) -> None:
    stack = trial.stack
    schedules = _create_schedules(trial, repeat_every=1)
    with trial.ledger.fault("beat paused"):
        stack.beats[1].pause()
        pause(_PAUSE_SECONDS)
        with trial.ledger.fault("beat killed"):
            stack.beats[2].kill()
        pause(2.0)
        stack.beats[1].resume()
    caught_up = stack.database.count("jobs_job") + 4 * _SCHEDULES
    eventually(lambda: stack.database.count("jobs_job") >= caught_up, "they are fired again", within_seconds=20)
    _end_schedules(trial, schedules)
    evidence = trial.conclude(within_seconds=30)
    _assert_no_hole(evidence, every_seconds=1)
    report.say(f"late by {_lateness(evidence):.2f} s at most")
