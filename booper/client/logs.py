"""Calls about the events of your jobs."""

from __future__ import annotations

from booper.client.records import LogEvent
from booper.client.resources import Readable


class Logs(Readable[LogEvent]):
    """The events of your jobs; filters `job_id`, `tag`, `event`."""

    path = "/api/logs"
