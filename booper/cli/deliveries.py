"""The commands of `booper deliveries`."""

from __future__ import annotations

from booper.cli.columns import Columns, error, when
from booper.cli.parsers import Group, filters_of

_DELIVERY_COLUMNS: Columns = {
    "DELIVERY": "id",
    "STATE": "state",
    "JOB": "job_id",
    "EVENT": "event",
    "ATTEMPT": "attempt",
    "URL": "url",
    "STATUS": "response_status",
    "NEXT": when("next_attempt_at"),
    "ERROR": error,
}


_DELIVERY_FILTERS = {
    "job_id": "deliveries of this job",
    "tag": "deliveries of jobs with this tag",
    "kind": "callback, webhook or alert",
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
        "get", lambda scheduler, args: scheduler.deliveries.get(args.id), about="Show a delivery, with its body."
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
