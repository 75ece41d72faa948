"""The commands of `booper inbox`."""

from __future__ import annotations

import argparse

from booper.cli.columns import Columns, when
from booper.cli.output import Report
from booper.cli.parsers import Group, filters_of
from booper.client import Scheduler

_INBOX_COLUMNS: Columns = {
    "REQUEST": "id",
    "AT": when("inserted_at"),
    "METHOD": "method",
    "PATH": "path",
    "FROM": "address",
    "BODY": "body",
}


def add_inbox(inbox: Group) -> None:
    inbox.listing(
        lambda scheduler, args: scheduler.inbox.list(**filters_of(args)),
        about="List what arrived in your inbox within a day, newest first.",
        columns=_INBOX_COLUMNS,
        filters={},
    )
    inbox.verb_on_id("get", lambda scheduler, args: scheduler.inbox.get(args.id), about="Show a request that arrived.")
    inbox.verb("address", _address, about="Print its address, which takes any request.")
    inbox.verb("clear", lambda scheduler, _: scheduler.inbox.clear(), about="Empty it.")
    inbox.verb(
        "rotate",
        lambda scheduler, _: scheduler.inbox.rotate(),
        about="Take another address; the one before takes nothing any more.",
    )


def _address(scheduler: Scheduler, args: argparse.Namespace) -> Report:
    """A bare line, so that a shell can put it into a command: `"$(booper inbox address)"`."""
    found = scheduler.inbox.address()
    return Report(found, found["address"], is_text=getattr(args, "output", None) != "json")
