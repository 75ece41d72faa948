"""A call that makes jobs is in its caller's trace, and is one span, whatever it makes."""

from uuid import UUID

import pytest

from jobs.models import Job, sealed_json_field
from jobs.telemetry import trace_ids, traces
from tests.api import Api, data_of
from tests.spans import CALLER, Recorder

pytestmark = pytest.mark.django_db

URL = "https://example.com/hook"


def test_what_the_caller_sent_is_shown_nowhere_and_an_edit_keeps_it(recorder: Recorder, api: Api) -> None:
    wanted = {"url": URL, "schedule_in": [1, "hours"]}
    job = data_of(api.post("/api/jobs", wanted, traceparent=str(CALLER)), status=201)
    assert job["args"] == wanted
    path = f"/api/jobs/{job['job_id']}"
    assert "traceparent" not in api.get(path).content.decode() + api.get("/api/jobs").content.decode()
    edited = data_of(api.patch(path, {"name": "later"}))
    assert edited["args"] == {**wanted, "name": "later"}
    stored = Job.objects.get()
    assert traces.of_job(stored.uuid, stored.args).caller == CALLER


@pytest.mark.parametrize("traceparent", ["", "nonsense", f"ff{str(CALLER)[2:]}"])
def test_a_traceparent_that_is_none_is_ignored(recorder: Recorder, api: Api, traceparent: str) -> None:
    data_of(api.post("/api/jobs", {"url": URL}, traceparent=traceparent), status=201)
    assert not isinstance(Job.objects.get().args, sealed_json_field.Traced)
    assert recorder.take()[0].parent_id is None


def test_the_root_says_how_its_call_was_answered(recorder: Recorder, api: Api) -> None:
    keyed = {"url": URL, "schedule_in": [1, "hours"], "idempotency_key": "one", "on_conflict": "replace"}
    answers = [
        api.post("/api/jobs", keyed),
        api.post("/api/jobs", {**keyed, "name": "another"}),
        api.post("/api/jobs/batch", {"jobs": [{"url": URL}, {"url": "nowhere"}]}),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 207]
    calls = [span for span in recorder.take() if span.kind == "server"]
    assert [span.attributes["http.response.status_code"] for span in calls] == [201, 200, 207]


def test_a_job_that_its_key_has_kept_out_adds_no_root(recorder: Recorder, api: Api) -> None:
    for status in (201, 200):
        data_of(api.post("/api/jobs", {"url": URL, "idempotency_key": "one"}), status=status)
    assert len(recorder.take()) == 1


def test_a_schedule_keeps_no_callers_trace(recorder: Recorder, api: Api) -> None:
    data_of(api.post("/api/jobs", {"url": URL, "cron": "0 0 1 1 *"}, traceparent=str(CALLER)), status=201)
    [root] = recorder.take()
    assert (root.trace_id, root.parent_id) == (CALLER.trace_id, CALLER.span_id)
    run = Job.objects.get()
    assert traces.of_job(run.uuid, run.args).caller is None


def test_a_batch_is_one_span_in_its_callers_trace_and_its_jobs_are_below_it(recorder: Recorder, api: Api) -> None:
    wanted = {"jobs": [{"url": URL}, {"url": "nowhere"}, {"url": URL}, {"url": URL, "cron": "0 0 1 1 *"}]}
    answers = data_of(api.post("/api/jobs/batch", wanted, traceparent=str(CALLER)), status=207)
    call, *made = recorder.take()
    assert (call.name, call.kind, call.trace_id, call.parent_id) == (
        "POST /api/jobs/batch",
        "server",
        CALLER.trace_id,
        CALLER.span_id,
    )
    assert (call.attributes["http.response.status_code"], call.attributes["booper.job.count"]) == (207, 3)
    assert {(span.name, span.kind, span.trace_id, span.parent_id, span.links) for span in made} == {
        ("create", "producer", CALLER.trace_id, call.span_id, ())
    }
    jobs = [answers[0], answers[2], answers[3]]
    assert [span.attributes["booper.job.id"] for span in made] == [job["job_id"] for job in jobs]
    ids = [UUID(job["id"]) for job in jobs[:2]] + [UUID(jobs[2]["schedule_id"])]
    assert [span.span_id for span in made] == [trace_ids.of_span(each) for each in ids], "attempts find their root"


def test_without_a_caller_each_job_of_a_batch_has_a_trace_of_its_own_that_is_linked_to_the_call(
    recorder: Recorder, api: Api
) -> None:
    answers = data_of(api.post("/api/jobs/batch", {"jobs": [{"url": URL}, {"url": URL}]}), status=201)
    call, *made = recorder.take()
    assert (call.kind, call.parent_id, call.links) == ("server", None, ())
    assert [span.trace_id for span in made] == [trace_ids.of_trace(UUID(job["id"])) for job in answers]
    linked = trace_ids.Parent(call.trace_id, call.span_id, True)
    assert [(span.parent_id, span.links) for span in made] == [(None, (linked,))] * 2
    assert call.trace_id not in {span.trace_id for span in made}


def test_a_batch_that_makes_nothing_adds_no_span(recorder: Recorder, api: Api) -> None:
    data_of(api.post("/api/jobs/batch", {"jobs": [{"url": "nowhere"}]}), status=207)
    assert recorder.take() == []


def test_of_a_caller_that_is_not_recorded_a_batch_leaves_no_span(recorder: Recorder, api: Api) -> None:
    caller = str(trace_ids.Parent(CALLER.trace_id, CALLER.span_id, False))
    data_of(api.post("/api/jobs/batch", {"jobs": [{"url": URL}]}, traceparent=caller), status=201)
    assert recorder.take() == []
