"""Spans arrive at a collector as the standard variables say, and one that is away holds up nothing."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.telemetry import trace_ids
from jobs.telemetry.exported_spans import OtlpExporter
from tests.collector import Collector, collecting
from tests.config.test_error_reports import run
from tests.config.test_traces import SENT


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


def test_a_span_arrives_before_its_process_has_ended(collector: Collector, tmp_path: Path) -> None:
    done = run(SENT, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert done.returncode == 0, done.stderr
    [span] = collector.spans
    assert (span.name, span.trace_id, span.span_id, span.parent_id) == ("GET", f"{1:032x}", f"{2:016x}", f"{3:016x}")
    assert (span.is_failed, span.took_ms) == (True, 2.0)
    assert span.attributes == {"http.request.method": "GET", "booper.attempt": 2}
    assert span.resource["service.name"] == "booper"


def test_the_standard_variables_keep_their_meaning(collector: Collector, tmp_path: Path) -> None:
    done = run(
        SENT,
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=ada",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_SERVICE_NAME="mine",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=staging",
    )
    assert done.returncode == 0, done.stderr
    [span] = collector.spans
    assert (span.resource["service.name"], span.resource["deployment.environment.name"]) == ("mine", "staging")
    [headers] = collector.headers
    assert (headers["x-tenant"], headers["Content-Encoding"]) == ("ada", "gzip")


def test_a_collector_that_hangs_keeps_no_process_from_its_end(tmp_path: Path) -> None:
    many = "\nbegan = time.monotonic()\nspans.exporter().send([one] * 20_000)\nassert time.monotonic() - began < 5"
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        began = time.monotonic()
        endpoint = f"http://127.0.0.1:{hangs.getsockname()[1]}"
        done = run(f"import time{SENT}{many}", tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 20


def test_a_collector_that_is_away_is_told_of_once(tmp_path: Path) -> None:
    code = SENT + "for _ in range(3): spans.exporter()._processor.force_flush(); spans.exporter().send([one])\n"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    done = run(code, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("traces can't be sent") == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_share_of_the_traces_is_the_same_share_in_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    here, there = OtlpExporter(), OtlpExporter()
    traces = [(number * 0x9E3779B97F4A7C15) % (1 << 64) + (1 << 100) for number in range(1, 400)]
    judged = [here.is_sampled(trace, None) for trace in traces]
    assert judged == [there.is_sampled(trace, None) for trace in traces]
    assert 60 < sum(judged) < 140
    for is_sampled in (True, False):
        caller = trace_ids.Parent(5, 6, is_sampled)
        assert {here.is_sampled(trace, caller) for trace in traces} == {is_sampled}
    for exporter in (here, there):
        exporter.finish()
