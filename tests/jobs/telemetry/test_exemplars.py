"""A bucket of a histogram leads to the trace of an attempt in it, for who asks in the format that has room for that."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Exemplar as Told
from pytest_django import Settings

from jobs.models import Tally
from jobs.telemetry import counters, exemplars, exposition, trace_ids, traces
from jobs.telemetry.counter_rows import CounterPage
from jobs.telemetry.counters import Histogram, Tallies
from jobs.telemetry.exemplars import Exemplar, Exemplars
from tests.factories import NOON, make_job
from tests.runs import OK, REFUSED, deliver_due, run_due
from tests.spans import CALLER, Recorder

SECONDS = Histogram("seconds", (0.1, 1))


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's own, empty."""
    monkeypatch.setattr(counters, "own", Tallies())
    monkeypatch.setattr(exemplars, "own", Exemplars())


def told(text: str) -> dict[tuple[str, str], Told]:
    """The exemplars in a text by histogram and bound, each of which its format's own parser has judged."""
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples if sample.exemplar]
    return {(sample.name, sample.labels["le"]): sample.exemplar for sample in samples if sample.exemplar}


def written() -> str:
    """What /metrics has once this process has written down what it counted."""
    CounterPage(counters.own, name="worker").write(now=NOON)
    return exposition.exposition(now=NOON, stored=None, with_exemplars=True).decode()


def test_each_bucket_keeps_its_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    times: Iterator[float] = iter([1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr("time.time", lambda: next(times))
    noted = Exemplars()
    for value, trace in ((0.1, 1), (0.05, 2), (7, 3), (-1, 4)):
        noted.note(SECONDS, value, trace_id=trace, span_id=9)
    assert exemplars.latest([noted.read()], SECONDS) == {
        "0.1": Exemplar(0.0, f"{4:032x}", f"{9:016x}", 4.0),
        "+Inf": Exemplar(7, f"{3:032x}", f"{9:016x}", 3.0),
    }


def test_of_several_processes_the_latest_counts_whichever_comes_first() -> None:
    older, newer = {"seconds": {"1": [0.5, "a", "b", 5.0]}}, {"seconds": {"1": [0.6, "c", "d", 6.0]}}
    for rows in ([older, None, newer], [newer, {}, older]):
        assert exemplars.latest(rows, SECONDS) == {"1": Exemplar(0.6, "c", "d", 6.0)}


@pytest.mark.django_db
def test_attempts_and_deliveries_are_found_in_their_buckets(recorder: Recorder) -> None:
    job = make_job(callback_url="https://example.com/told")
    run_due(OK, now=NOON + timedelta(seconds=2))
    deliver_due(OK, now=NOON + timedelta(seconds=2))
    attempt, callback = recorder.take()
    found = told(written())
    trace = f"{trace_ids.of_trace(job.uuid):032x}"
    assert {key: each.labels for key, each in found.items()} == {
        ("booper_lateness_seconds_bucket", "2.5"): {"trace_id": trace, "span_id": f"{attempt.span_id:016x}"},
        ("booper_request_duration_seconds_bucket", "0.05"): {"trace_id": trace, "span_id": f"{attempt.span_id:016x}"},
        ("booper_delivery_duration_seconds_bucket", "0.05"): {"trace_id": trace, "span_id": f"{callback.span_id:016x}"},
    }
    assert [each.value for each in found.values()] == [2.0, 0.03, 0.03]


@pytest.mark.django_db
def test_of_what_is_not_recorded_nothing_is_noted(recorder: Recorder) -> None:
    make_job(args={"url": "https://example.com/"})
    recorder.is_sampled = lambda trace_id, caller: False  # type: ignore[method-assign]
    run_due(REFUSED)
    assert told(written()) == {}
    assert Tally.objects.get().exemplars is None


# Figures are found out by a thread of their own.
@pytest.mark.django_db(transaction=True)
def test_it_is_given_to_who_asks_for_the_format_and_only_where_traces_are_on(
    recorder: Recorder, web: Client, settings: Settings
) -> None:
    settings.METRICS_TOKEN = "let-me-in"
    make_job()
    run_due(OK)
    CounterPage(counters.own, name="worker").write(now=NOON)
    asks = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

    def answer(accept: str) -> tuple[str, str]:
        response = web.get("/metrics", headers={"Authorization": "Bearer let-me-in", "Accept": accept})
        return response.headers["Content-Type"].partition(";")[0], response.content.decode()

    kind, text = answer(asks)
    assert (kind, len(told(text))) == ("application/openmetrics-text", 2)
    for accept in ("", "*/*", "text/plain", "application/openmetrics-text; q=0, text/plain"):
        kind, text = answer(accept)
        assert (kind, "trace_id" in text) == ("text/plain", False)
    settings.BOOPER_TRACES = False
    assert answer(asks)[0] == "text/plain"


@pytest.mark.django_db
def test_without_it_neither_a_write_nor_a_scrape_touches_the_column() -> None:
    make_job()
    run_due(OK)
    with CaptureQueriesContext(connection) as queries:
        page = CounterPage(counters.own, name="worker")
        page.write(now=NOON)
        page.write(now=NOON)
        exposition.exposition(now=NOON, stored=None)
    of_tallies = [query["sql"] for query in queries if "jobs_tally" in query["sql"]]
    assert of_tallies
    assert not [sql for sql in of_tallies if "exemplars" in sql and not sql.startswith("INSERT")]


@pytest.mark.django_db
def test_a_callers_trace_is_the_one_that_is_named(recorder: Recorder) -> None:
    make_job(args=traces.kept({"url": "https://example.com/"}, str(CALLER)))
    run_due(OK)
    assert {each.labels["trace_id"] for each in told(written()).values()} == {f"{CALLER.trace_id:032x}"}
