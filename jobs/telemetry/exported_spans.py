"""Spans on their way to a collector: bounded in memory, sent by a thread of their own, and dropped before they hold up
anything.

The only module that knows OpenTelemetry's library, which reads the OTEL_ variables by itself. `jobs.telemetry.spans`
imports it where there is something to send, and nobody else does.
"""

import atexit
import logging
import threading
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import booper
from jobs.database.outages import Outage
from jobs.telemetry.spans import Span
from jobs.telemetry.trace_ids import Parent

logger = logging.getLogger(__name__)
# A process that ends waits no longer for its last spans.
_FLUSH_SECONDS = 2.0
_SCOPE = InstrumentationScope("booper", booper.__version__)


class OtlpExporter:
    """Judges what is recorded by OTEL_TRACES_SAMPLER, and hands it to the library's thread."""

    def __init__(self) -> None:
        # What the library says at each try is said once, by `_Told`.
        for name in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._resource = _resource()
        self._sampler = TracerProvider(resource=self._resource, shutdown_on_exit=False).sampler
        self._processor = BatchSpanProcessor(_Told(OTLPSpanExporter()))
        atexit.register(self.finish)

    def is_sampled(self, trace_id: int, caller: Parent | None) -> bool:
        decision = self._sampler.should_sample(_context(caller), trace_id, "").decision
        return decision is Decision.RECORD_AND_SAMPLE

    def send(self, spans: Sequence[Span]) -> None:
        for span in spans:
            self._processor.on_end(_readable(span, self._resource))

    def finish(self) -> None:
        """Sends what is left, for a moment: a collector that hangs does not keep a process from its end."""
        ending = threading.Thread(target=self._processor.shutdown, name="spans-end", daemon=True)
        ending.start()
        ending.join(_FLUSH_SECONDS)


class _Told(SpanExporter):
    """Says once that a collector is away, and once that it is there again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._outage = Outage(
            logger, begins="traces can't be sent, they are lost until they can", ends="traces are taken again"
        )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._outage.works()
        else:
            self._outage.fails("the collector at OTEL_EXPORTER_OTLP_ENDPOINT is away, or refuses them")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    parent = None if span.parent_id is None else _span_context(Parent(span.trace_id, span.parent_id, True))
    return ReadableSpan(
        name=span.name,
        context=_span_context(Parent(span.trace_id, span.span_id, True)),
        parent=parent,
        resource=resource,
        attributes=span.attributes,
        links=[trace.Link(_span_context(link)) for link in span.links],
        kind=trace.SpanKind[span.kind.upper()],
        status=trace.Status(trace.StatusCode.ERROR if span.is_failed else trace.StatusCode.UNSET),
        start_time=min(span.begun_at, span.ended_at),
        end_time=span.ended_at,
        instrumentation_scope=_SCOPE,
    )


def _span_context(parent: Parent) -> trace.SpanContext:
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.is_sampled else trace.TraceFlags.DEFAULT)
    return trace.SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=flags)


def _context(caller: Parent | None) -> Context:
    """What a sampler looks at: the caller's span, or none, whatever this thread is in."""
    if caller is None:
        return Context()
    return trace.set_span_in_context(trace.NonRecordingSpan(_span_context(caller)), Context())


def _resource() -> Resource:
    found = Resource.create()
    own = {"service.version": booper.__version__}
    if str(found.attributes.get("service.name", "")).startswith("unknown_service"):
        return found.merge(Resource({**own, "service.name": "booper"}))
    return Resource(own).merge(found)
