"""The traces of jobs: what made a job is the root, each of its attempts a child, each delivery a child of an attempt.

Nobody calls these where `are_on` says no.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from booper.content import exact_json, redaction
from booper.outcomes.outcome import Outcome, Request
from jobs.database.claimed_delivery import AnyDelivery
from jobs.models import Job, sealed_json_field
from jobs.telemetry import spans, trace_ids
from jobs.telemetry.spans import Span, Value
from jobs.telemetry.trace_ids import Parent

HEADER = "traceparent"
_NANOSECONDS = 1_000_000_000


class Traced(Protocol):
    """A job, as much of it as a trace needs."""

    @property
    def id(self) -> int: ...
    @property
    def uuid(self) -> UUID: ...
    @property
    def schedule_id(self) -> UUID | None: ...
    @property
    def args(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace of one job, and who called for it."""

    id: int
    caller: Parent | None
    is_sampled: bool


def are_on() -> bool:
    return bool(settings.BOOPER_TRACES)


def kept(args: dict[str, Any], traceparent: str | None) -> dict[str, Any]:
    """The same request, with its caller's trace beside it where that is one."""
    caller = trace_ids.read(traceparent)
    return args if caller is None else sealed_json_field.Traced(args, str(caller))


def of_job(uuid: UUID, args: Mapping[str, Any]) -> Trace:
    """The trace that its caller began, or else one of its own."""
    caller = trace_ids.read(args.traceparent) if isinstance(args, sealed_json_field.Traced) else None
    return _trace(uuid, caller)


def _trace(uuid: UUID, caller: Parent | None) -> Trace:
    trace_id = trace_ids.of_trace(uuid) if caller is None else caller.trace_id
    return Trace(trace_id, caller, spans.is_sampled(trace_id, caller))


def of_delivery(delivery: AnyDelivery, job: Job | None) -> Trace:
    """That of its job; an alert's has one of its own."""
    return of_job(delivery.uuid, {}) if job is None else of_job(job.uuid, job.args)


def parent(trace: Trace, row: Any) -> Parent:
    """What is sent with the current attempt of a job or a delivery, so that the target's spans are its children."""
    return Parent(trace.id, trace_ids.of_span(row.uuid, str(row.attempt)), trace.is_sampled)


def with_header(request: Request, above: Parent) -> Request:
    """The same request with the header, unless its owner has given one."""
    if any(name.lower() == HEADER for name, _ in request.headers):
        return request
    return replace(request, headers=(*request.headers, (HEADER, str(above))))


def made(
    jobs: Iterable[Traced],
    *,
    name: str,
    kind: str,
    attributes: Mapping[str, Value],
    since: datetime,
    call: Parent | None = None,
) -> None:
    """Sends the root of each of `jobs`: what it was made by. It is below the `call` that made many, or linked to it."""
    spans.send(
        _root(job, job.uuid, of_job(job.uuid, job.args), name, kind, attributes, since=since, call=call) for job in jobs
    )


def planned(
    run: Traced,
    caller: Parent | None,
    *,
    name: str,
    kind: str,
    attributes: Mapping[str, Value],
    since: datetime,
    call: Parent | None = None,
) -> None:
    """The same of a schedule that was just made with its first `run`; each run has a trace of its own."""
    if run.schedule_id is not None:
        trace = _trace(run.schedule_id, caller)
        spans.send([_root(run, run.schedule_id, trace, name, kind, attributes, since=since, call=call)])


def called(uuid: UUID, caller: Parent | None, *, name: str, attributes: Mapping[str, Value], since: datetime) -> Parent:
    """Sends the span of a call that has made many jobs, in its caller's trace or else one of its own."""
    trace = _trace(uuid, caller)
    call = Parent(trace.id, trace_ids.of_span(uuid), trace.is_sampled)
    above = None if caller is None else caller.span_id
    spans.send([_begun(trace, call.span_id, above, name=name, kind="server", attributes=attributes, since=since)])
    return call


def _root(
    job: Traced,
    of: UUID,
    trace: Trace,
    name: str,
    kind: str,
    attributes: Mapping[str, Value],
    *,
    since: datetime,
    call: Parent | None,
) -> Span | None:
    own = {"booper.job.id": job.id, **_of_schedule(job), **attributes}
    is_below = call is not None and call.trace_id == trace.id
    above = call if is_below else trace.caller
    parent_id = None if above is None else above.span_id
    span = _begun(trace, trace_ids.of_span(of), parent_id, name=name, kind=kind, attributes=own, since=since)
    return span if span is None or call is None or is_below else replace(span, links=(call,))


def _begun(
    trace: Trace,
    span_id: int,
    parent_id: int | None,
    *,
    name: str,
    kind: str,
    attributes: Mapping[str, Value],
    since: datetime,
) -> Span | None:
    """The span of what began at `since` and has ended now; None where its trace is not recorded."""
    if not trace.is_sampled:
        return None
    return Span(
        name=name,
        kind=kind,
        trace_id=trace.id,
        span_id=span_id,
        parent_id=parent_id,
        begun_at=int(since.timestamp() * _NANOSECONDS),
        ended_at=time.time_ns(),
        is_failed=False,
        attributes=attributes,
    )


def attempt(job: Any, outcome: Outcome | None, error: str | None) -> Span | None:
    """The span of an attempt that ended just now; None where its trace is not recorded."""
    trace = of_job(job.uuid, job.args)
    if not trace.is_sampled:
        return None
    attributes = {
        **_of_request(job.method.upper(), job.url, outcome, error),
        "booper.job.id": job.id,
        "booper.attempt": job.attempt,
        **_of_schedule(job),
    }
    if isinstance(job.args.get("queue"), str):
        attributes["booper.queue"] = job.args["queue"]
    return _ended(
        name=job.method.upper(),
        trace=trace,
        span_id=trace_ids.of_span(job.uuid, str(job.attempt)),
        parent_id=trace_ids.of_span(job.uuid),
        outcome=outcome,
        is_failed=error is not None,
        attributes=attributes,
    )


def delivered(delivery: AnyDelivery, job: Job | None, outcome: Outcome, error: str | None) -> Span | None:
    """The span of an attempt at a delivery that ended just now."""
    trace = of_delivery(delivery, job)
    if not trace.is_sampled:
        return None
    attributes = {
        **_of_request("POST", delivery.url, outcome, error),
        "booper.delivery.kind": str(delivery.kind),
        "booper.delivery.event": delivery.event,
        "booper.delivery.attempt": delivery.attempt,
    }
    if job is not None:
        attributes["booper.job.id"] = job.id
    return _ended(
        name=f"POST {delivery.kind}",
        trace=trace,
        span_id=trace_ids.of_span(delivery.uuid, str(delivery.attempt)),
        parent_id=None if job is None else _above(delivery, job),
        outcome=outcome,
        is_failed=error is not None,
        attributes=attributes,
    )


def _above(delivery: AnyDelivery, job: Job) -> int:
    """The attempt that it tells of, or what made the job, where that was cancelled before there was one."""
    number = exact_json.loads(delivery.body)["data"].get("attempt")
    return trace_ids.of_span(job.uuid, str(number) if number else "")


def _ended(
    *,
    name: str,
    trace: Trace,
    span_id: int,
    parent_id: int | None,
    outcome: Outcome | None,
    is_failed: bool,
    attributes: Mapping[str, Value],
) -> Span:
    ended_at = time.time_ns()
    took = 0 if outcome is None else int(outcome.duration_ms * 1_000_000)
    return Span(
        name=name,
        kind="client",
        trace_id=trace.id,
        span_id=span_id,
        parent_id=parent_id,
        begun_at=ended_at - took,
        ended_at=ended_at,
        is_failed=is_failed,
        attributes=attributes,
    )


def _of_request(method: str, url: str, outcome: Outcome | None, error: str | None) -> dict[str, Value]:
    """By the conventions of OpenTelemetry for HTTP. The URL is the one that was asked for, without its secrets."""
    found: dict[str, Value] = {"http.request.method": method, "url.full": redaction.redacted_url(url)}
    parts = urlsplit(url)
    if parts.hostname:
        found["server.address"] = parts.hostname
        found["server.port"] = parts.port or (80 if parts.scheme == "http" else 443)
    status = None if outcome is None or outcome.response is None else outcome.response.status
    if status is not None:
        found["http.response.status_code"] = status
    if error is not None:
        found["error.type"] = str(status) if error == "http_status" and status is not None else error
    return found


def _of_schedule(job: Traced) -> dict[str, Value]:
    return {} if job.schedule_id is None else {"booper.schedule.id": str(job.schedule_id)}
