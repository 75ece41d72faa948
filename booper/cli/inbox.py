"""The commands of `booper inbox`."""

from __future__ import annotations

from booper.cli.columns import Columns, when
from booper.cli.parsers import Group, filters_of

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
    inbox.verb("clear", lambda scheduler, _: scheduler.inbox.clear(), about="Empty it.")
    inbox.verb(
        "rotate",
        lambda scheduler, _: scheduler.inbox.rotate(),
        about="Take another address; the one before takes nothing any more.",
    )
