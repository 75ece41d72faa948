"""The arrows between a job's states, and who wins when two want to move it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.database.claimed_job import AnyJob, Claimed
from jobs.engine import leases
from jobs.models import Delivery, EventType, Job, JobState, LogEvent, ProcessRole
from jobs.running import attempts, transitions
from jobs.running.ended import Ended
from tests.factories import NOON, make_job, make_spec, make_user

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=1)
ANSWER = {"status": 200, "headers": {}, "body": "ok", "duration_ms": 3, "truncated": False}
ERROR = {"code": "http_status", "message": "the target answered 500"}


def claim_one(worker: UUID, *, now=NOON) -> Claimed:
    [job] = attempts.claim(worker, limit=1, now=now)
    attempts.log_starts([(job, {"url": job.url})], now=now)
    return job


def log_of(job: AnyJob) -> list[str]:
    return list(LogEvent.objects.filter(job_id=job.id).order_by("id").values_list("event", flat=True))


def webhooks_of(job: AnyJob) -> list[tuple[int | None, str]]:
    return list(
        Delivery.objects.filter(job_id=job.id, kind="webhook").order_by("sequence").values_list("sequence", "event")
    )


def test_a_job_that_is_due_is_claimed_once():
    job = make_job()
    [claimed] = attempts.claim(uuid4(), limit=10, now=NOON)
    assert (claimed.id, claimed.state, claimed.attempt, claimed.attempted_at) == (job.id, "executing", 1, NOON)
    assert attempts.claim(uuid4(), limit=10, now=NOON) == []


def test_a_job_that_is_not_due_is_left_alone():
    make_job(scheduled_at=LATER)
    assert attempts.claim(uuid4(), limit=10, now=NOON) == []


def test_the_longest_due_are_claimed_first_and_no_more_than_asked_for():
    jobs = [make_job(scheduled_at=NOON + timedelta(seconds=s)) for s in (3, 1, 2)]
    claimed = attempts.claim(uuid4(), limit=2, now=LATER)
    assert [job.id for job in claimed] == [jobs[1].id, jobs[2].id]


def test_a_job_completes_with_its_four_log_rows():
    make_job()
    worker = uuid4()
    job = claim_one(worker)
    attempts.record(worker, [Ended(job=job, state=JobState.COMPLETED, response=ANSWER)], now=LATER)
    stored = Job.objects.get(id=job.id)
    assert (stored.state, stored.completed_at, stored.worker_id) == ("completed", LATER, None)
    assert log_of(job) == ["job.started", "worker.http.request", "worker.http.response", "job.finished"]


def test_running_a_job_costs_four_queries_log_rows_included():
    make_job()
    worker = uuid4()
    with CaptureQueriesContext(connection) as queries:
        job = claim_one(worker)
        attempts.record(worker, [Ended(job=job, state=JobState.COMPLETED, response=ANSWER)], now=LATER)
    statements = [
        q["sql"] for q in queries if q["sql"].split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "\nUPDATE")
    ]
    assert len(statements) == 4, statements


def test_running_a_hundred_jobs_together_costs_the_same_four_queries():
    for _ in range(100):
        make_job()
    worker = uuid4()
    with CaptureQueriesContext(connection) as queries:
        jobs = attempts.claim(worker, limit=100, now=NOON)
        attempts.log_starts([(job, {}) for job in jobs], now=NOON)
        attempts.record(worker, [Ended(job=j, state=JobState.COMPLETED, response=ANSWER) for j in jobs], now=LATER)
    statements = [q["sql"] for q in queries if q["sql"].strip().startswith(("SELECT", "INSERT", "COPY", "UPDATE"))]
    assert len(statements) == 4, statements
    assert Job.objects.filter(state="completed").count() == 100


def test_a_failed_attempt_is_due_again_later():
    make_job()
    worker = uuid4()
    job = claim_one(worker)
    attempts.record(worker, [Ended(job=job, state=JobState.RETRYABLE, retry_at=LATER, error=ERROR)], now=NOON)
    stored = Job.objects.get(id=job.id)
    assert (stored.state, stored.scheduled_at, stored.max_attempts, stored.completed_at) == (
        "retryable",
        LATER,
        5,
        None,
    )
    assert log_of(job)[-1] == "job.error"
    assert claim_one(worker, now=LATER).attempt == 2


def test_an_attempt_that_is_forgiven_does_not_count_against_the_most():
    make_job(max_attempts=1)
    worker = uuid4()
    job = claim_one(worker)
    ended = Ended(job=job, state=JobState.RETRYABLE, retry_at=NOON, error=ERROR, is_forgiven=True)
    attempts.record(worker, [ended], now=NOON)
    stored = Job.objects.get(id=job.id)
    assert (stored.attempt, stored.max_attempts) == (1, 2)


def test_a_discarded_job_says_when():
    make_job()
    worker = uuid4()
    job = claim_one(worker)
    attempts.record(worker, [Ended(job=job, state=JobState.DISCARDED, response=ANSWER, error=ERROR)], now=LATER)
    stored = Job.objects.get(id=job.id)
    assert (stored.state, stored.discarded_at, stored.completed_at) == ("discarded", LATER, None)
    assert log_of(job)[2:] == ["worker.http.response", "job.error", "job.finished"]


def test_webhook_events_are_numbered_from_one_without_holes():
    make_job(webhook_url="https://example.com/events", callback_url="https://example.com/result")
    worker = uuid4()
    job = claim_one(worker)
    failed = Ended(job=job, state=JobState.RETRYABLE, retry_at=NOON, response=ANSWER, error=ERROR)
    attempts.record(worker, [failed], now=NOON)
    job = claim_one(worker)
    attempts.record(worker, [Ended(job=job, state=JobState.COMPLETED, response=ANSWER)], now=NOON)
    assert webhooks_of(job) == [
        (1, "job.started"),
        (2, "job.request"),
        (3, "job.response"),
        (4, "job.error"),
        (5, "job.started"),
        (6, "job.request"),
        (7, "job.response"),
        (8, "job.finished"),
    ]
    assert Delivery.objects.filter(job_id=job.id, kind="callback").count() == 1


def test_cancel_before_the_run_wins():
    job = make_job(webhook_url="https://example.com/events")
    cancelled = transitions.cancel(job, now=NOON)
    assert cancelled is not None
    assert (cancelled.state, cancelled.cancelled_at) == ("cancelled", NOON)
    assert attempts.claim(uuid4(), limit=1, now=LATER) == []
    assert log_of(job) == ["job.cancelled"]
    assert webhooks_of(job) == [(1, "job.finished")]


def test_cancel_during_a_run_wins_and_the_answer_is_still_logged():
    make_job(webhook_url="https://example.com/events")
    worker = uuid4()
    job = claim_one(worker)
    assert transitions.cancel(Job.objects.get(id=job.id), now=NOON) is not None
    attempts.record(worker, [Ended(job=job, state=JobState.COMPLETED, response=ANSWER)], now=LATER)
    stored = Job.objects.get(id=job.id)
    assert (stored.state, stored.completed_at) == ("cancelled", None)
    assert log_of(job) == ["job.started", "worker.http.request", "job.cancelled", "worker.http.response"]
    assert webhooks_of(job) == [(1, "job.started"), (2, "job.request"), (3, "job.finished")]


def test_cancel_after_the_run_is_too_late():
    make_job()
    worker = uuid4()
    job = claim_one(worker)
    attempts.record(worker, [Ended(job=job, state=JobState.COMPLETED, response=ANSWER)], now=NOON)
    assert transitions.cancel(Job.objects.get(id=job.id), now=LATER) is None
    stored = Job.objects.get(id=job.id)
    assert stored.state == "completed"


def test_a_lease_that_ran_out_makes_the_job_due_again_and_counts_the_attempt():
    make_job()
    process = leases.take(ProcessRole.WORKER, "w1", lease=timedelta(seconds=20), now=NOON)
    job = claim_one(process.id)
    assert attempts.rescue(limit=10, now=NOON + timedelta(seconds=19)) == []
    [rescued] = attempts.rescue(limit=10, now=NOON + timedelta(seconds=21))
    stored = Job.objects.get(id=job.id)
    assert (rescued.id, stored.state, stored.attempt, stored.worker_id) == (job.id, "retryable", 1, None)
    error = LogEvent.objects.get(job_id=job.id, event=EventType.ERROR)
    assert error.payload["code"] == "lease_lost"


def test_a_job_that_kills_its_worker_each_time_is_discarded_in_the_end():
    make_job(max_attempts=2, webhook_url="https://example.com/events", callback_url="https://example.com/result")
    moment = NOON
    for _ in range(2):
        job = claim_one(uuid4(), now=moment)
        moment += timedelta(seconds=30)
        attempts.rescue(limit=10, now=moment)
    stored = Job.objects.get(id=job.id)
    assert (stored.state, stored.discarded_at) == ("discarded", moment)
    assert [sequence for sequence, _ in webhooks_of(job)] == [1, 2, 3, 4, 5, 6, 7]
    assert webhooks_of(job)[-1] == (7, "job.finished")
    assert Delivery.objects.filter(job_id=job.id, kind="callback").count() == 1


def test_the_result_of_a_worker_that_lost_its_lease_changes_nothing():
    make_job()
    paused, other = uuid4(), uuid4()
    late = claim_one(paused)
    attempts.rescue(limit=10, now=NOON)
    current = claim_one(other)
    attempts.record(paused, [Ended(job=late, state=JobState.DISCARDED, error=ERROR)], now=LATER)
    stored = Job.objects.get(id=current.id)
    assert (stored.state, stored.worker_id, stored.attempt) == ("executing", other, 2)


def test_a_key_that_a_waiting_job_holds_answers_that_job():
    first = transitions.schedule(make_spec(idempotency_key="k"), user_id=make_user().id, now=NOON)
    second = transitions.schedule(make_spec(idempotency_key="k"), user_id=make_user().id, now=NOON)
    assert (first.is_new, second.is_new, second.job.id) == (True, False, first.job.id)
    assert Job.objects.count() == 1


def test_a_key_is_free_again_once_its_job_has_started():
    first = make_job(idempotency_key="k")
    claim_one(uuid4())
    second = make_job(idempotency_key="k")
    assert first.id != second.id


def test_two_users_may_hold_the_same_key():
    ids = {make_job(user=make_user(email), idempotency_key="k").id for email in ("a@example.com", "b@example.com")}
    assert len(ids) == 2


def test_run_now_makes_a_waiting_job_due():
    job = make_job(scheduled_at=LATER)
    moved = transitions.run_now(job, now=NOON)
    assert moved is not None
    assert moved.scheduled_at == NOON


def test_retry_gives_a_discarded_job_all_its_attempts_again():
    make_job(max_attempts=3, args={"url": "https://example.com", "max_attempts": 3})
    worker = uuid4()
    job = claim_one(worker)
    attempts.record(worker, [Ended(job=job, state=JobState.DISCARDED, error=ERROR)], now=NOON)
    again = transitions.retry(Job.objects.get(id=job.id), now=LATER)
    assert again is not None
    assert (again.state, again.scheduled_at, again.discarded_at) == ("retryable", LATER, None)
    assert (again.attempt, again.max_attempts) == (1, 4)


def test_a_job_that_waits_cannot_be_retried_nor_one_that_ended_be_run_now():
    job = make_job()
    assert transitions.retry(job, now=NOON) is None
    transitions.cancel(job, now=NOON)
    assert transitions.run_now(job, now=NOON) is None
