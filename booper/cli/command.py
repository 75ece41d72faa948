"""One run of the `booper` command: its parser, the call, and what becomes of an error."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence

from booper import __version__
from booper.cli.apply import add_apply
from booper.cli.as_code.files import BadFiles
from booper.cli.as_code.writing import Stopped
from booper.cli.calendars import add_calendars
from booper.cli.deliveries import add_deliveries
from booper.cli.exits import API_ERROR, BROKEN_PIPE, INTERRUPTED, NO_CONNECTION, OK, USAGE, Misuse, complain
from booper.cli.export import add_export
from booper.cli.imports import add_import
from booper.cli.jobs import add_jobs
from booper.cli.logs import add_logs
from booper.cli.mcp import add_mcp
from booper.cli.output import Report, show
from booper.cli.parsers import Group, Parser
from booper.cli.queues import add_queues
from booper.cli.run import add_preview, add_run
from booper.cli.schedules import add_schedules
from booper.cli.spreading import spread
from booper.client import (
    API_KEY_VARIABLE,
    API_URL_VARIABLE,
    DEFAULT_API_URL,
    APIError,
    BooperError,
    ConnectionFailed,
    InvalidCall,
    RateLimited,
    Scheduler,
    Unauthorized,
)

_EXAMPLES = f"""\
examples:
  booper run POST https://example.com/hook --data message=Hello --in '30 seconds'
  booper run GET https://example.com/report --cron '0 9 * * 1-5' --timezone Europe/Berlin
  booper jobs list --state scheduled,retryable
  booper logs list --job-id 73496
  booper apply schedules.yaml

environment:
  {API_KEY_VARIABLE}  the key; better than --api-key, which other users of this machine can see
  {API_URL_VARIABLE}  the server, {DEFAULT_API_URL} by default

exit codes: 0 done, 1 the server refused, 2 wrong usage, 3 no connection,
  4 apply --dry-run: something would change, 130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Reports on stderr what went wrong, never as a traceback."""
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has enough. Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _run(argv: Sequence[str]) -> int:
    try:
        args = build_parser().parse_args(spread(argv))
    except SystemExit as stop:  # how argparse ends: after --help, and after reporting a mistake
        return stop.code if isinstance(stop.code, int) else OK
    try:
        with Scheduler(getattr(args, "api_key", None), base_url=getattr(args, "api_url", None)) as scheduler:
            answer = args.handler(scheduler, args)
        show(answer, output=getattr(args, "output", None), columns=args.columns)
        sys.stdout.flush()
        if isinstance(answer, Report):
            return answer.code
        if refused := sum(1 for item in answer if "job_id" not in item) if args.may_be_refused_in_part else 0:
            return complain([f"{refused} of {len(answer)} were refused, the others are taken"], code=API_ERROR)
    except (InvalidCall, Misuse) as error:
        return complain([str(error)], code=USAGE)
    except BadFiles as error:
        return complain(error.lines, code=USAGE)
    except Stopped as stop:
        return _failed(stop.error, before=[str(stop)])
    except BooperError as error:
        return _failed(error)
    return OK


def _failed(error: BooperError, *, before: Sequence[str] = ()) -> int:
    if isinstance(error, APIError):
        return complain([*before, *_explained(error)], code=API_ERROR)
    return complain([*before, str(error)], code=NO_CONNECTION if isinstance(error, ConnectionFailed) else USAGE)


def _explained(error: APIError) -> Iterable[str]:
    """The lines about a refusal: what, then one for each bad field, then what to do."""
    yield str(error)
    fields = [
        f"{str(each.get('pointer', '')).lstrip('/') or 'request'}: {each.get('detail', 'is not accepted')}"
        for each in error.errors
    ]
    if len(fields) != 1 or fields[0] != error.detail:
        yield from (f"  {field}" for field in fields)
    if isinstance(error, Unauthorized):
        yield f"  set {API_KEY_VARIABLE} or pass --api-key; `manage.py create_api_key EMAIL` on the server makes a key"
    if isinstance(error, RateLimited) and error.retry_after is not None:
        yield f"  try again in {error.retry_after:g} s"


def build_parser() -> argparse.ArgumentParser:
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--output", choices=["table", "json"], help="table on a terminal, json elsewhere")
    common.add_argument("--api-url", metavar="URL", help=f"the server; {API_URL_VARIABLE} by default")
    common.add_argument("--api-key", metavar="KEY", help=f"the key; {API_KEY_VARIABLE} by default")
    parser = Parser(
        prog="booper",
        description="Schedule HTTP requests, and see what became of them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"booper {__version__}")
    commands = Group(parser, common=common)
    add_run(commands)
    add_apply(commands)
    add_export(commands)
    add_import(commands.noun("import", about="Turn what other schedulers have into files for booper apply."))
    add_jobs(commands.noun("jobs", about="See, cancel, run and retry jobs."))
    add_schedules(commands.noun("schedules", about="See, pause, resume and delete recurring schedules."))
    add_calendars(commands.noun("calendars", about="See, make and delete the days that schedules keep."))
    add_logs(commands.noun("logs", about="See what happened."))
    add_queues(commands.noun("queues", about="See, limit, pause and resume queues."))
    add_deliveries(commands.noun("deliveries", about="See and resend callbacks and webhooks."))
    add_preview(commands)
    add_mcp(commands)
    commands.verb("ping", lambda scheduler, _: scheduler.ping(), about="Ask whether the server is up; needs no key.")
    return parser
