"""A daily schedule, made and asked about through the API."""

from typing import Any

from jobs.models import Job
from tests.api import Api, data_of

REQUEST: dict[str, Any] = {"method": "post", "url": "https://example.com/hook", "body": {"content": "Hi"}}


DAILY = {**REQUEST, "cron": "0 13 * * *"}


def make(api: Api, **fields: Any) -> str:
    """The path of a schedule, daily at 13:00 unless the fields say otherwise."""
    body = {**(REQUEST if "repeat_every" in fields else DAILY), **fields}
    return f"/api/schedules/{data_of(api.post('/api/jobs', body), status=201)['schedule_id']}"


def upcoming() -> Job:
    return Job.objects.get(is_upcoming=True)
