"""An attempt in the trace of its job: its target is told which span it is, and the span says how it ended."""

from uuid import UUID, uuid4

import pytest

from booper.outcomes.outcome import Outcome
from jobs.engine.stage import Finished
from jobs.models import LogEvent
from jobs.running import stage as running_stage
from jobs.telemetry import trace_ids
from jobs.telemetry.trace_ids import Parent
from tests.api import Api, data_of
from tests.factories import NOON, make_job
from tests.runs import REFUSED, run_due, start_due
from tests.spans import CALLER, Recorder, headers_sent

pytestmark = pytest.mark.django_db

URL = "https://example.com/hook"


def test_a_job_is_in_a_trace_of_its_own_and_its_target_is_told_of_the_attempt(recorder: Recorder, api: Api) -> None:
    job = data_of(api.post("/api/jobs", {"url": URL}), status=201)
    [root] = recorder.take()
    uuid = UUID(job["id"])
    assert (root.trace_id, root.span_id, root.parent_id) == (trace_ids.of_trace(uuid), trace_ids.of_span(uuid), None)
    assert (root.name, root.kind, root.attributes["booper.job.id"]) == ("POST /api/jobs", "server", job["job_id"])
    attempt = Parent(root.trace_id, trace_ids.of_span(uuid, "1"), True)
    assert headers_sent()["traceparent"] == str(attempt)
    logged = LogEvent.objects.get(event="worker.http.request").payload
    assert logged["headers"]["traceparent"] == str(attempt), "the log shows what was sent"


def test_an_owners_own_traceparent_goes_out_instead(recorder: Recorder) -> None:
    make_job(args={"url": URL, "headers": {"TraceParent": "mine"}})
    headers = headers_sent()
    assert headers["TraceParent"] == "mine"
    assert "traceparent" not in headers


def test_a_caller_that_is_not_recorded_is_told_on_and_leaves_no_span(recorder: Recorder, api: Api) -> None:
    caller = str(Parent(CALLER.trace_id, CALLER.span_id, False))
    data_of(api.post("/api/jobs", {"url": URL}, traceparent=caller), status=201)
    told = trace_ids.read(headers_sent()["traceparent"])
    assert told is not None
    assert (told.trace_id, told.is_sampled) == (CALLER.trace_id, False)
    assert recorder.take() == []


def test_an_attempt_that_no_answer_came_of_says_why(recorder: Recorder) -> None:
    make_job()
    run_due(REFUSED)
    [span] = recorder.take()
    assert REFUSED.failure is not None
    assert (span.is_failed, span.attributes["error.type"]) == (True, REFUSED.failure.code)
    assert "http.response.status_code" not in span.attributes
    assert (span.attributes["server.address"], span.attributes["server.port"]) == ("example.com", 443)


def test_an_attempt_whose_worker_is_gone_has_a_span_that_says_so(recorder: Recorder) -> None:
    job = make_job()
    start_due(uuid4())
    recorder.take()
    running_stage.rescue(limit=10, now=NOON)
    [span] = recorder.take()
    assert span.attributes["error.type"] == "lease_lost"
    assert (span.trace_id, span.span_id) == (trace_ids.of_trace(job.uuid), trace_ids.of_span(job.uuid, "1"))


def test_a_request_that_can_not_be_built_is_a_failed_span_of_no_length(recorder: Recorder) -> None:
    make_job(args={"url": URL, "headers": {"X": "{{secret:GONE}}"}})
    [started] = start_due(worker := uuid4())
    assert (started.request, started.failure is not None) == (None, True)
    assert started.failure is not None
    outcome = Outcome(response=None, failure=started.failure, duration_ms=0)
    running_stage.record(worker, [Finished(started, outcome)], now=NOON)
    [span] = recorder.take()
    assert (span.is_failed, span.attributes["error.type"]) == (True, "no_such_secret")
    assert span.begun_at == span.ended_at
