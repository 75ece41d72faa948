"""A job's trace: what made it is the root, its attempts are children, deliveries are children of those."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from pytest_django import Settings

from jobs.database.outages import Outage
from jobs.models import Delivery, Job, sealed_json_field
from jobs.telemetry import spans
from jobs.telemetry.spans import Span
from jobs.telemetry.trace_ids import Parent
from tests.api import Api, data_of
from tests.factories import NOON, make_job
from tests.runs import OK, answered, deliver_due, run_due
from tests.spans import CALLER, Recorder, headers_sent

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
URL = "https://example.com/hook"


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


def test_without_the_setting_nothing_is_kept_sent_or_loaded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_EXPORTING", "no.such.module")
    data_of(api.post("/api/jobs", {"url": URL, "callback_url": URL}, traceparent=str(CALLER)), status=201)
    assert not isinstance(Job.objects.get().args, sealed_json_field.Traced)
    assert "traceparent" not in headers_sent()
    make_job(callback_url=URL)
    run_due(OK)
    deliver_due(OK)
    assert Delivery.objects.get().state == "delivered"


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
