"""What becomes of a run while the one before is still going: it waits for it, or takes its place."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.explaining import timeline
from jobs.models import Job, JobState, LogEvent, Schedule
from jobs.recurring import backfills, firing
from jobs.recurring import upcoming as recurring_upcoming
from jobs.running import attempts, transitions
from jobs.running.ended import Ended
from tests.api import Api, data_of, pointers_of
from tests.factories import NOON, make_schedule
from tests.runs import take_lease

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def make(overlap: str, **fields: Any) -> Schedule:
    """Every minute from noon on, which has just been fired."""
    args = {"url": "https://example.com/hook", "overlap": overlap.title()}
    return make_schedule(spec={"args": args}, overlap=overlap, **fields)


@pytest.fixture
def worker_id() -> UUID:
    return take_lease().id


def start(worker_id: UUID, *, minute: float = 0) -> Any:
    [job] = attempts.claim(worker_id, limit=10, now=NOON + minute * MINUTE)
    return job


def finish(worker_id: UUID, job: Any, *, minute: float, state: JobState = JobState.COMPLETED) -> None:
    retry_at = NOON + minute * MINUTE + timedelta(seconds=10) if state == JobState.RETRYABLE else None
    ended = Ended(job=job, state=state, retry_at=retry_at)
    attempts.record(worker_id, [ended], now=NOON + minute * MINUTE)


def fire(minute: float) -> None:
    firing.fire_due(limit=10, now=NOON + minute * MINUTE)


def upcoming() -> Job:
    return Job.objects.get(is_upcoming=True)


# Queue


@pytest.mark.parametrize("is_retried", [False, True])
def test_the_next_run_goes_at_once_when_the_one_before_is_cancelled(worker_id: UUID, is_retried: bool) -> None:
    make("queue")
    first = start(worker_id)
    if is_retried:
        finish(worker_id, first, minute=0.1, state=JobState.RETRYABLE)
    fire(1)
    assert upcoming().scheduled_at > NOON + MINUTE
    before = Job.objects.get(id=first.id)
    assert transitions.cancel(before, now=NOON + 1.1 * MINUTE) is not None
    fire(1.1)
    assert Job.objects.filter(occurrence_at=NOON + MINUTE, is_upcoming=False, state=JobState.SCHEDULED).exists()


def test_the_next_run_goes_at_once_when_many_are_cancelled(worker_id: UUID) -> None:
    make("queue")
    first = start(worker_id)
    fire(1)
    transitions.cancel_locked([first.id], reason="cancelled", now=NOON + 1.1 * MINUTE)
    fire(1.1)
    assert Job.objects.filter(occurrence_at=NOON + MINUTE, is_upcoming=False).exists()


def test_the_next_run_goes_at_once_when_the_worker_of_the_one_before_is_gone(worker_id: UUID) -> None:
    make("queue")
    start(worker_id)
    fire(1)
    Job.objects.filter(state=JobState.EXECUTING).update(max_attempts=1)
    assert len(attempts.rescue(limit=10, now=NOON + 1.1 * MINUTE)) == 1
    fire(1.1)
    assert Job.objects.filter(occurrence_at=NOON + MINUTE, is_upcoming=False).exists()


def test_a_run_that_waits_runs_when_it_is_asked_to(worker_id: UUID) -> None:
    make("queue")
    start(worker_id)
    fire(1)
    waiting = upcoming()
    ran = recurring_upcoming.run_upcoming(waiting, now=NOON + 1.1 * MINUTE)
    assert ran is not None
    assert (ran.is_upcoming, ran.scheduled_at) == (False, NOON + 1.1 * MINUTE)


def test_a_run_waits_until_the_one_before_has_ended_and_those_meanwhile_are_left_out(worker_id: UUID) -> None:
    schedule = make("queue")
    first = start(worker_id)
    for minute in (1, 1.5, 2, 2.5, 3):
        fire(minute)
        assert upcoming().occurrence_at == NOON + MINUTE
        assert not attempts.claim(worker_id, limit=10, now=NOON + minute * MINUTE)
    finish(worker_id, first, minute=3.2)
    assert upcoming().scheduled_at == NOON + 3.2 * MINUTE
    fire(3.2)
    second = start(worker_id, minute=3.2)
    assert second.occurrence_at == NOON + MINUTE
    assert upcoming().occurrence_at == NOON + 4 * MINUTE
    assert Schedule.objects.get(id=schedule.id).run_count == 2
    assert not Job.objects.filter(state=JobState.CANCELLED).exists()


def test_it_waits_through_retries_and_says_what_it_waits_for(worker_id: UUID) -> None:
    make("queue")
    first = start(worker_id)
    fire(1)
    finish(worker_id, first, minute=1.1, state=JobState.RETRYABLE)
    fire(1.6)
    waiting = upcoming()
    reason = timeline.of(waiting, now=NOON + 1.6 * MINUTE).reason
    assert (reason.code, reason.message) == (
        "overlap",
        "due since 2026-03-01T12:01:00Z, it waits until the run before it has ended",
    )


def test_one_whose_release_was_missed_is_let_go_at_the_next_look(worker_id: UUID) -> None:
    make("queue")
    first = start(worker_id)
    fire(1)
    Job.objects.filter(id=first.id).update(state=JobState.CANCELLED, worker_id=None)
    fire(1.5)
    assert start(worker_id, minute=1.5).occurrence_at == NOON + MINUTE


def test_nothing_going_nothing_waits(worker_id: UUID) -> None:
    make("queue")
    finish(worker_id, start(worker_id), minute=0.5)
    assert upcoming().scheduled_at == NOON + MINUTE
    fire(1)
    assert start(worker_id, minute=1).occurrence_at == NOON + MINUTE


def test_an_end_does_not_bring_a_run_forward_whose_jitter_is_not_over(worker_id: UUID) -> None:
    schedule = make("queue", jitter_seconds=50.0)
    fire(0.9)
    finish(worker_id, start(worker_id, minute=0.9), minute=1)
    assert upcoming().scheduled_at == schedule.due_at(NOON + MINUTE)


def test_the_last_run_waits_too(worker_id: UUID) -> None:
    schedule = make("queue", max_runs=2)
    first = start(worker_id)
    fire(1)
    assert Schedule.objects.get(id=schedule.id).disabled_at is None
    finish(worker_id, first, minute=2)
    fire(2)
    assert Schedule.objects.get(id=schedule.id).disabled_reason == "its max_runs are done"
    assert start(worker_id, minute=2).occurrence_at == NOON + MINUTE


# Cancel


def test_the_run_before_is_cancelled_and_the_next_one_goes(worker_id: UUID) -> None:
    make("cancel")
    first = start(worker_id)
    fire(1)
    cancelled = Job.objects.get(id=first.id)
    assert cancelled.state == JobState.CANCELLED
    assert LogEvent.objects.get(job_id=first.id, event="job.cancelled").payload == {"reason": "overlap_cancel"}
    assert "overlap: cancel" in timeline.of(cancelled, now=NOON + MINUTE).reason.message
    assert start(worker_id, minute=1).occurrence_at == NOON + MINUTE
    finish(worker_id, first, minute=1.1)
    assert Job.objects.get(id=first.id).state == JobState.CANCELLED


def test_what_is_made_up_for_is_no_run_before(worker_id: UUID) -> None:
    schedule = make("cancel")
    finish(worker_id, start(worker_id), minute=0.1)
    backfills.make(schedule, [NOON - MINUTE], now=NOON)
    fire(1)
    assert not Job.objects.filter(state=JobState.CANCELLED).exists()


def test_the_first_run_and_one_with_nothing_before_it_cancel_nothing(worker_id: UUID) -> None:
    make("cancel")
    finish(worker_id, start(worker_id), minute=0.5)
    fire(1)
    assert not Job.objects.filter(state=JobState.CANCELLED).exists()


# All


def test_who_lets_runs_overlap_pays_no_query_for_it(worker_id: UUID) -> None:
    make("allow")
    with CaptureQueriesContext(connection) as captured:
        fire(1)
    assert not [query for query in captured if "is_backfilled" in query["sql"] and "SELECT DISTINCT" in query["sql"]]
    [first, _] = attempts.claim(worker_id, limit=10, now=NOON + MINUTE)
    with CaptureQueriesContext(connection) as captured:
        finish(worker_id, first, minute=1)
    assert not [query for query in captured if "occurrence_at" in query["sql"] and query["sql"].startswith("SELECT")]


@pytest.mark.parametrize("overlap", ["queue", "cancel", "QUEUE"])
def test_the_api_takes_and_answers_them(api: Api, overlap: str) -> None:
    asked = {"url": "https://example.com/hook", "cron": "0 13 * * *", "overlap": overlap}
    job = data_of(api.post("/api/jobs", asked), status=201)
    assert data_of(api.get(f"/api/schedules/{job['schedule_id']}"))["overlap"] == overlap.lower()
    assert pointers_of(api.post("/api/jobs", asked | {"overlap": "wait"})) == ["/overlap"]
