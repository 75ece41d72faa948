"""A call that makes jobs, in the trace of whoever calls: what is kept of that, and the call's own span."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from rest_framework.request import Request

from jobs.actions.batch import Taken
from jobs.intake.job import Wanted
from jobs.models.identifiers import uuid7
from jobs.telemetry import trace_ids, traces
from jobs.telemetry.spans import Value
from jobs.telemetry.trace_ids import Parent
from jobs.telemetry.traces import Traced


def traced(wanted: Wanted, request: Request) -> Wanted:
    """The same wish, with its caller's `traceparent`; a schedule's runs have traces of their own."""
    if not traces.are_on() or wanted.plan is not None:
        return wanted
    args = traces.kept(wanted.spec.args, _sent(request))
    return replace(wanted, spec=replace(wanted.spec, args=args))


def tell(request: Request, item: Taken, *, status: int, since: datetime) -> None:
    """Sends the span of the call, answered with `status`, that has made or replaced one job: its root."""
    if not traces.are_on() or not (item.is_new or item.is_replaced):
        return
    name, attributes = f"POST {request.path}", _of_call(request, status)
    _send([item.job], _caller(request), name=name, kind="server", attributes=attributes, since=since, call=None)


def tell_of_batch(request: Request, taken: Sequence[Taken], *, status: int, since: datetime) -> None:
    """Sends one span of the call, and one for each job that it has made or replaced, whose root that is.

    A trace of its own for each job, unless the caller has one: a trace of a thousand jobs is for nobody to read.
    """
    made = [item.job for item in taken if item.is_new or item.is_replaced] if traces.are_on() else []
    if not made:
        return
    caller = _caller(request)
    attributes = {**_of_call(request, status), "booper.job.count": len(made)}
    call = traces.called(uuid7(), caller, name=f"POST {request.path}", attributes=attributes, since=since)
    _send(made, caller, name="create", kind="producer", attributes={}, since=since, call=call)


def _send(
    made: Sequence[Traced],
    caller: Parent | None,
    *,
    name: str,
    kind: str,
    attributes: Mapping[str, Value],
    since: datetime,
    call: Parent | None,
) -> None:
    jobs = [job for job in made if job.schedule_id is None]
    traces.made(jobs, name=name, kind=kind, attributes=attributes, since=since, call=call)
    for run in made:
        if run.schedule_id is not None:
            traces.planned(run, caller, name=name, kind=kind, attributes=attributes, since=since, call=call)


def _of_call(request: Request, status: int) -> dict[str, Value]:
    return {
        "http.request.method": "POST",
        "http.route": request.path,
        "url.path": request.path,
        "http.response.status_code": status,
    }


def _caller(request: Request) -> Parent | None:
    return trace_ids.read(_sent(request))


def _sent(request: Request) -> str | None:
    sent: str | None = request.META.get("HTTP_TRACEPARENT")
    return sent
