"""The commands `run` and `preview`: a job or its timing from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from booper.cli.arguments import duration_of, header_of, seconds_of
from booper.cli.documents import Document, document_of
from booper.cli.exits import OK, Misuse, complain
from booper.cli.items import Item, item_of, nested_of, put_item
from booper.cli.parsers import Group, Parser, flag_of
from booper.client import Job, Json, Preview, Scheduler

METHODS = ("get", "post", "put", "patch", "delete")
_TEXT_FIELDS = ("name", "description", "idempotency_key", "callback_url", "webhook_url", "queue")
_ON_CONFLICT = ("ignore", "replace", "refuse")
_TIMING_FIELDS = ("schedule_in", "scheduled_at", "repeat_every", "cron", "timezone")


def add_run(commands: Group) -> None:
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
    body.add_argument("--json", metavar="JSON", type=document_of, help="the whole body; @file.json and - work too")
    run.add_argument("--header", metavar="'NAME: VALUE'", action="append", type=header_of, default=[])
    run.add_argument("--query", metavar="KEY=VALUE", action="append", type=item_of, help="as --data, for the query")
    _add_timing(run)
    for name in _TEXT_FIELDS:
        run.add_argument(flag_of(name), metavar="TEXT")
    run.add_argument(
        "--on-conflict", choices=_ON_CONFLICT, help="what a job that waits with that idempotency key means, or ignore"
    )
    run.add_argument("--tag", metavar="TEXT", action="append", dest="tags", help="to find it by; may come again")
    run.add_argument(
        "--timeout", metavar="DURATION", type=seconds_of, help="how long the target may take: 1s to 15m, or 30s"
    )
    run.add_argument("--max-attempts", metavar="N", type=int, help="1 to 100, or 5")
    for name, end in (("then", "completed"), ("on_failure", "discarded")):
        about = (
            f"a job that is made when this one is {end}; a list, @file.json and - work too, and several {flag_of(name)}"
        )
        run.add_argument(flag_of(name), metavar="JSON", action="append", type=document_of, help=about)
    _add_field(run)


def add_preview(commands: Group) -> None:
    preview = commands.verb("preview", _preview, about="Show the next runs of a would-be schedule; create nothing.")
    _add_timing(preview)
    _add_field(preview)


def _add_timing(parser: Parser) -> None:
    group = parser.add_argument_group("timing")
    start = group.add_mutually_exclusive_group()
    start.add_argument(
        "--in", dest="schedule_in", metavar="DURATION", type=duration_of, help="as in 30s, 1h30m, '2 days'"
    )
    start.add_argument("--at", dest="scheduled_at", metavar="TIME", help="as in 2026-12-01T09:00:00Z")
    again = group.add_mutually_exclusive_group()
    again.add_argument("--every", dest="repeat_every", metavar="DURATION", type=duration_of, help="as in 5m, '1 month'")
    again.add_argument(
        "--cron", metavar="CRON", action="append", help="five fields, as in '0 9 * * 1-5'; or several --cron"
    )
    group.add_argument("--timezone", metavar="ZONE", help="for --cron, and for an --at without an offset; or UTC")


def _add_field(parser: Parser) -> None:
    parser.add_argument(
        "--field",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=item_of,
        help="any other field of the API, as in max_runs:=3",
    )


def _create(scheduler: Scheduler, args: argparse.Namespace) -> Job:
    job = scheduler.jobs.create(_job(args))
    if job["job"]["has_conflict"]:
        is_replaced = job["args"].get("on_conflict") == "replace" and args.on_conflict == "replace"
        what = "it asks for this from now on" if is_replaced else "nothing new was scheduled"
        complain([f"job {job['job_id']} already has this idempotency key: {what}"], code=OK)
    return job


def _preview(scheduler: Scheduler, args: argparse.Namespace) -> Preview:
    return scheduler.preview(_with_fields(_timing(args), args))


def _job(args: argparse.Namespace) -> Json:
    """The body of POST /api/jobs. Raises Misuse for arguments that contradict each other."""
    job: Json = {"method": args.method, "url": args.url, **_timing(args)}
    job |= present(args, (*_TEXT_FIELDS, "timeout", "max_attempts", "tags", "on_conflict"))
    if args.header:
        headers: Json = {}
        job["headers"] = headers
        for name, value in args.header:
            put_item(headers, Item((name,), value), flag="--header")
    if args.query:
        job["query"] = nested_of(args.query, flag="--query")
    if args.json is not None:
        job["body"] = args.json.content
    if args.data:
        job["body"] = _body(args.data)
    for name in ("then", "on_failure"):
        if documents := getattr(args, name):
            job[name] = _following(documents)
    return _with_fields(job, args)


def _following(documents: Sequence[Document]) -> Any:
    """One as it was written; several as a list."""
    contents = [document.content for document in documents]
    return contents[0] if len(contents) == 1 else contents


def _timing(args: argparse.Namespace) -> Json:
    fields = present(args, _TIMING_FIELDS)
    if len(fields.get("cron", ())) == 1:
        [fields["cron"]] = fields["cron"]
    return fields


def present(args: argparse.Namespace, names: Iterable[str]) -> Json:
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _with_fields(fields: Json, args: argparse.Namespace) -> Json:
    for item in args.field:
        put_item(fields, item, flag="--field")
    return fields


def _item_or_document(text: str) -> Item | Document:
    return document_of(text) if text == "-" or text.startswith("@") else item_of(text)


def _body(parts: Sequence[Item | Document]) -> Any:
    documents = [part for part in parts if isinstance(part, Document)]
    if documents and len(parts) > 1:
        raise Misuse("--data: @file and - are the whole body, give nothing beside them")
    if documents:
        return documents[0].content
    return nested_of([part for part in parts if isinstance(part, Item)], flag="--data")
