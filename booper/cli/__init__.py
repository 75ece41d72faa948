"""The `booper` command: the SDK for a shell, with tables for people, JSON for programs and an exit code for both."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from booper import __version__
from booper.client import (
    API_KEY_VARIABLE,
    API_URL_VARIABLE,
    DEFAULT_API_URL,
    APIError,
    ConnectionFailed,
    InvalidCall,
    Json,
    RateLimited,
    Scheduler,
    Unauthorized,
)
from booper.timing import durations

OK, API_ERROR, USAGE, NO_CONNECTION = 0, 1, 2, 3
INTERRUPTED, BROKEN_PIPE = 130, 141  # 128 + the signal, as a shell reports it

METHODS = ("get", "post", "put", "patch", "delete")

_EXAMPLES = f"""\
examples:
  booper run POST https://example.com/hook --data message=Hello --in '30 seconds'
  booper run GET https://example.com/report --cron '0 9 * * 1-5' --timezone Europe/Berlin
  booper jobs list --state scheduled,retryable
  booper logs list --job-id 73496

environment:
  {API_KEY_VARIABLE}  the key; better than --api-key, which other users of this machine can see
  {API_URL_VARIABLE}  the server, {DEFAULT_API_URL} by default

exit codes: 0 done, 1 the server refused, 2 wrong usage, 3 no connection, 130 interrupted
"""

Handler = Callable[[Scheduler, argparse.Namespace], Any]
Columns = Mapping[str, str]
"""Heading -> where its value is in a row, `job.state` for a nested one."""

_JOB_COLUMNS: Columns = {
    "JOB": "job_id",
    "STATE": "job.state",
    "SCHEDULED AT": "job.scheduled_at",
    "NAME": "name",
    "METHOD": "args.method",
    "URL": "args.url",
}
_SCHEDULE_COLUMNS: Columns = {
    "SCHEDULE": "id",
    "FREQUENCY": "frequency",
    "NEXT RUN": "next_run_at",
    "DISABLED AT": "disabled_at",
    "NAME": "name",
    "METHOD": "args.method",
    "URL": "args.url",
}
_MANY_COLUMNS: Columns = {**_JOB_COLUMNS, "REFUSED": "error.detail"}
_QUEUE_COLUMNS: Columns = {
    "QUEUE": "name",
    "CONCURRENCY": "concurrency",
    "RATE": "rate",
    "PAUSED": "paused",
    "WAITING": "waiting",
    "RUNNING": "running",
}
_LOG_COLUMNS: Columns = {
    "LOG": "id",
    "AT": "inserted_at",
    "JOB": "job_id",
    "EVENT": "event",
    "URL": "payload.url",
}

_DELIVERY_COLUMNS: Columns = {
    "DELIVERY": "id",
    "JOB": "job_id",
    "EVENT": "event",
    "STATE": "state",
    "ATTEMPT": "attempt",
    "STATUS": "response_status",
    "URL": "url",
    "ERROR": "error.message",
}

_PAGE_FILTERS = {
    "limit": "rows in the page: 10, at most 100",
    "offset": "rows to skip",
    "order_by": "a field and asc or desc, as in inserted_at,asc; newest first by default",
}
_JOB_FILTERS = {
    "state": "one or more, as in scheduled,retryable",
    "schedule_id": "jobs of this schedule",
    "url": "jobs with this URL",
    "name": "jobs with this name",
    "inserted_after": "a time",
    "inserted_before": "a time",
}
_LOG_FILTERS = {"job_id": "events of this job", "event": "one kind, as in job.error"}


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
        _show(answer, output=getattr(args, "output", None), columns=args.columns)
        sys.stdout.flush()
        if refused := sum(1 for item in answer if "job_id" not in item) if args.may_be_refused_in_part else 0:
            return _complain([f"{refused} of {len(answer)} were refused, the others are taken"], code=API_ERROR)
    except (InvalidCall, _Misuse) as error:
        return _complain([str(error)], code=USAGE)
    except ConnectionFailed as error:
        return _complain([str(error)], code=NO_CONNECTION)
    except APIError as error:
        return _complain(_explained(error), code=API_ERROR)
    return OK


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


def _complain(lines: Iterable[str], *, code: int) -> int:
    print("booper: " + "\n".join(_printable(line) for line in lines), file=sys.stderr)
    return code


# The commands


class _Misuse(Exception):
    """A mistake in the arguments that only shows when they are put together."""


class _Parser(argparse.ArgumentParser):
    """argparse that reports a mistake in two lines, and takes no abbreviation that a later option could break."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


class _Group:
    """The verbs of one noun: `booper jobs …`, or of none."""

    def __init__(self, parser: _Parser, *, common: _Parser) -> None:
        self._common = common
        self._verbs = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def noun(self, name: str, *, about: str) -> _Group:
        parser = self._verbs.add_parser(name, help=about, description=about, parents=[self._common])
        return _Group(parser, common=self._common)

    def verb(self, name: str, handler: Handler, *, about: str, columns: Columns | None = None) -> _Parser:
        parser: _Parser = self._verbs.add_parser(name, help=about, description=about, parents=[self._common])
        parser.set_defaults(handler=handler, columns=columns, may_be_refused_in_part=False)
        return parser

    def verb_on_id(self, name: str, handler: Handler, *, about: str, metavar: str = "ID") -> _Parser:
        parser = self.verb(name, handler, about=about)
        parser.add_argument("id", metavar=metavar)
        return parser

    def listing(self, handler: Handler, *, about: str, columns: Columns | None, filters: Mapping[str, str]) -> None:
        parser = self.verb("list", handler, about=about, columns=columns)
        offered = {**filters, **_PAGE_FILTERS}
        _add_filters(parser, offered)


def build_parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--output", choices=["table", "json"], help="table on a terminal, json elsewhere")
    common.add_argument("--api-url", metavar="URL", help=f"the server; {API_URL_VARIABLE} by default")
    common.add_argument("--api-key", metavar="KEY", help=f"the key; {API_KEY_VARIABLE} by default")
    parser = _Parser(
        prog="booper",
        description="Schedule HTTP requests, and see what became of them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"booper {__version__}")
    commands = _Group(parser, common=common)
    _add_run(commands)
    _add_jobs(commands.noun("jobs", about="See, cancel, run and retry jobs."))
    _add_schedules(commands.noun("schedules", about="See, pause, resume and delete recurring schedules."))
    _add_logs(commands.noun("logs", about="See what happened."))
    _add_queues(commands.noun("queues", about="See, limit, pause and resume queues."))
    _add_deliveries(commands.noun("deliveries", about="See and resend callbacks and webhooks."))
    preview = commands.verb("preview", _preview, about="Show the next runs of a would-be schedule; create nothing.")
    _add_timing(preview)
    _add_field(preview)
    commands.verb("ping", lambda scheduler, _: scheduler.ping(), about="Ask whether the server is up; needs no key.")
    return parser


def _add_run(commands: _Group) -> None:
    run = commands.verb("run", _create, about="Schedule a request: once, later, or again and again.")
    run.add_argument("method", metavar="METHOD", type=str.lower, choices=METHODS, help=", ".join(METHODS))
    run.add_argument("url", metavar="URL")
    body = run.add_argument_group("request").add_mutually_exclusive_group()
    body.add_argument(
        "--data",
        metavar="KEY=VALUE",
        action="append",
        type=_item_or_document,
        help='a field of the JSON body. min=200 is the string "200" and min:=200 the number: := takes JSON. key[sub]= '
        "and key[]= nest; or the whole body from @file.json or - (stdin)",
    )
    body.add_argument("--json", metavar="JSON", type=_document, help="the whole body; @file.json and - work too")
    run.add_argument("--header", metavar="'NAME: VALUE'", action="append", type=_header, default=[])
    run.add_argument("--query", metavar="KEY=VALUE", action="append", type=_item, help="as --data, for the query")
    _add_timing(run)
    for name in _TEXT_FIELDS:
        run.add_argument(_flag(name), metavar="TEXT")
    run.add_argument("--timeout", metavar="SECONDS", type=_number, help="how long the target may take: 1 to 900, or 30")
    run.add_argument("--max-attempts", metavar="N", type=int, help="1 to 100, or 5")
    _add_field(run)


_TEXT_FIELDS = ("name", "description", "idempotency_key", "callback_url", "webhook_url", "queue")
_TIMING_FIELDS = ("schedule_in", "scheduled_at", "repeat_every", "cron", "timezone")


def _add_timing(parser: _Parser) -> None:
    group = parser.add_argument_group("timing")
    start = group.add_mutually_exclusive_group()
    start.add_argument("--in", dest="schedule_in", metavar="DURATION", type=_duration, help="as in '30 seconds'")
    start.add_argument("--at", dest="scheduled_at", metavar="TIME", help="as in 2026-12-01T09:00:00Z")
    again = group.add_mutually_exclusive_group()
    again.add_argument("--every", dest="repeat_every", metavar="DURATION", type=_duration, help="as in '5 minutes'")
    again.add_argument("--cron", metavar="CRON", help="five fields, as in '0 9 * * 1-5'")
    group.add_argument("--timezone", metavar="ZONE", help="for --cron, and for an --at without an offset; or UTC")


def _add_field(parser: _Parser) -> None:
    parser.add_argument(
        "--field",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=_item,
        help="any other field of the API, as in max_runs:=3",
    )


def _add_jobs(jobs: _Group) -> None:
    jobs.listing(
        lambda scheduler, args: scheduler.jobs.list(**_filters(args)),
        about="List jobs, newest first.",
        columns=_JOB_COLUMNS,
        filters=_JOB_FILTERS,
    )
    jobs.verb_on_id("get", lambda scheduler, args: scheduler.jobs.get(args.id), about="Show a job.")
    cancel = jobs.verb_on_id(
        "cancel",
        lambda scheduler, args: scheduler.jobs.cancel(args.id, scope=args.scope),
        about="Cancel a job; the upcoming job of a schedule ends the schedule.",
    )
    cancel.add_argument("--scope", choices=["run"], help="run: skip this run and keep the schedule")
    cancel_many = jobs.verb("cancel-many", _cancel_many, about="Cancel all jobs that the same filters would list.")
    cancel_many.add_argument("--all", action="store_true", help="every job that has not ended, if there is no filter")
    _add_filters(cancel_many, _JOB_FILTERS)
    create_many = jobs.verb(
        "create-many",
        lambda scheduler, args: scheduler.jobs.create_many(args.jobs),
        about="Schedule up to 1,000 requests, each taken or refused.",
        columns=_MANY_COLUMNS,
    )
    create_many.add_argument("jobs", metavar="FILE", type=_jobs, help="a JSON list, or an object a line; - for stdin")
    create_many.set_defaults(may_be_refused_in_part=True)
    jobs.verb_on_id("run", lambda scheduler, args: scheduler.jobs.run(args.id), about="Run a waiting job now.")
    jobs.verb_on_id(
        "retry", lambda scheduler, args: scheduler.jobs.retry(args.id), about="Run a job once more that has ended."
    )
    jobs.verb_on_id(
        "timeline",
        lambda scheduler, args: scheduler.jobs.timeline(args.id),
        about="Show what became of a job, in order.",
    )


def _add_schedules(schedules: _Group) -> None:
    schedules.listing(
        lambda scheduler, args: scheduler.schedules.list(**_filters(args)),
        about="List schedules, newest first.",
        columns=_SCHEDULE_COLUMNS,
        filters={},
    )
    schedules.verb_on_id("get", lambda scheduler, args: scheduler.schedules.get(args.id), about="Show a schedule.")
    schedules.verb_on_id("enable", lambda scheduler, args: scheduler.schedules.enable(args.id), about="Resume it.")
    schedules.verb_on_id("disable", lambda scheduler, args: scheduler.schedules.disable(args.id), about="Pause it.")
    schedules.verb_on_id("delete", _delete_schedule, about="Delete it.")
    schedules.verb_on_id(
        "trigger",
        lambda scheduler, args: scheduler.schedules.trigger(args.id),
        about="Run it once now, outside its grid.",
    )


def _add_queues(queues: _Group) -> None:
    queues.listing(
        lambda scheduler, args: scheduler.queues.list(**_filters(args)),
        about="List queues, newest first.",
        columns=_QUEUE_COLUMNS,
        filters={},
    )
    actions: Mapping[str, tuple[Handler, str]] = {
        "get": (lambda scheduler, args: scheduler.queues.get(args.id), "Show a queue."),
        "pause": (lambda scheduler, args: scheduler.queues.pause(args.id), "Start none of its jobs."),
        "resume": (lambda scheduler, args: scheduler.queues.resume(args.id), "Start its jobs again."),
    }
    for name, (handler, about) in actions.items():
        queues.verb_on_id(name, handler, about=about, metavar="NAME")
    limit = queues.verb_on_id(
        "set", _set_queue, about="Set all its limits; what is left out is lifted.", metavar="NAME"
    )
    limit.add_argument("--concurrency", metavar="N", type=int, help="how many run at once, at most")
    limit.add_argument("--rate", metavar="LIMIT/PERIOD", type=_rate, help="how many start, as in '100/minute'")
    limit.add_argument("--paused", action="store_true", help="start none")


def _add_filters(parser: _Parser, offered: Mapping[str, str]) -> None:
    parser.set_defaults(filters=tuple(offered))
    for name, meaning in offered.items():
        parser.add_argument(_flag(name), metavar=name.rpartition("_")[2].upper(), help=meaning)


def _add_logs(logs: _Group) -> None:
    logs.listing(
        lambda scheduler, args: scheduler.logs.list(**_filters(args)),
        about="List events, newest first.",
        columns=_LOG_COLUMNS,
        filters=_LOG_FILTERS,
    )
    logs.verb_on_id("get", lambda scheduler, args: scheduler.logs.get(args.id), about="Show an event.")


def _add_deliveries(deliveries: _Group) -> None:
    deliveries.listing(
        lambda scheduler, args: scheduler.deliveries.list(**_filters(args)),
        about="List deliveries, newest first.",
        columns=_DELIVERY_COLUMNS,
        filters={"job_id": "deliveries of this job"},
    )
    deliveries.verb_on_id(
        "resend", lambda scheduler, args: scheduler.deliveries.resend(args.id), about="Send a delivery once more."
    )


def _filters(args: argparse.Namespace) -> dict[str, str | None]:
    return {name: getattr(args, name) for name in args.filters}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _create(scheduler: Scheduler, args: argparse.Namespace) -> Json:
    job = scheduler.jobs.create(_job(args))
    if (job.get("job") or {}).get("has_conflict"):
        _complain([f"job {job.get('job_id')} already has this idempotency key: nothing new was scheduled"], code=OK)
    return job


def _cancel_many(scheduler: Scheduler, args: argparse.Namespace) -> Json:
    filters = _filters(args)
    if not args.all and not any(value is not None for value in filters.values()):
        raise _Misuse("filters: none given; --state scheduled cancels what waits, --all everything")
    return scheduler.jobs.cancel_many(all=args.all, **filters)


def _set_queue(scheduler: Scheduler, args: argparse.Namespace) -> Json:
    return scheduler.queues.update(args.id, _present(args, ("concurrency", "rate")) | {"paused": args.paused})


def _preview(scheduler: Scheduler, args: argparse.Namespace) -> Json:
    return scheduler.preview(_with_fields(_present(args, _TIMING_FIELDS), args))


def _delete_schedule(scheduler: Scheduler, args: argparse.Namespace) -> Json:
    return scheduler.schedules.delete(args.id) or {"id": args.id, "deleted": True}


def _job(args: argparse.Namespace) -> Json:
    """The body of POST /api/jobs. Raises _Misuse for arguments that contradict each other."""
    job: Json = {"method": args.method, "url": args.url, **_present(args, _TIMING_FIELDS)}
    job |= _present(args, (*_TEXT_FIELDS, "timeout", "max_attempts"))
    if args.header:
        headers: Json = {}
        job["headers"] = headers
        for name, value in args.header:
            _put(headers, _Item((name,), value), flag="--header")
    if args.query:
        job["query"] = _nested(args.query, flag="--query")
    if args.json is not None:
        job["body"] = args.json.content
    if args.data:
        job["body"] = _body(args.data)
    return _with_fields(job, args)


def _present(args: argparse.Namespace, names: Iterable[str]) -> Json:
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _with_fields(fields: Json, args: argparse.Namespace) -> Json:
    for item in args.field:
        _put(fields, item, flag="--field")
    return fields


def _body(parts: Sequence[_Item | _Document]) -> Any:
    documents = [part for part in parts if isinstance(part, _Document)]
    if documents and len(parts) > 1:
        raise _Misuse("--data: @file and - are the whole body, give nothing beside them")
    if documents:
        return documents[0].content
    return _nested([part for part in parts if isinstance(part, _Item)], flag="--data")


# Arguments: text -> value


@dataclass(frozen=True, slots=True)
class _Item:
    """`a[b][]=1` is (("a", "b", ""), "1"): a value and where it goes; an empty step appends to a list."""

    path: tuple[str, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class _Document:
    """A whole JSON document; wrapped, as null is one too."""

    content: Any


_SPREAD_FLAGS = frozenset({"--data", "--query", "--field"})
# Never matches METHOD or URL: no `=` comes before the `:`, `/` or `?` of a URL, unless as `:=`.
_ITEM_SHAPE = re.compile(r"[^-=:/?#\s\[\]][^=:/?#\s\[\]]*(\[[^\[\]\s]*\])*:?=")
_ITEM_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def spread(argv: Sequence[str]) -> list[str]:
    """`--data a=1 b=2` as `--data a=1 --data b=2`, wherever METHOD and URL stand: argparse alone would swallow them."""
    out: list[str] = []
    flag = None
    for token in argv:
        if out and out[-1] in _SPREAD_FLAGS:
            out.append(token)
            continue
        if flag and _ITEM_SHAPE.match(token):
            out.append(flag)
        else:
            name = token.partition("=")[0]
            flag = name if name in _SPREAD_FLAGS else None
        out.append(token)
    return out


def _item(text: str) -> _Item:
    key, equals, value = text.partition("=")
    is_typed = key.endswith(":")
    match = _ITEM_KEY.fullmatch(key.removesuffix(":") if is_typed else key)
    if not equals or not match:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not understood, use key=text, key:=json, key[sub]=text or key[]=text"
        )
    steps = [step.rstrip("]") for step in match[2].split("[")[1:]]
    return _Item((match[1], *steps), _parsed(value) if is_typed else value)


def _item_or_document(text: str) -> _Item | _Document:
    return _document(text) if text == "-" or text.startswith("@") else _item(text)


def _document(text: str) -> _Document:
    """JSON itself, `@file` with JSON in it, or `-` for JSON on stdin."""
    return _Document(_parsed(_content(text)))


def _content(text: str) -> str:
    try:
        if text == "-":
            return sys.stdin.read()
        if text.startswith("@"):
            return Path(text[1:]).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[1:]!r} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not in UTF-8") from error
    return text


def _jobs(text: str) -> list[Json]:
    """A JSON list, or an object a line, in the file of that name or on stdin."""
    content = _content("-" if text == "-" else f"@{text}")
    # Not splitlines: JSON may hold U+2028, U+0085 and their kin as they are.
    lines = [line for line in re.split("\r\n|\n|\r", content) if line.strip()]
    is_lines = bool(lines) and lines[0].lstrip().startswith("{")
    jobs = [_parsed(line) for line in lines] if is_lines else _parsed(content)
    if not isinstance(jobs, list) or not jobs or not all(isinstance(job, dict) for job in jobs):
        raise argparse.ArgumentTypeError(f"{text!r} holds no jobs, use a JSON list of objects or an object a line")
    return jobs


def _rate(text: str) -> Json:
    limit, slash, period = text.partition("/")
    if not slash or not limit.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no rate, use one like '100/minute' or '5/30 seconds'")
    return {"limit": int(limit), "period": _duration(period if period.strip()[:1].isdigit() else f"1 {period}")}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{_shortened(text)!r} is not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        doubled = next(key for place, (key, _) in enumerate(pairs) if key in dict(pairs[:place]))
        raise ValueError(f"the key {_shortened(doubled)!r} comes twice in an object, keep one")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it has no {name}")


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not understood, use 'Name: value'")
    return name.strip(), value.strip()


def _number(text: str) -> int | float:
    try:
        number = json.loads(text)
    except (ValueError, RecursionError):
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{_shortened(text)!r} is not a number")
    return number


def _duration(text: str) -> Any:
    """[30, "seconds"] from `30 seconds` or `30`."""
    try:
        return durations.parse(text).as_json()
    except durations.InvalidDuration as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _nested(items: Iterable[_Item], *, flag: str) -> Json:
    root: Json = {}
    for item in items:
        _put(root, item, flag=flag)
    return root


def _put(root: Json, item: _Item, *, flag: str) -> None:
    """Put a value where its path says. Raises _Misuse for a place that is taken or has another shape."""
    container: Any = root
    for step, following in zip(item.path, item.path[1:], strict=False):
        shape: type = list if following == "" else dict
        if step == "":
            container.append(shape())
            container = container[-1]
        else:
            container = container.setdefault(step, shape())
        if not isinstance(container, shape):
            raise _Misuse(f"{flag}: {_spelt(item)} contradicts what was given before, use one shape for {item.path[0]}")
    last = item.path[-1]
    if last == "":
        container.append(item.value)
    elif last in container:
        raise _Misuse(f"{flag}: {_spelt(item)} is given twice, use {item.path[0]}[] for a list")
    else:
        container[last] = item.value


def _spelt(item: _Item) -> str:
    return item.path[0] + "".join(f"[{step}]" for step in item.path[1:])


# Output


def _show(answer: Any, *, output: str | None, columns: Columns | None) -> None:
    if (output or ("table" if sys.stdout.isatty() else "json")) == "json":
        is_unicode = _encoding().lower().replace("-", "") == "utf8"
        _emit(json.dumps(answer, indent=2, ensure_ascii=not is_unicode))
    elif isinstance(answer, list):
        rows = [row if isinstance(row, dict) else {"value": row} for row in answer]
        _emit(_table(rows, columns=columns or _columns_of(rows)))
    else:
        _emit(_details(answer) if isinstance(answer, dict) else _text(answer))


def _emit(text: str) -> None:
    """Print whatever the terminal's encoding has no character for as an escape, rather than stop."""
    print(text.encode(_encoding(), "backslashreplace").decode(_encoding()))


def _encoding() -> str:
    return sys.stdout.encoding or "utf-8"


def _table(rows: Sequence[Json], *, columns: Columns) -> str:
    if not rows:
        return "Nothing found."
    cells = [list(columns), *([_text(_at(row, path)) for path in columns.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def _columns_of(rows: Sequence[Json]) -> Columns:
    """A column for each plain value of the first row."""
    first = rows[0] if rows else {}
    return {name.upper(): name for name, value in first.items() if not isinstance(value, dict | list)}


def _details(row: Json) -> str:
    """A line for each value that is set, `job.state` for a nested one; a list has a line for each of its items."""
    lines: list[tuple[str, str]] = []
    for name, value in row.items():
        nested = value.items() if name == "job" and isinstance(value, dict) else ()
        lines += [(f"{name}.{key}", _text(each)) for key, each in nested if each is not None]
        if isinstance(value, list):
            lines += [(name if index == 0 else "", _text(each)) for index, each in enumerate(value)]
        elif value is not None and not nested:
            lines.append((name, _text(value)))
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name.ljust(width)}  {text}".rstrip() for name, text in lines)


def _at(row: Json, path: str) -> Any:
    value: Any = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return _printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _printable(text: str) -> str:
    """Nothing in a name or an answer may drive the terminal: control characters become escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
