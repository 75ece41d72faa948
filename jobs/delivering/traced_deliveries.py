"""Deliveries in the trace of their job: the header that goes out with each, and the span once it has ended."""

from collections.abc import Sequence
from dataclasses import replace

from jobs.database.claimed_delivery import AnyDelivery
from jobs.delivering.transitions import Attempted
from jobs.engine.stage import Finished, Started
from jobs.models import Job
from jobs.telemetry import counters, exemplars, spans, traces


def look_up(claimed: Sequence[AnyDelivery]) -> None:
    """Gives each of them its job, as much of it as a trace needs. One query."""
    jobs = Job.objects.only("id", "uuid", "args").in_bulk({row.job_id for row in claimed if row.job_id is not None})
    for row in claimed:
        row.traced_job = jobs.get(row.job_id)


def with_header(item: Started) -> Started:
    """The same delivery, whose request says which span it is."""
    if item.request is None:
        return item
    row = item.row
    above = traces.parent(traces.of_delivery(row, row.traced_job), row)
    return replace(item, request=traces.with_header(item.request, above))


def tell(attempted: Sequence[Attempted], finished: Sequence[Finished]) -> None:
    """Sends the span of each attempt that has ended and counts as one."""
    spans.send(
        exemplars.own.noted(
            traces.delivered(item.delivery, item.delivery.traced_job, done.outcome, item.error_code),
            counters.DELIVERY_DURATION,
            done.outcome.duration_ms / 1000,
        )
        for item, done in zip(attempted, finished, strict=True)
        if not item.is_silent
    )
