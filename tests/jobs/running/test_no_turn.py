"""A request that was not sent is nobody's failure: its name's lookup did not get its turn, or our proxy is down."""

from datetime import timedelta

import pytest

from booper.outcomes.outcome import Failure, Outcome
from jobs.models import Delivery, Job, LogEvent, Receiver
from tests.factories import NOON, make_job
from tests.runs import OK, deliver_due, run_due

pytestmark = pytest.mark.django_db
PROXY_UNAVAILABLE = Outcome(response=None, failure=Failure("proxy_unavailable", "it is down"), duration_ms=1)
NO_TURN = Outcome(response=None, failure=Failure("no_turn", "too many others were before it"), duration_ms=1)


of_this_side = pytest.mark.parametrize("outcome", [NO_TURN, PROXY_UNAVAILABLE])


@of_this_side
def test_a_job_is_tried_again_soon_and_is_charged_no_attempt(outcome: Outcome):
    job = make_job(max_attempts=1)
    assert run_due(outcome) == 1
    job.refresh_from_db()
    assert outcome.failure is not None
    assert (job.state, job.attempt, job.max_attempts) == ("retryable", 1, 2)
    assert job.scheduled_at == NOON + timedelta(seconds=5)
    assert LogEvent.objects.get(job=job, event="job.error").payload["code"] == outcome.failure.code


@of_this_side
def test_a_delivery_is_sent_again_soon_and_its_receiver_is_not_blamed(outcome: Outcome):
    make_job(callback_url="https://example.com/callback")
    run_due(OK)
    assert deliver_due(outcome) == 1
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error_code) == ("pending", None)
    assert delivery.due_at == NOON + timedelta(seconds=5)
    assert not Receiver.objects.exists()


def test_a_proxy_that_is_away_for_days_ends_a_job_before_its_attempts_have_no_more_numbers():
    job = make_job(max_attempts=10_001)
    Job.objects.filter(id=job.id).update(attempt=10_000)
    run_due(PROXY_UNAVAILABLE)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("discarded", "proxy_unavailable")


def test_a_refusal_of_the_proxy_counts_as_an_attempt_and_is_not_held_against_the_receiver():
    refused = Outcome(response=None, failure=Failure("proxy_failed", "the proxy answers 403"), duration_ms=1)
    job = make_job(max_attempts=1, callback_url="https://example.com/callback")
    run_due(refused)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("discarded", "proxy_failed")
    deliver_due(refused)
    assert (Delivery.objects.get().attempt, Delivery.objects.get().error_code) == (1, "proxy_failed")
    assert not Receiver.objects.exists()
