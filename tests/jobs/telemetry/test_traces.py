"""A job's trace: what made it is the root, its attempts are children, deliveries are children of those."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs.database.outages import Outage
from jobs.models import Delivery, Job, LogEvent, sealed_json_field
from jobs.recurring import firing
from jobs.running import stage as running_stage
from jobs.running import transitions
from jobs.telemetry import spans, trace_ids, traces
from jobs.telemetry.spans import Span
from jobs.telemetry.trace_ids import Parent
from tests.api import Api, data_of
from tests.conftest import Announced
from tests.factories import NOON, make_job, make_schedule
from tests.runs import OK, REFUSED, answered, deliver_due, run_due, start_due

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
URL = "https://example.com/hook"
CALLER = Parent(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, True)


class Recorder:
    """Takes the spans of a test; of callers that are not recorded nothing is."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def is_sampled(self, trace_id: int, caller: Parent | None) -> bool:
        return caller is None or caller.is_sampled

    def send(self, sent: Sequence[Span]) -> None:
        self.spans += sent

    def take(self) -> list[Span]:
        taken, self.spans = self.spans, []
        return taken


@pytest.fixture
def recorder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    settings.BOOPER_TRACES = True
    made = Recorder()
    monkeypatch.setattr(spans, "_exporters", [made])
    return made


def headers_sent() -> dict[str, str]:
    """The headers that go out with the job that is due."""
    [started] = start_due(uuid4())
    assert started.request is not None
    return dict(started.request.headers)


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


def test_attempts_are_children_of_the_root_and_deliveries_of_their_attempt(recorder: Recorder, api: Api) -> None:
    wanted = {"url": f"{URL}?api_key=planted", "callback_url": URL, "max_attempts": 2, "backoff": [0]}
    caller = {"traceparent": str(CALLER)}
    data_of(api.post("/api/jobs", wanted, **caller), status=201)
    run_due(answered(503))
    run_due(OK, now=NOON + MINUTE)
    deliver_due(OK, now=NOON + MINUTE)
    root, first, second, callback = recorder.take()
    assert {span.trace_id for span in (root, first, second, callback)} == {CALLER.trace_id}
    parents = [span.parent_id for span in (root, first, second, callback)]
    assert parents == [CALLER.span_id, root.span_id, root.span_id, second.span_id]
    assert first.attributes["url.full"] == f"{URL}?api_key=***"
    assert (first.is_failed, first.attributes["error.type"], first.attributes["http.response.status_code"]) == (
        True,
        "503",
        503,
    )
    assert second.attributes["booper.attempt"] == 2
    assert callback.attributes["booper.delivery.kind"] == "callback"


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


def test_a_batch_is_in_its_callers_trace_too(recorder: Recorder, api: Api) -> None:
    made = data_of(
        api.post("/api/jobs/batch", {"jobs": [{"url": URL}, {"url": URL}]}, traceparent=str(CALLER)), status=201
    )
    found = recorder.take()
    assert [span.attributes["booper.job.id"] for span in found] == [job["job_id"] for job in made]
    assert {(span.name, span.trace_id, span.parent_id) for span in found} == {
        ("POST /api/jobs/batch", CALLER.trace_id, CALLER.span_id)
    }
    assert len({span.span_id for span in found}) == 2


def test_the_root_says_how_its_call_was_answered(recorder: Recorder, api: Api) -> None:
    keyed = {"url": URL, "schedule_in": [1, "hours"], "idempotency_key": "one", "on_conflict": "replace"}
    answers = [
        api.post("/api/jobs", keyed),
        api.post("/api/jobs", {**keyed, "name": "another"}),
        api.post("/api/jobs/batch", {"jobs": [{"url": URL}, {"url": "nowhere"}]}),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 207]
    assert [span.attributes["http.response.status_code"] for span in recorder.take()] == [201, 200, 207]


def test_a_job_that_its_key_has_kept_out_adds_no_root(recorder: Recorder, api: Api) -> None:
    for status in (201, 200):
        data_of(api.post("/api/jobs", {"url": URL, "idempotency_key": "one"}), status=status)
    assert len(recorder.take()) == 1


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


def test_what_follows_a_job_is_below_the_attempt_that_it_came_of(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    make_job(args={"url": URL, "then": {"url": URL, "name": "next"}})
    with django_capture_on_commit_callbacks(execute=True):
        run_due(OK)
    run_due(OK)
    first, follows, second = sorted(recorder.take(), key=lambda span: span.attributes.get("booper.job.id", 0))
    assert (follows.name, follows.trace_id, follows.parent_id) == ("follow", first.trace_id, first.span_id)
    assert (second.trace_id, second.parent_id) == (first.trace_id, follows.span_id)
    assert Job.objects.get(name="next").args == {"url": URL, "name": "next"}


def test_a_schedule_keeps_no_callers_trace(recorder: Recorder, api: Api) -> None:
    data_of(api.post("/api/jobs", {"url": URL, "cron": "0 0 1 1 *"}, traceparent=str(CALLER)), status=201)
    [root] = recorder.take()
    assert (root.trace_id, root.parent_id) == (CALLER.trace_id, CALLER.span_id)
    run = Job.objects.get()
    assert traces.of_job(run.uuid, run.args).caller is None


def test_an_attempt_that_no_answer_came_of_says_why(recorder: Recorder) -> None:
    make_job()
    run_due(REFUSED)
    [span] = recorder.take()
    assert REFUSED.failure is not None
    assert (span.is_failed, span.attributes["error.type"]) == (True, REFUSED.failure.code)
    assert "http.response.status_code" not in span.attributes
    assert (span.attributes["server.address"], span.attributes["server.port"]) == ("example.com", 443)


def test_what_tells_of_a_cancelled_job_is_below_its_root(recorder: Recorder) -> None:
    job = make_job(webhook_url=URL)
    transitions.cancel(job, now=NOON)
    deliver_due(OK)
    [span] = recorder.take()
    assert span.parent_id == trace_ids.of_span(job.uuid)


def test_without_the_setting_nothing_is_kept_sent_or_loaded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_EXPORTING", "no.such.module")
    data_of(api.post("/api/jobs", {"url": URL, "callback_url": URL}, traceparent=str(CALLER)), status=201)
    assert not isinstance(Job.objects.get().args, sealed_json_field.Traced)
    assert "traceparent" not in headers_sent()
    make_job(callback_url=URL)
    run_due(OK)
    deliver_due(OK)
    assert Delivery.objects.get().state == "delivered"


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


def test_each_run_of_a_schedule_is_below_a_root_of_its_own(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    schedule = make_schedule(first=NOON + MINUTE)
    for now in (NOON + MINUTE, NOON + 2 * MINUTE):
        with django_capture_on_commit_callbacks(execute=True):
            firing.fire_due(limit=10, now=now)
        run_due(OK, now=now)
    found = recorder.take()
    roots = [span for span in found if span.name == "fire"]
    attempts = [span for span in found if span.kind == "client"]
    assert len(roots) == 2
    assert len({span.trace_id for span in roots}) == len(roots)
    assert {(span.trace_id, span.parent_id) for span in attempts} == {(span.trace_id, span.span_id) for span in roots}
    assert {span.attributes["booper.schedule.id"] for span in found} == {str(schedule.id)}


class _Broken(Recorder):
    def is_sampled(self, trace_id: int, caller: Parent | None) -> bool:
        raise OSError("no sampler")

    def send(self, sent: Sequence[Span]) -> None:
        raise RuntimeError("no exporter")


class _Full(Recorder):
    def send(self, sent: Sequence[Span]) -> None:
        raise RuntimeError("no exporter")


@pytest.mark.parametrize("broken", [_Broken(), _Full()])
def test_jobs_are_run_and_told_of_whatever_becomes_of_their_spans(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, broken: Recorder
) -> None:
    settings.BOOPER_TRACES = True
    monkeypatch.setattr(spans, "_exporters", [broken])
    monkeypatch.setattr(spans, "_outage", Outage(spans.logger, begins="spans are lost", ends="spans are taken again"))
    job_id = data_of(api.post("/api/jobs", {"url": URL, "callback_url": "https://example.com/told"}), status=201)[
        "job_id"
    ]
    run_due(OK)
    deliver_due(OK)
    assert Job.objects.get(id=job_id).state == "completed"
    assert Delivery.objects.get().state == "delivered"


def test_a_process_whose_exporter_can_not_be_made_sends_none_and_says_so_once(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.BOOPER_TRACES = True
    monkeypatch.setattr(spans, "_exporters", [])
    monkeypatch.setattr(spans, "_EXPORTING", "jobs.telemetry.there_is_no_such_module")
    for _ in range(3):
        data_of(api.post("/api/jobs", {"url": URL}), status=201)
        run_due(OK)
    assert [record.message for record in caplog.records if record.name == spans.__name__] == [
        "no traces are sent from this process: its exporter can't be made"
    ]


def test_an_attempt_whose_worker_is_gone_has_a_span_that_says_so(recorder: Recorder) -> None:
    job = make_job()
    start_due(uuid4())
    recorder.take()
    running_stage.rescue(limit=10, now=NOON)
    [span] = recorder.take()
    assert span.attributes["error.type"] == "lease_lost"
    assert (span.trace_id, span.span_id) == (trace_ids.of_trace(job.uuid), trace_ids.of_span(job.uuid, "1"))
