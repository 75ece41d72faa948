"""A request that was not sent, as the lookup of its name did not get its turn, is nobody's failure."""

from datetime import timedelta

import pytest

from booper.outcomes.outcome import Failure, Outcome
from jobs.models import Delivery, LogEvent
from tests.factories import NOON, make_job
from tests.runs import OK, deliver_due, run_due

pytestmark = pytest.mark.django_db
NO_TURN = Outcome(response=None, failure=Failure("no_turn", "too many others were before it"), duration_ms=1)


def test_a_job_is_tried_again_soon_and_is_charged_no_attempt():
    job = make_job(max_attempts=1)
    assert run_due(NO_TURN) == 1
    job.refresh_from_db()
    assert (job.state, job.attempt, job.max_attempts) == ("retryable", 1, 2)
    assert job.scheduled_at == NOON + timedelta(seconds=5)
    assert LogEvent.objects.get(job=job, event="job.error").payload["code"] == "no_turn"


def test_a_delivery_is_sent_again_soon_and_its_receiver_is_not_blamed():
    make_job(callback_url="https://example.com/callback")
    run_due(OK)
    assert deliver_due(NO_TURN) == 1
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error_code) == ("pending", None)
    assert delivery.due_at == NOON + timedelta(seconds=5)
