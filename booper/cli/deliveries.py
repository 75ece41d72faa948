"""The commands of `booper deliveries`."""

from __future__ import annotations

from booper.cli.output import Columns
from booper.cli.parsers import Group, filters_of

_DELIVERY_COLUMNS: Columns = {
    "DELIVERY": "id",
    "JOB": "job_id",
    "EVENT": "event",
    "STATE": "state",
    "ATTEMPT": "attempt",
    "STATUS": "response_status",
    "URL": "url",
    "ERROR": "error.message",
}


_DELIVERY_FILTERS = {
    "job_id": "deliveries of this job",
    "tag": "deliveries of jobs with this tag",
    "kind": "callback or webhook",
    "state": "one or more, as in pending,failed",
}


def add_deliveries(deliveries: Group) -> None:
    deliveries.listing(
        lambda scheduler, args: scheduler.deliveries.list(**filters_of(args)),
        about="List deliveries, newest first.",
        columns=_DELIVERY_COLUMNS,
        filters=_DELIVERY_FILTERS,
    )
    deliveries.verb_on_id(
        "resend", lambda scheduler, args: scheduler.deliveries.resend(args.id), about="Send a delivery once more."
    )
    deliveries.on_many(
        "resend-many",
        lambda scheduler: scheduler.deliveries.resend_many,
        about="Send once more all deliveries that the same filters would list and that failed, or are in the --state "
        "given.",
        filters=_DELIVERY_FILTERS,
    )
