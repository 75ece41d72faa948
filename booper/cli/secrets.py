"""The commands of `booper secrets`; a value comes by stdin or a prompt, as others can see a command's arguments."""

from __future__ import annotations

import argparse
import getpass
import sys

from booper.cli.columns import Columns, length, listed, when
from booper.cli.exits import Misuse
from booper.cli.parsers import Group, filters_of
from booper.client import Scheduler, Secret

_SECRET_COLUMNS: Columns = {
    "SECRET": "name",
    "HOSTS": listed("hosts"),
    "UPDATED": when("updated_at"),
    "SCHEDULES": length("used_by.schedules"),
    "JOBS": length("used_by.jobs"),
}


def add_secrets(secrets: Group) -> None:
    secrets.listing(
        lambda scheduler, args: scheduler.secrets.list(**filters_of(args)),
        about="List secrets and what uses them; never a value.",
        columns=_SECRET_COLUMNS,
        filters={},
    )
    put = secrets.verb_on_id(
        "set",
        _set_secret,
        about="Set a secret to what is on stdin, or is typed at the prompt.",
        metavar="NAME",
    )
    put.add_argument(
        "--host", metavar="HOST", action="append", dest="hosts", help="the only one it may be sent to; may come again"
    )
    put.add_argument("--value", metavar="TEXT", help="the value itself, which other users of this machine can see")
    secrets.verb_on_id(
        "delete",
        lambda scheduler, args: scheduler.secrets.delete(args.id),
        about="Delete a secret; what refers to it fails from then on.",
        metavar="NAME",
    )


def _set_secret(scheduler: Scheduler, args: argparse.Namespace) -> Secret:
    value = _asked_for(args.id) if args.value is None else args.value
    if not value:
        raise Misuse("value: there is none; write it on stdin, or type it at the prompt")
    return scheduler.secrets.set(args.id, value, hosts=args.hosts)


def _asked_for(name: str) -> str:
    """The value, without the end of the line that a file or `echo` leaves behind it."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    try:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise Misuse("value: what is on stdin is not in UTF-8") from error
