"""The commands of `booper queues`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime

from booper.cli.arguments import rate_of
from booper.cli.columns import Columns, Row
from booper.cli.parsers import Group, Handler, filters_of
from booper.cli.run import present
from booper.client import Queue, Scheduler


def _rate(row: Row, _: datetime) -> str | None:
    """`100/minute`, `5/30 seconds`."""
    rate = row.get("rate")
    if not isinstance(rate, Mapping):
        return None
    amount, unit = rate["period"]
    return f"{rate['limit']}/{str(unit).removesuffix('s') if amount == 1 else f'{amount} {unit}'}"


_QUEUE_COLUMNS: Columns = {
    "QUEUE": "name",
    "CONCURRENCY": "concurrency",
    "RATE": _rate,
    "PAUSED": "paused",
    "WAITING": "waiting",
    "RUNNING": "running",
}


def add_queues(queues: Group) -> None:
    queues.listing(
        lambda scheduler, args: scheduler.queues.list(**filters_of(args)),
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
    limit.add_argument("--rate", metavar="LIMIT/PERIOD", type=rate_of, help="how many start, as in '100/minute'")
    limit.add_argument("--paused", action="store_true", help="start none")


def _set_queue(scheduler: Scheduler, args: argparse.Namespace) -> Queue:
    return scheduler.queues.update(args.id, present(args, ("concurrency", "rate")) | {"paused": args.paused})
