"""The command `booper export`: what is there, as a file that `booper apply` leaves alone."""

from __future__ import annotations

import argparse
import json

from booper.cli.as_code import listing, yaml_writer
from booper.cli.exits import OK, complain
from booper.cli.output import Report, wants_json
from booper.cli.parsers import Group
from booper.client import Scheduler


def add_export(commands: Group) -> None:
    parser = commands.verb(
        "export",
        export,
        about="Write schedules, queues, calendars and alerts as a file that booper apply reads; YAML, or JSON.",
    )
    parser.add_argument(
        "--managed-by",
        metavar="TEXT",
        help="only the schedules that this looks after ('' for nothing), and the queues and calendars that they name; "
        "no alerts",
    )


def export(scheduler: Scheduler, args: argparse.Namespace) -> Report:
    """YAML on a terminal and elsewhere, JSON where --output json asks for it."""
    found = listing.of(scheduler, managed_by=args.managed_by)
    if found.keyless:
        those = "schedule has" if found.keyless == 1 else "schedules have"
        complain(
            [f"{found.keyless} {those} no key and no place in a file: booper schedules put KEY makes one"], code=OK
        )
    if not found.has_alerts:
        complain(["alerts are left out: a key of the scope admin reads them"], code=OK)
    if getattr(args, "output", None) is not None and wants_json(args.output):
        return Report(found.content, json.dumps(found.content, indent=2))
    schema = f"yaml-language-server: $schema={scheduler.base_url}/api/apply-schema.json"
    text = yaml_writer.file(found.content, heading=[schema])
    return Report(None, text.rstrip("\n"), is_text=True)
