"""A schedule whose runs are discarded again and again is disabled, and says why; so does each that ends."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask

from booper.outcomes.outcome import Outcome
from jobs.models import Job, JobState, LogEvent, Schedule
from jobs.recurring import firing, schedules, upcoming
from jobs.running import attempts, transitions
from jobs.running.ended import Ended
from tests.factories import NOON, make_schedule
from tests.runs import OK, answered, run_due, start_due, take_lease

pytestmark = pytest.mark.django_db

GONE = answered(410)


def make(**fields: Any) -> Schedule:
    """Every minute from noon on, which has just been fired; its args are as its owner would have sent them."""
    args = {"url": "https://example.com/hook"} | {
        name: fields[name] for name in ("disable_after",) if fields.get(name) is not None
    }
    return make_schedule(spec={"args": args, **fields.pop("spec", {})}, **fields)


def fail(times: int, *, outcome: Outcome = GONE, minute: int = 0) -> None:
    for step in range(minute, minute + times):
        now = NOON + timedelta(minutes=step)
        firing.fire_due(limit=10, now=now)
        run_due(outcome, now=now)


def now_of(schedule: Schedule) -> Schedule:
    return Schedule.objects.get(id=schedule.id)


def test_a_run_that_is_retried_and_discarded_once_more_is_one_run() -> None:
    schedule = make(disable_after=2, max_runs=None)
    fail(1)
    run = Job.objects.get(state=JobState.DISCARDED)
    for minute in (0.2, 0.4):
        now = NOON + timedelta(minutes=minute)
        assert transitions.retry(run, now=now) is not None
        run_due(GONE, now=now)
    assert now_of(schedule).disabled_at is None
    fail(1, minute=1)
    assert now_of(schedule).disabled_at == NOON + timedelta(minutes=1)


def test_a_run_that_a_dead_worker_had_is_counted_when_it_is_discarded() -> None:
    schedule = make(disable_after=1, spec={"max_attempts": 1})
    firing.fire_due(limit=10, now=NOON)
    start_due(uuid4(), now=NOON)
    assert len(attempts.rescue(limit=10, now=NOON + timedelta(seconds=30))) == 1
    assert now_of(schedule).disabled_at is not None


def test_the_third_discarded_run_in_a_row_disables_it() -> None:
    schedule = make(disable_after=3)
    fail(2)
    assert now_of(schedule).disabled_at is None
    fail(1, minute=2)
    after = now_of(schedule)
    assert after.disabled_at == NOON + timedelta(minutes=2)
    assert after.disabled_reason == "its last 3 runs were discarded (disable_after)"
    assert not Job.objects.filter(is_upcoming=True).exists()
    assert not PeriodicTask.objects.get(booper_schedule=schedule).enabled
    [cancelled] = Job.objects.filter(state=JobState.CANCELLED)
    assert LogEvent.objects.filter(job_id=cancelled.id, payload={"reason": "schedule_disabled"}).count() == 1


def test_a_run_that_completes_begins_the_count_anew() -> None:
    schedule = make(disable_after=2)
    fail(1)
    fail(1, outcome=OK, minute=1)
    fail(1, minute=2)
    assert now_of(schedule).disabled_at is None
    fail(1, minute=3)
    assert now_of(schedule).disabled_at is not None


def test_an_attempt_that_is_tried_again_does_not_count() -> None:
    schedule = make(disable_after=1)
    fail(1, outcome=answered(500))
    assert now_of(schedule).disabled_at is None


def test_runs_that_end_together_count_in_their_order() -> None:
    schedule = make(disable_after=2)
    worker_id = take_lease().id
    started = []
    for minute in range(3):
        now = NOON + timedelta(minutes=minute)
        firing.fire_due(limit=10, now=now)
        started += attempts.claim(worker_id, limit=10, now=now)
    states = (JobState.DISCARDED, JobState.DISCARDED, JobState.COMPLETED)
    ended = [Ended(job=job, state=state) for job, state in zip(started, states, strict=True)]
    attempts.record(worker_id, ended, now=NOON + timedelta(minutes=2))
    after = now_of(schedule)
    assert after.disabled_at is not None
    assert after.discarded_in_a_row == 0


def test_a_run_that_is_recorded_twice_counts_once() -> None:
    schedule = make(disable_after=2)
    worker_id = take_lease().id
    [job] = attempts.claim(worker_id, limit=10, now=NOON)
    ended = Ended(job=job, state=JobState.DISCARDED)
    for _ in range(2):
        attempts.record(worker_id, [ended], now=NOON)
    assert now_of(schedule).discarded_in_a_row == 1


def test_a_run_that_its_worker_took_along_counts() -> None:
    schedule = make(disable_after=1)
    worker_id = take_lease().id
    attempts.claim(worker_id, limit=10, now=NOON)
    Job.objects.filter(state=JobState.EXECUTING).update(attempt=5)
    attempts.rescue(limit=10, now=NOON + timedelta(hours=1))
    assert now_of(schedule).disabled_reason == "its last run was discarded (disable_after)"


def test_enabling_begins_the_count_anew_and_forgets_the_reason() -> None:
    schedule = make(disable_after=1)
    fail(1)
    schedules.enable(schedule, now=NOON + timedelta(seconds=30))
    after = now_of(schedule)
    assert (after.disabled_reason, after.discarded_in_a_row) == (None, 0)


def queries_of_a_discarded_run(**fields: Any) -> int:
    make(**fields)
    worker_id = take_lease().id
    [job] = attempts.claim(worker_id, limit=10, now=NOON)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        attempts.record(worker_id, [Ended(job=job, state=JobState.DISCARDED)], now=NOON)
    return len([query for query in captured if "jobs_schedule" in query["sql"]])


def test_who_does_not_use_it_pays_nothing() -> None:
    assert queries_of_a_discarded_run() == 0


def test_who_does_pays_for_a_lock_and_a_write() -> None:
    assert queries_of_a_discarded_run(disable_after=5) == 3


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"max_runs": 1}, "its max_runs are done"),
        ({"ends_at": NOON + timedelta(seconds=59)}, "no run is left before its ends_at"),
    ],
)
def test_one_that_ends_by_itself_says_why(plan: dict[str, Any], said: str) -> None:
    assert make(**plan).disabled_reason == said


def test_one_whose_upcoming_run_was_cancelled_says_so() -> None:
    schedule = make()
    upcoming.cancel_upcoming(Job.objects.get(is_upcoming=True), ends_schedule=True, now=NOON)
    assert now_of(schedule).disabled_reason == "its upcoming run was cancelled"
