"""What is handed back without an outcome is charged no attempt, and is bounded all the same."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booper.outcomes.hand_backs import MOST_HAND_BACKS
from booper.outcomes.outcome import Failure, Outcome
from jobs.delivering import stage as delivering_stage
from jobs.delivering import transitions as delivery_transitions
from jobs.models import Delivery, Job, LogEvent
from jobs.running import attempts, stage, transitions
from tests.factories import NOON, make_job
from tests.runs import OK, deliver_due, run_due

pytestmark = pytest.mark.django_db
STOPPED = Outcome(response=None, failure=Failure("aborted", "the worker stops"), duration_ms=1)
NO_TURN = Outcome(response=None, failure=Failure("no_turn", "too many others were before it"), duration_ms=1)
MINUTE = timedelta(minutes=1)


def fresh(job: Job) -> Job:
    return Job.objects.get(id=job.id)


def test_a_job_that_is_handed_back_is_counted_apart_from_its_attempts():
    job = make_job(max_attempts=1)
    run_due(STOPPED)
    stored = fresh(job)
    assert (stored.state, stored.handed_back, stored.max_attempts - stored.attempt) == ("retryable", 1, 1)


def test_after_twenty_it_is_discarded_with_that_reason_and_its_callback_is_sent():
    job = make_job(max_attempts=1, callback_url="https://example.com/callback")
    for _ in range(MOST_HAND_BACKS):
        run_due(STOPPED)
        assert fresh(job).state == "retryable"
    run_due(STOPPED)
    stored = fresh(job)
    assert (stored.state, stored.error_code) == ("discarded", "handed_back_too_often")
    assert "20 times before" in str(stored.error_message)
    assert "worker was stopped" in str(stored.error_message)
    assert stored.max_attempts > stored.attempt, "an attempt was charged"
    assert Delivery.objects.get(job=job).kind == "callback"
    assert LogEvent.objects.filter(job=job, event="job.finished").count() == 1


def test_claims_that_are_lost_count_as_well():
    job = make_job()
    Job.objects.filter(id=job.id).update(handed_back=MOST_HAND_BACKS)
    worker = uuid4()
    attempts.claim(worker, limit=1, now=NOON)
    assert stage.hand_back(worker, known_ids=set(), now=NOON) == 1
    assert (fresh(job).state, fresh(job).error_code) == ("discarded", "handed_back_too_often")


def test_one_that_waits_for_a_turn_of_lookups_does_not_count():
    job = make_job(callback_url="https://example.com/callback")
    run_due(NO_TURN)
    assert (fresh(job).state, fresh(job).handed_back) == ("retryable", 0)
    run_due(OK, now=NOON + MINUTE)
    deliver_due(NO_TURN, now=NOON + MINUTE)
    assert (Delivery.objects.get().state, Delivery.objects.get().handed_back) == ("pending", 0)


def test_a_retry_and_a_run_count_from_nothing():
    job = make_job()
    Job.objects.filter(id=job.id).update(handed_back=MOST_HAND_BACKS)
    transitions.run_now(job, now=NOON)
    assert fresh(job).handed_back == 0
    Job.objects.filter(id=job.id).update(handed_back=MOST_HAND_BACKS)
    transitions.run_locked([job.id], now=NOON)
    assert fresh(job).handed_back == 0
    Job.objects.filter(id=job.id).update(handed_back=MOST_HAND_BACKS)
    run_due(STOPPED)
    assert fresh(job).state == "discarded"
    transitions.retry(fresh(job), now=NOON)
    assert (fresh(job).state, fresh(job).handed_back) == ("retryable", 0)


def test_a_delivery_that_is_handed_back_too_often_fails_and_may_be_resent():
    make_job(callback_url="https://example.com/callback")
    run_due(OK)
    for _ in range(MOST_HAND_BACKS):
        deliver_due(STOPPED)
    waiting = Delivery.objects.get()
    assert (waiting.state, waiting.attempt, waiting.handed_back) == ("pending", 0, MOST_HAND_BACKS)
    deliver_due(STOPPED)
    failed = Delivery.objects.get()
    assert (failed.state, failed.attempt, failed.error_code) == ("failed", 0, "handed_back_too_often")
    assert LogEvent.objects.filter(event="delivery.failed").count() == 1
    again = delivery_transitions.resend(failed, now=NOON)
    assert again is not None
    assert again.handed_back == 0


def test_a_delivery_that_kills_its_worker_fails_in_the_end():
    make_job(callback_url="https://example.com/callback")
    run_due(OK)
    for _ in range(MOST_HAND_BACKS + 1):
        assert Delivery.objects.get().state == "pending"
        delivery_transitions.claim(uuid4(), limit=1, now=NOON)
        assert delivering_stage.rescue(limit=10, now=NOON)[0] == 1
    failed = Delivery.objects.get()
    assert (failed.state, failed.error_code, failed.failed_at) == ("failed", "handed_back_too_often", NOON)
    payload = LogEvent.objects.get(event="delivery.failed").payload
    assert payload["error"]["code"] == "handed_back_too_often"


def test_handing_back_takes_the_queries_that_any_other_end_takes():
    make_job()
    run_due(OK)
    make_job()
    with CaptureQueriesContext(connection) as handed_back:
        run_due(STOPPED)
    Job.objects.all().delete()
    make_job(max_attempts=5)
    with CaptureQueriesContext(connection) as retried:
        run_due(Outcome(response=None, failure=Failure("timeout", "no answer in time"), duration_ms=1))
    assert len(handed_back) == len(retried)
