"""What the log says of attempts whose jobs were cancelled while their requests were on the wire."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from jobs.database.event_log import Entry
from jobs.models import EventType, Job, JobState, LogEvent
from jobs.running import evidence
from jobs.running.ended import CANCELLED, Ended


def answers(lost: list[Ended], *, now: datetime) -> list[Entry]:
    """What came of attempts whose jobs were cancelled meanwhile, and may have been retried since. Told once."""
    events = []
    for item in _of_cancelled_jobs(lost):
        response, error = _after_cancel(item)
        if response is not None:
            events.append(evidence.event(item.job, EventType.RESPONSE, response, now))
        if error is not None:
            events.append(evidence.event(item.job, EventType.ERROR, {**error, "retry_at": None}, now))
    return events


def _of_cancelled_jobs(lost: list[Ended]) -> list[Ended]:
    if not lost:
        return []
    unwanted = {item.job.id for item in lost if item.state == JobState.CANCELLED}
    jobs = Job.objects.filter(id__in=[item.job.id for item in lost])
    attempts = dict(jobs.filter(Q(state=JobState.CANCELLED) | Q(id__in=unwanted)).values_list("id", "attempt"))
    found = [
        item
        for item in lost
        if item.job.id in attempts and (item.job.id in unwanted or attempts[item.job.id] == item.job.attempt)
    ]
    if not found:
        return []
    # By this worker, whose database did not answer, or by the one that took the job over.
    ends = LogEvent.objects.filter(job_id__in=list(attempts), event__in=(EventType.RESPONSE, EventType.ERROR))
    told = set(ends.values_list("job_id", "attempt"))
    return [item for item in found if (item.job.id, item.job.attempt) not in told]


def _after_cancel(item: Ended) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The response and the error of an attempt whose job was cancelled in the meantime."""
    if item.broken_off is None:
        return item.response, item.error
    message = f"the job was cancelled while it ran: {item.broken_off.message}"
    return item.broken_off.came, {"code": CANCELLED, "message": message}
