"""Callbacks and webhooks in the trace of their job: receivers are told which span it is, and it says how it ended."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs.delivering import stage
from jobs.models import Job
from jobs.running import transitions
from jobs.telemetry import trace_ids
from jobs.telemetry.trace_ids import Parent
from tests.factories import NOON, make_job
from tests.runs import OK, REFUSED, deliver_due, run_due
from tests.spans import Recorder

pytestmark = pytest.mark.django_db

URL = "https://example.com/hook"


def test_what_tells_of_a_cancelled_job_is_below_its_root(recorder: Recorder) -> None:
    job = make_job(webhook_url=URL)
    transitions.cancel(job, now=NOON)
    deliver_due(OK)
    [span] = recorder.take()
    assert span.parent_id == trace_ids.of_span(job.uuid)


def test_with_it_deliveries_cost_one_query_more(recorder: Recorder, settings: Settings) -> None:
    def count() -> int:
        for _ in range(3):
            make_job(callback_url=URL)
        while Job.objects.filter(state="scheduled").exists():
            run_due(OK)
        with CaptureQueriesContext(connection) as queries:
            deliver_due(OK)
        return len(queries)

    traced = count()
    settings.BOOPER_TRACES = False
    assert traced == count() + 1


def test_its_receiver_is_told_of_the_span_that_is_sent(recorder: Recorder) -> None:
    job = make_job(callback_url=URL)
    run_due(OK)
    [attempt] = recorder.take()
    [started], _ = stage.claim(uuid4(), limit=10, is_crowded=False, now=NOON)
    assert started.request is not None
    told = trace_ids.read(dict(started.request.headers)["traceparent"])
    assert told == Parent(trace_ids.of_trace(job.uuid), trace_ids.of_span(started.row.uuid, "1"), True)
    assert attempt.trace_id == told.trace_id


def test_each_attempt_at_it_is_a_span_of_its_own_and_says_why_it_failed(recorder: Recorder) -> None:
    make_job(callback_url=URL)
    run_due(OK)
    [attempt] = recorder.take()
    deliver_due(REFUSED)
    deliver_due(OK, now=NOON + timedelta(hours=1))
    first, second = recorder.take()
    assert (first.parent_id, second.parent_id) == (attempt.span_id, attempt.span_id)
    assert first.span_id != second.span_id
    assert [span.attributes["booper.delivery.attempt"] for span in (first, second)] == [1, 2]
    assert (first.is_failed, first.attributes["error.type"]) == (True, "connection_refused")
    assert not second.is_failed
