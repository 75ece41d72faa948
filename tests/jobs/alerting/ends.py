"""Ends of jobs for tests of what judges them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.models import AlertedEnd, JobState
from tests.factories import NOON

SCHEDULE = UUID(int=7)


def end(state: JobState, *, at: datetime = NOON, **fields: Any) -> AlertedEnd:
    known = {"job_id": 1, "url": "https://example.com/hook", "late_seconds": 0.0, "ended_at": at}
    return AlertedEnd(state=state, **known | fields)


def discarded(count: int = 1, **fields: Any) -> list[AlertedEnd]:
    return [end(JobState.DISCARDED, error_code="timeout", **fields) for _ in range(count)]


def completed(**fields: Any) -> list[AlertedEnd]:
    return [end(JobState.COMPLETED, **fields)]
