"""The commands of `booper logs`."""

from __future__ import annotations

from booper.cli import following
from booper.cli.columns import Columns, when
from booper.cli.parsers import Group, add_filters, filters_of

_LOG_COLUMNS: Columns = {
    "LOG": "id",
    "EVENT": "event",
    "JOB": "job_id",
    "AT": when("inserted_at"),
    "WHAT": lambda row, _: following.what(row),
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
    tail = logs.verb("tail", following.tail, about="Show the newest events, then each that comes.", shows_itself=True)
    add_filters(tail, _LOG_FILTERS)
    tail.add_argument("--lines", metavar="N", type=int, default=10, help="of those there are, 10 if left out")
    following.add_interval(tail)
