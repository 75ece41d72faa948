"""The commands of `booper schedules`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from booper.cli.columns import Columns, first, frequency, request, when
from booper.cli.documents import document_of
from booper.cli.parsers import Group, Parser, filters_of
from booper.cli.run import present
from booper.cli.schedule_names import on_schedule
from booper.client import Scheduler
from booper.client.records import BackfilledRun

Call = Callable[[Scheduler, str, argparse.Namespace], Any]
"""What a command does to the schedule of that id."""

_SCHEDULE_COLUMNS: Columns = {
    "SCHEDULE": first("key", "id"),
    "NAME": "name",
    "FREQUENCY": frequency,
    "NEXT RUN": when("next_run_at"),
    "REQUEST": request,
    "DISABLED": first("disabled_reason", "disabled_at"),
}


def add_schedules(schedules: Group) -> None:
    schedules.listing(
        lambda scheduler, args: scheduler.schedules.list(**filters_of(args)),
        about="List schedules, newest first.",
        columns=_SCHEDULE_COLUMNS,
        filters={"name": "only those with this name", "managed_by": "only those that this looks after"},
    )
    _verb(schedules, "get", lambda scheduler, id, _: scheduler.schedules.get(id), about="Show a schedule.")
    _verb(
        schedules,
        "enable",
        lambda scheduler, id, _: scheduler.schedules.enable(id),
        about="Resume it.",
        aliases=["resume"],
    )
    disable = _verb(
        schedules,
        "disable",
        lambda scheduler, id, args: scheduler.schedules.disable(id, reason=args.reason),
        about="Pause it.",
        aliases=["pause"],
    )
    disable.add_argument("--reason", metavar="TEXT", help="why, for whoever reads the schedule")
    skip = _verb(
        schedules,
        "skip",
        lambda scheduler, id, args: scheduler.schedules.skip(id, until=args.until),
        about="Leave out its next run, or all runs until a moment.",
    )
    skip.add_argument("--until", metavar="TIME", help="as in 2026-12-27T00:00:00Z")
    _add_backfill(schedules)
    _add_put(schedules)
    _verb(schedules, "delete", lambda scheduler, id, _: scheduler.schedules.delete(id), about="Delete it.")
    _verb(
        schedules,
        "trigger",
        lambda scheduler, id, _: scheduler.schedules.trigger(id),
        about="Run it once now, outside its grid.",
    )


def _verb(schedules: Group, name: str, call: Call, **settings: Any) -> Parser:
    """A command on one schedule, whatever it is called by."""

    def handler(scheduler: Scheduler, args: argparse.Namespace) -> Any:
        return on_schedule(scheduler, args.id, lambda id: call(scheduler, id, args), is_for_good=name == "delete")

    return schedules.verb_on_id(name, handler, metavar="SCHEDULE", what="its id, its key or its name", **settings)


def _add_put(schedules: Group) -> None:
    put = schedules.verb_on_id(
        "put",
        lambda scheduler, args: scheduler.schedules.put(args.id, args.json.content),
        about="Make the schedule of that key, or replace the whole of it.",
        metavar="KEY",
    )
    put.add_argument(
        "--json", metavar="JSON", type=document_of, required=True, help="its fields; @file.json and - work too"
    )


def _add_backfill(schedules: Group) -> None:
    backfill = _verb(schedules, "backfill", _backfill, about="Make the runs that it missed, and show them.")
    backfill.add_argument("--from", dest="since", metavar="TIME", required=True, help="the first moment")
    backfill.add_argument("--to", metavar="TIME", required=True, help="the last one, which is over")
    backfill.add_argument("--max-runs", metavar="N", type=int, help="the first N of them, at most 1000")
    backfill.add_argument("--dry-run", action="store_true", help="only list them")


def _backfill(scheduler: Scheduler, id: str, args: argparse.Namespace) -> list[BackfilledRun]:
    span = {"from": args.since, "to": args.to, **present(args, ("max_runs",)), "dry_run": args.dry_run}
    return scheduler.schedules.backfill(id, span)
