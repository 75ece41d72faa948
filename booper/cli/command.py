"""One run of the `booper` command: its parser, the call, and what becomes of an error."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from booper import __version__
from booper.cli.alerts import add_alerts
from booper.cli.apply import add_apply
from booper.cli.as_code.files import BadFiles
from booper.cli.as_code.writing import Stopped
from booper.cli.calendars import add_calendars
from booper.cli.columns import Columns, when
from booper.cli.completion import add_completion
from booper.cli.deliveries import add_deliveries
from booper.cli.exits import (
    API_ERROR,
    BROKEN_PIPE,
    INTERRUPTED,
    NO_CONNECTION,
    OK,
    USAGE,
    Ended,
    Failed,
    Misuse,
    complain,
)
from booper.cli.export import add_export
from booper.cli.imports import add_import
from booper.cli.inbox import add_inbox
from booper.cli.jobs import add_jobs
from booper.cli.keys import add_keys, add_signing_secret
from booper.cli.listening import add_listen
from booper.cli.logs import add_logs
from booper.cli.mcp import add_mcp
from booper.cli.output import Report, show
from booper.cli.parsers import Group, Parser
from booper.cli.profiles import PROFILE_VARIABLE, add_login, scheduler_of
from booper.cli.queues import add_queues
from booper.cli.receivers import add_receivers
from booper.cli.run import add_preview, add_run
from booper.cli.schedules import add_schedules
from booper.cli.secrets import add_secrets
from booper.cli.spreading import spread
from booper.cli.waiting import shown_while
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
from booper.client.errors import NoKey

_EXAMPLES = f"""\
examples:
  booper run POST https://example.com/hook --data message=Hello --in 30s
  booper run GET https://example.com/report --cron '0 9 * * 1-5' --timezone Europe/Berlin
  booper jobs list --state scheduled,retryable
  booper logs list --job-id 73496
  booper apply schedules.yaml

environment:
  {API_KEY_VARIABLE}  the key; better than --api-key, which other users of this machine can see
  {API_URL_VARIABLE}  the server, {DEFAULT_API_URL} by default

exit codes: 0 done, 1 the server refused, 2 wrong usage, 3 no connection, 130 interrupted;
  4 apply --dry-run: something would change; of jobs watch 5 discarded, 6 cancelled
"""

_LIMIT_COLUMNS: Columns = {"LIMIT": "name", "ALLOWED": "allowed", "USED": "used", "RESETS": when("resets_at")}


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
        with scheduler_of(args) as scheduler:
            answer = _answer(scheduler, args)
        if not args.shows_itself:
            show(answer, output=getattr(args, "output", None), columns=args.columns, render=args.render)
        sys.stdout.flush()
        if isinstance(answer, Report):
            return answer.code
        if refused := sum(1 for item in answer if "job_id" not in item) if args.may_be_refused_in_part else 0:
            return complain([f"{refused} of {len(answer)} were refused, the others are taken"], code=API_ERROR)
    except Ended as ended:
        sys.stdout.flush()
        return ended.code
    except (InvalidCall, Misuse) as error:
        hint = ", or have `booper login` keep one" if isinstance(error, NoKey) else ""
        return complain([f"{error}{hint}"], code=USAGE)
    except (BadFiles, Failed) as error:
        return complain(error.lines, code=USAGE if isinstance(error, BadFiles) else API_ERROR)
    except Stopped as stop:
        return _failed(stop.error, before=[str(stop)])
    except BooperError as error:
        return _failed(error)
    return OK


def _failed(error: BooperError, *, before: Sequence[str] = ()) -> int:
    if isinstance(error, APIError):
        return complain([*before, *_explained(error)], code=API_ERROR)
    return complain([*before, str(error)], code=NO_CONNECTION if isinstance(error, ConnectionFailed) else USAGE)


def _versions(scheduler: Scheduler, _: argparse.Namespace) -> Any:
    server = scheduler.version()
    return {"command": __version__, "server": server["version"], "api": server["api"]}


def _answer(scheduler: Scheduler, args: argparse.Namespace) -> Any:
    if args.shows_itself:
        return args.handler(scheduler, args)
    with shown_while("waiting for the server"):
        return args.handler(scheduler, args)


def _explained(error: APIError) -> list[str]:
    """A line about a refusal: what, with the field if it is one, and what to do; a line more for each of several."""
    fields = [
        f"{str(each.get('pointer', '')).lstrip('/') or 'request'}: {each.get('detail', 'is not accepted')}"
        for each in error.errors
    ]
    said = [str(error)]
    if len(fields) == 1 and fields[0] not in said[0]:
        said.append(fields[0])
    if isinstance(error, Unauthorized):
        said.append(f"set {API_KEY_VARIABLE} or `booper login`; `manage.py create_api_key EMAIL` makes a key")
    if isinstance(error, RateLimited) and error.retry_after is not None:
        said.append(f"try again in {error.retry_after:g} s")
    return ["; ".join(said), *(f"  {field}" for field in fields if len(fields) > 1)]


def build_parser() -> argparse.ArgumentParser:
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--output", choices=["table", "json"], help="table on a terminal, json elsewhere")
    common.add_argument("--api-url", metavar="URL", help=f"the server; {API_URL_VARIABLE} by default")
    common.add_argument("--profile", metavar="NAME", help=f"what `booper login` keeps; {PROFILE_VARIABLE} by default")
    common.add_argument("--api-key", metavar="KEY", help=f"the key; {API_KEY_VARIABLE} by default")
    parser = Parser(
        prog="booper",
        description="Schedule HTTP requests, and see what became of them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"booper {__version__}")
    _add_commands(Group(parser, common=common), parser)
    return parser


def _add_commands(commands: Group, parser: Parser) -> None:
    add_run(commands)
    add_apply(commands)
    add_export(commands)
    add_import(commands.noun("import", about="Turn what other schedulers have into files for booper apply."))
    add_jobs(commands.noun("jobs", about="See, cancel, run and retry jobs."))
    add_schedules(commands.noun("schedules", about="See, pause, resume and delete recurring schedules."))
    add_calendars(commands.noun("calendars", about="See, make and delete the days that schedules keep."))
    add_alerts(commands.noun("alerts", about="See, make, try and delete what tells you when something goes wrong."))
    add_logs(commands.noun("logs", about="See what happened."))
    add_queues(commands.noun("queues", about="See, limit, pause and resume queues."))
    add_deliveries(commands.noun("deliveries", about="See and resend callbacks and webhooks."))
    add_receivers(commands.noun("receivers", about="See who failed to receive them, and switch one on again."))
    add_inbox(commands.noun("inbox", about="See what arrived at an address of your own."))
    add_secrets(commands.noun("secrets", about="Set and delete the values that jobs refer to by name."))
    add_keys(commands.noun("keys", about="Make, replace and revoke API keys."))
    add_signing_secret(commands.noun("signing-secret", about="See and replace what requests are signed with."))
    commands.verb(
        "limits",
        lambda scheduler, _: scheduler.limits.list(),
        about="Show what you may have, and how much of it is used.",
        columns=_LIMIT_COLUMNS,
    )
    add_preview(commands)
    add_mcp(commands)
    commands.verb("ping", lambda scheduler, _: scheduler.ping(), about="Ask whether the server is up; needs no key.")
    commands.verb("version", _versions, about="Show the versions of the command and of the server; needs no key.")
    add_login(commands)
    add_listen(commands)
    add_completion(commands, parser)
