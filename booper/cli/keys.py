"""The commands of `booper keys` and `booper signing-secret`."""

from __future__ import annotations

import argparse

from booper.cli.arguments import duration_of
from booper.cli.columns import Columns, when
from booper.cli.parsers import Group, Parser, filters_of

_KEY_COLUMNS: Columns = {
    "KEY": "id",
    "NAME": "name",
    "SCOPE": "scope",
    "HINT": "hint",
    "LAST USED": when("last_used_at"),
    "EXPIRES": when("expires_at"),
}
_SCOPES = ("read", "write", "admin")


def add_keys(keys: Group) -> None:
    keys.listing(
        lambda scheduler, args: scheduler.keys.list(**filters_of(args)),
        about="List API keys, newest first; none tells the key itself.",
        columns=_KEY_COLUMNS,
        filters={},
    )
    create = keys.verb(
        "create",
        lambda scheduler, args: scheduler.keys.create(name=args.name, scope=args.scope, expires_at=args.expires_at),
        about="Make an API key. It is told this once, as `key`.",
    )
    create.add_argument("--name", metavar="TEXT", help="for you to know it by")
    create.add_argument(
        "--scope", choices=_SCOPES, help="read: changes nothing; write: jobs and schedules, the default; admin: all"
    )
    _add_end(create)
    rotate = keys.verb_on_id(
        "rotate",
        lambda scheduler, args: scheduler.keys.rotate(args.id, overlap=args.overlap, expires_at=args.expires_at),
        about="Make an API key that takes its place. It is told this once, as `key`.",
    )
    _add_overlap(rotate)
    _add_end(rotate)
    keys.verb_on_id(
        "delete", lambda scheduler, args: scheduler.keys.delete(args.id), about="Revoke an API key, within seconds."
    )


def add_signing_secret(signing: Group) -> None:
    signing.verb(
        "show",
        lambda scheduler, _: scheduler.signing_secret.get(),
        about="Show which secrets sign, by their last four characters.",
    )
    rotate = signing.verb(
        "rotate",
        lambda scheduler, args: scheduler.signing_secret.rotate(overlap=args.overlap),
        about="Make a new signing secret. It is told this once, as `secret`.",
    )
    _add_overlap(rotate)


def _add_overlap(parser: Parser) -> None:
    parser.add_argument(
        "--overlap",
        metavar="DURATION",
        type=duration_of,
        help="for how long what it replaces goes on: a day if left out; 0 ends it at once",
    )


def _add_end(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--expires-at", metavar="TIME", help="until when it is good; as in 2027-01-01T00:00:00Z")
