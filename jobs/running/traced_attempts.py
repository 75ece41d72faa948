"""Attempts in the trace of their job: the header that goes out with each, and the span once it has ended."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jobs.engine.stage import Finished, Started
from jobs.running.ended import Ended
from jobs.telemetry import spans, traces


def with_header(item: Started, shown: dict[str, Any]) -> Started:
    """The same attempt, whose request says which span it is; `shown`, which the log has of it, says so too."""
    if item.request is None:
        return item
    job = item.row
    request = traces.with_header(item.request, traces.parent(traces.of_job(job.uuid, job.args), job))
    if request is not item.request:
        shown["headers"] = {**shown["headers"], traces.HEADER: request.headers[-1][1]}
    return replace(item, request=request)


def tell(ended: Sequence[Ended], finished: Sequence[Finished]) -> None:
    """Sends the span of each attempt that has ended."""
    spans.send(
        traces.attempt(item.job, done.outcome, None if item.error is None else str(item.error["code"]))
        for item, done in zip(ended, finished, strict=True)
    )
