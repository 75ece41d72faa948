"""Attempts in the trace of their job: the header that goes out with each, and the span once it has ended."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from jobs.database.claimed_job import Claimed
from jobs.engine.stage import Finished, Started
from jobs.running.ended import Ended
from jobs.telemetry import counters, exemplars, spans, traces


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
        exemplars.own.noted(
            traces.attempt(item.job, done.outcome, None if item.error is None else str(item.error["code"])),
            counters.REQUEST_DURATION,
            done.outcome.duration_ms / 1000,
        )
        for item, done in zip(ended, finished, strict=True)
    )


def note_lateness(claimed: Sequence[Claimed], *, now: datetime) -> None:
    """What the figures of lateness lead to: attempts that begin now, of jobs that wait for no queue."""
    for job in claimed:
        trace = traces.of_job(job.uuid, job.args)
        if job.queue_id is None and trace.is_sampled:
            late = (now - job.scheduled_at).total_seconds()
            exemplars.own.note(counters.LATENESS, late, trace_id=trace.id, span_id=traces.parent(trace, job).span_id)
