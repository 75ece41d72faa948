"""/api/jobs/{id}/timeline: what happened to a job, how long it was in each state, and why."""

from datetime import datetime
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from booper.timing.timestamps import timestamp
from jobs.api import serializers
from jobs.api.endpoints.base import answer
from jobs.api.endpoints.jobs import JobsView
from jobs.api.schema.operations import logs as operations
from jobs.database import clock
from jobs.explaining import timeline
from jobs.explaining.timeline import Entry, Timeline
from jobs.models import Job


class JobTimeline(JobsView):
    @operations.GET_TIMELINE
    def get(self, request: Request, job_id: str) -> Response:
        job, now = self.find(job_id), clock.now()
        return answer(_shown(job, timeline.of(job, now=now), now=now))


def _shown(job: Job, found: Timeline, *, now: datetime) -> dict[str, Any]:
    reason = found.reason
    return {
        "id": str(job.uuid),
        "job_id": job.id,
        "state": job.state_at(now),
        "reason": {
            "code": reason.code.value,
            "message": reason.message,
            "until": None if reason.until is None else timestamp(reason.until),
        },
        "late_seconds": _rounded(found.late_seconds),
        "seconds_in_states": {name: _rounded(seconds) for name, seconds in found.seconds_in_states.items()},
        "parent": None if found.family.parent is None else serializers.relative(found.family.parent, now=now),
        "children": [serializers.relative(row, now=now) for row in found.family.children],
        "follows": [serializers.following(each) for each in found.family.follows],
        "is_complete": found.is_complete,
        "entries": [_entry(entry) for entry in found.entries],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "at": timestamp(entry.at),
        "type": entry.type,
        "name": entry.name,
        "text": entry.text,
        "attempt": entry.attempt,
        "seconds": _rounded(entry.seconds),
        "payload": entry.payload,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
