"""The command `booper apply`: schedules, queues, calendars and alerts as files say."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from booper.cli.as_code import checking, files, plan, wording, writing
from booper.cli.as_code.plan import Step
from booper.cli.exits import DIFFERENT, INTERRUPTED, Misuse
from booper.cli.output import Report, printable_lines, show, wants_json
from booper.cli.parsers import Group, Handler
from booper.client import Scheduler

_ABOUT = "Make schedules, queues, calendars and alerts what files say: show what would change, ask, and do it."
_EPILOG = f"""\
A file is YAML, or JSON where its name ends in .json:

  managed_by: ops
  schedules:
    daily-report:
      url: https://example.com/report
      cron: "0 9 * * MON-FRI"
      timezone: Europe/London

What is there as the file has it is left alone, and so is a schedule's being
disabled. Nothing is written unless the server would take all of it.

exit codes: 0 done, or nothing to do; {DIFFERENT} with --dry-run: something would change;
2 a bad file, nothing was changed; 1 and 3 the server refused, no connection
"""


def add_apply(commands: Group) -> None:
    parser = commands.verb("apply", showing(apply), about=_ABOUT, shows_itself=True)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="files, folders of .yaml, .yml and .json, or - for stdin"
    )
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--dry-run", action="store_true", help=f"only show it; exit code {DIFFERENT} if there is any")
    parser.add_argument(
        "--prune",
        action="store_true",
        help="delete the schedules whose managed_by is a file's and that are in none of the files; all else stays",
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of a file, for editors")


def showing(handler: Callable[[Scheduler, argparse.Namespace], Report]) -> Handler:
    """A handler that asks on the way: nothing else may be written on the terminal meanwhile."""

    def shown(scheduler: Scheduler, args: argparse.Namespace) -> Report:
        report = handler(scheduler, args)
        show(report, output=getattr(args, "output", None), columns=None)
        return report

    return shown


def apply(scheduler: Scheduler, args: argparse.Namespace) -> Report:
    if args.schema:
        return Report(schema := scheduler.apply_schema(), json.dumps(schema, indent=2))
    if not args.files:
        raise Misuse("FILE: none given; name files or folders, or - for stdin")
    if files.STDIN in args.files and not (args.yes or args.dry_run):
        raise Misuse("FILE: stdin holds the file, so nobody can be asked there; add --yes, or --dry-run to look first")
    return carried_out(scheduler, files.read(args.files), args)


def carried_out(scheduler: Scheduler, read: list[files.File], args: argparse.Namespace) -> Report:
    """Shows what there is to do about the files, asks unless it is told not to, and does it."""
    if args.prune and not any(file.managed_by for file in read):
        raise Misuse("--prune: no file has managed_by, which says what it looks after")
    steps = plan.of(read, checking.check(scheduler, read), scheduler=scheduler, prunes=args.prune)
    is_pending = any(step.is_writing for step in steps)
    text = printable_lines(wording.text_of(steps))
    if args.dry_run or not is_pending:
        code = DIFFERENT if is_pending else 0
        return Report(wording.json_of(steps, is_applied=False), text, code=code)
    as_json = wants_json(getattr(args, "output", None))
    print(text, file=sys.stderr if as_json else sys.stdout, flush=True)
    if not (args.yes or _agreed(steps)):
        return Report(wording.json_of(steps, is_applied=False), "Nothing was changed.", code=INTERRUPTED)
    writing.write(scheduler, steps)
    return Report(wording.json_of(steps, is_applied=True), wording.done(steps))


def _agreed(steps: list[Step]) -> bool:
    if not sys.stdin.isatty():
        raise Misuse("there is nobody to ask here, and nothing was changed; add --yes to do it")
    count = sum(step.is_writing for step in steps)
    print(f"Do {'this' if count == 1 else f'these {count}'}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
