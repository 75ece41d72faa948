"""The commands of `booper logs`."""

from __future__ import annotations

from booper.cli.output import Columns
from booper.cli.parsers import Group, filters_of

_LOG_COLUMNS: Columns = {
    "LOG": "id",
    "AT": "inserted_at",
    "JOB": "job_id",
    "EVENT": "event",
    "URL": "payload.url",
}


_LOG_FILTERS = {
    "job_id": "events of this job",
    "tag": "events of jobs with this tag",
    "event": "one kind, as in job.error",
}


def add_logs(logs: Group) -> None:
    logs.listing(
        lambda scheduler, args: scheduler.logs.list(**filters_of(args)),
        about="List events, newest first.",
        columns=_LOG_COLUMNS,
        filters=_LOG_FILTERS,
    )
    logs.verb_on_id("get", lambda scheduler, args: scheduler.logs.get(args.id), about="Show an event.")
