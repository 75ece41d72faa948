"""From the POST to the last delivery, through real processes, a job makes one trace at a collector."""

from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.collector import Collector, Taken, collecting
from tests.processes.harness.fixtures import MakeStack
from tests.processes.harness.stack import METRICS_TOKEN, Stack
from tests.processes.harness.target import Reply, in_turn
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

SERVER, CLIENT = 2, 3
CALLERS_TRACE, CALLERS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture
def stack(make_stack: MakeStack, collector: Collector) -> Stack:
    made = make_stack(
        "postgresql-redis",
        settings={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"},
    )
    made.start()
    return made


def _spans(collector: Collector, job_id: int, count: int) -> list[Taken]:
    eventually(lambda: len(collector.of_job(job_id)) >= count, f"{count} spans of job {job_id}", within_seconds=30)
    return collector.of_job(job_id)


def test_from_the_post_over_a_failed_attempt_to_the_callback_it_is_one_trace(
    stack: Stack, collector: Collector
) -> None:
    hook = stack.target.answer("/hook", in_turn(Reply(status=503), Reply(body=b"{}")))
    wanted = {
        "method": "post",
        "url": f"{hook}?token=planted-secret",
        "headers": {"Authorization": "Bearer planted-secret"},
        "body": {"of": "planted-secret"},
        "max_attempts": 2,
        "backoff": [1],
        "queue": "mails",
        "callback_url": stack.target.url("/callback"),
    }
    job = stack.api.post("/api/jobs", wanted, traceparent=f"00-{CALLERS_TRACE}-{CALLERS_SPAN}-01").data
    spans = _spans(collector, job["job_id"], 4)
    assert {span.trace_id for span in spans} == {CALLERS_TRACE}
    [root] = [span for span in spans if span.kind == SERVER]
    first, second, callback = [span for span in spans if span.kind == CLIENT]
    assert (root.name, root.parent_id, root.attributes["http.response.status_code"]) == (
        "POST /api/jobs",
        CALLERS_SPAN,
        201,
    )
    assert [span.parent_id for span in (first, second, callback)] == [root.span_id, root.span_id, second.span_id]
    assert [span.attributes.get("booper.attempt") for span in (first, second)] == [1, 2]
    assert [span.is_failed for span in (root, first, second, callback)] == [False, True, False, False]
    assert first.attributes["error.type"] == "503"
    assert first.attributes["http.response.status_code"] == 503
    assert first.attributes["server.address"] == "127.0.0.1"
    assert first.attributes["booper.queue"] == "mails"
    assert callback.name == "POST callback"
    arrivals = [*stack.target.at("/hook?token=planted-secret"), *stack.target.at("/callback")]
    told = [arrival.headers["traceparent"] for arrival in arrivals]
    assert told == [f"00-{CALLERS_TRACE}-{span.span_id}-01" for span in (first, second, callback)]
    assert not any(b"planted-secret" in body for body in collector.bodies)


def test_a_batch_is_one_span_to_which_its_jobs_are_linked_and_figures_lead_to_their_traces(
    stack: Stack, collector: Collector
) -> None:
    url = stack.target.answer("/many", lambda _: Reply(body=b"{}"))
    jobs = stack.api.post("/api/jobs/batch", {"jobs": [{"url": url}, {"url": url}]}).data
    roots = {}
    for job in jobs:
        root, attempt = sorted(_spans(collector, job["job_id"], 2), key=lambda span: span.kind == CLIENT)
        assert (root.name, attempt.trace_id, attempt.parent_id) == ("create", root.trace_id, root.span_id)
        roots[root.trace_id] = root
    [call] = [span for span in collector.spans if span.name == "POST /api/jobs/batch"]
    assert (call.kind, call.attributes["booper.job.count"], len(roots)) == (SERVER, 2, 2)
    assert {tuple(root.links) for root in roots.values()} == {((call.trace_id, call.span_id),)}

    def exemplars() -> set[str]:
        accept = {"Accept": "application/openmetrics-text; version=1.0.0", "Authorization": f"Bearer {METRICS_TOKEN}"}
        body = stack.api.request("GET", "/metrics", None, **accept).body
        buckets = [
            sample
            for family in text_string_to_metric_families(body)
            for sample in family.samples
            if sample.name == "booper_request_duration_seconds_bucket"
        ]
        return {sample.exemplar.labels["trace_id"] for sample in buckets if sample.exemplar}

    eventually(lambda: exemplars() & roots.keys(), "the figures name one of the traces", within_seconds=30)


def test_each_run_of_a_schedule_has_a_trace_of_its_own_begun_by_beat(stack: Stack, collector: Collector) -> None:
    url = stack.target.url("/tick")
    made = stack.api.post("/api/jobs", {"url": url, "repeat_every": [1, "seconds"], "schedule_in": [1, "seconds"]}).data

    def runs() -> list[Taken]:
        return [span for span in collector.spans if span.name == "fire"]

    eventually(lambda: len(runs()) >= 2, "two runs were fired", within_seconds=30)
    for fired in runs()[:2]:
        assert fired.attributes["booper.schedule.id"] == made["schedule_id"]
        assert fired.parent_id == ""
        [attempt] = [span for span in _spans(collector, fired.attributes["booper.job.id"], 2) if span.kind == CLIENT]
        assert (attempt.trace_id, attempt.parent_id) == (fired.trace_id, fired.span_id)
    assert len({fired.trace_id for fired in runs()}) == len(runs())
