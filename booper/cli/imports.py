"""The command `booper import crontab`: the lines of a crontab as a file for `booper apply`, or applied at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from booper.cli.apply import carried_out, showing
from booper.cli.as_code import crontab, yaml_writer
from booper.cli.as_code.crontab import Noted, Outcome, Refused, Taken
from booper.cli.as_code.files import File
from booper.cli.as_code.places import Content
from booper.cli.documents import shortened
from booper.cli.exits import API_ERROR, OK, Misuse, complain
from booper.cli.output import Report, wants_json
from booper.cli.parsers import Group
from booper.client import Json, Scheduler

_LARGEST_BYTES = 1024 * 1024
_EPILOG = """\
Lines of curl and wget become requests. Cron runs commands and Booper makes
requests, so other lines are refused, unless --url names an address that runs
them: it is sent {"command": ...}, and may have {name}, {line} and {user} in it.

What is refused is said on stderr, line by line; the file has the other lines.

exit codes: 0 all lines were taken, 1 some were refused, 2 wrong usage
"""


def add_import(imports: Group) -> None:
    parser = imports.verb(
        "crontab", showing(import_crontab), about="Turn a crontab into a file for booper apply.", shows_itself=True
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("file", metavar="FILE", help="a crontab, as crontab -l prints it; - for stdin")
    parser.add_argument("--user-column", action="store_true", help="its lines name a user, as in /etc/crontab")
    parser.add_argument("--url", metavar="TEMPLATE", help="where lines go that are no requests themselves")
    parser.add_argument("--timezone", metavar="ZONE", help="of the lines that no CRON_TZ is above; UTC by default")
    parser.add_argument("--prefix", metavar="TEXT", default="", help="what their keys begin with")
    parser.add_argument("--managed-by", metavar="TEXT", help="what looks after them")
    parser.add_argument("--yes", action="store_true", help="apply it, if no line is refused")
    parser.set_defaults(prune=False, dry_run=False)


def import_crontab(scheduler: Scheduler, args: argparse.Namespace) -> Report:
    options = crontab.Options(args.timezone, has_user=args.user_column, url=args.url, prefix=args.prefix)
    outcomes = [*crontab.read(_text_of(args.file), options)]
    refused = _said(outcomes)
    taken = [each for each in outcomes if isinstance(each, Taken)]
    frame: Json = {} if args.managed_by is None else {"managed_by": args.managed_by}
    content = {**frame, "schedules": {each.key: each.fields for each in taken}}
    if args.yes:
        if refused:
            raise Misuse(
                "--yes: lines were refused, and nothing was changed; mend them, or apply what is printed without"
            )
        return carried_out(scheduler, [File(args.file, Content(content))], args)
    code = API_ERROR if refused else OK
    if getattr(args, "output", None) is not None and wants_json(args.output):
        return Report(content, "", code=code)
    notes = {each.key: f"line {each.line}: {shortened(each.text)}" for each in taken}
    return Report(None, yaml_writer.file(content, notes=notes).rstrip("\n"), code=code, is_text=True)


def _said(outcomes: Sequence[Outcome]) -> int:
    """Says on stderr what was refused and what is not as it was, and how many lines were refused."""
    lines = []
    for each in outcomes:
        if isinstance(each, Refused):
            lines += [f"line {each.line} is refused: {each.reason}", f"    {shortened(each.text)}"]
        elif isinstance(each, Noted):
            lines.append(f"line {each.line}: {each.note}")
        else:
            lines += [f"line {each.line}: {note}" for note in each.notes]
    refused = sum(isinstance(each, Refused) for each in outcomes)
    taken = sum(isinstance(each, Taken) for each in outcomes)
    if any(isinstance(each, Taken) and "timezone" not in each.fields for each in outcomes):
        lines.append("times with no CRON_TZ above are taken for UTC; --timezone says another zone")
    if any(isinstance(each, Refused) and "--url" in each.reason for each in outcomes):
        lines.append("--url 'https://…/{name}' sends the commands that are no requests to an address of yours")
    complain([f"{taken} lines taken, {refused} refused", *lines], code=OK)
    return refused


def _text_of(name: str) -> str:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_LARGEST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise Misuse(f"FILE: {name!r} can't be read: {error.strerror}") from error
    if len(content) > _LARGEST_BYTES:
        raise Misuse(f"FILE: {name!r} has more than {_LARGEST_BYTES} bytes, and no crontab has that")
    return content.decode("utf-8", "replace")
