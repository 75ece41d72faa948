"""The commands of `booper receivers`."""

from __future__ import annotations

from booper.cli.columns import Columns, error, when
from booper.cli.parsers import Group, filters_of

_RECEIVER_COLUMNS: Columns = {
    "RECEIVER": "id",
    "ORIGIN": "origin",
    "STATE": "state",
    "FAILING SINCE": when("failing_since"),
    "STATUS": "response_status",
    "ERROR": error,
}


def add_receivers(receivers: Group) -> None:
    receivers.listing(
        lambda scheduler, args: scheduler.receivers.list(**filters_of(args)),
        about="List receivers of callbacks and webhooks that failed lately.",
        columns=_RECEIVER_COLUMNS,
        filters={},
    )
    receivers.verb_on_id(
        "get", lambda scheduler, args: scheduler.receivers.get(args.id), about="Show a receiver that failed."
    )
    receivers.verb_on_id(
        "enable",
        lambda scheduler, args: scheduler.receivers.enable(args.id),
        about="Switch a receiver on again that was switched off as nothing reached it.",
    )
