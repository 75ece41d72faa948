"""A call that makes jobs, in the trace of whoever calls: what is kept of that, and the call's own span."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from rest_framework.request import Request

from jobs.actions.batch import Taken
from jobs.intake.job import Wanted
from jobs.telemetry import trace_ids, traces

if TYPE_CHECKING:
    from jobs.telemetry.spans import Value


def traced(wanted: Wanted, request: Request) -> Wanted:
    """The same wish, with its caller's `traceparent`; a schedule's runs have traces of their own."""
    if not traces.are_on() or wanted.plan is not None:
        return wanted
    args = traces.kept(wanted.spec.args, _sent(request))
    return replace(wanted, spec=replace(wanted.spec, args=args))


def tell(request: Request, taken: Sequence[Taken], *, status: int, since: datetime) -> None:
    """Sends the span of the call, answered with `status`, for each job that it has made or replaced."""
    if not traces.are_on():
        return
    name = f"POST {request.path}"
    attributes: dict[str, Value] = {
        "http.request.method": "POST",
        "http.route": request.path,
        "url.path": request.path,
        "http.response.status_code": status,
    }
    made = [item.job for item in taken if item.is_new or item.is_replaced]
    jobs = [job for job in made if job.schedule_id is None]
    traces.made(jobs, name=name, kind="server", attributes=attributes, since=since)
    caller = trace_ids.read(_sent(request))
    for run in made:
        if run.schedule_id is not None:
            traces.planned(run, caller, name=name, kind="server", attributes=attributes, since=since)


def _sent(request: Request) -> str | None:
    sent: str | None = request.META.get("HTTP_TRACEPARENT")
    return sent
