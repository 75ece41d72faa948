"""The commands of `booper schedules`."""

from __future__ import annotations

import argparse

from booper.cli.columns import Columns, first, frequency, request, when
from booper.cli.documents import document_of
from booper.cli.parsers import Group, filters_of
from booper.cli.run import present
from booper.client import Schedule, Scheduler
from booper.client.records import BackfilledRun

_SCHEDULE_COLUMNS: Columns = {
    "SCHEDULE": first("key", "id"),
    "FREQUENCY": frequency,
    "NEXT RUN": when("next_run_at"),
    "REQUEST": request,
    "NAME": "name",
    "DISABLED": first("disabled_reason", "disabled_at"),
}


def add_schedules(schedules: Group) -> None:
    schedules.listing(
        lambda scheduler, args: scheduler.schedules.list(**filters_of(args)),
        about="List schedules, newest first.",
        columns=_SCHEDULE_COLUMNS,
        filters={"managed_by": "only those that this looks after"},
    )
    schedules.verb_on_id("get", lambda scheduler, args: scheduler.schedules.get(args.id), about="Show a schedule.")
    schedules.verb_on_id("enable", lambda scheduler, args: scheduler.schedules.enable(args.id), about="Resume it.")
    disable = schedules.verb_on_id(
        "disable",
        lambda scheduler, args: scheduler.schedules.disable(args.id, reason=args.reason),
        about="Pause it.",
    )
    disable.add_argument("--reason", metavar="TEXT", help="why, for whoever reads the schedule")
    skip = schedules.verb_on_id(
        "skip",
        lambda scheduler, args: scheduler.schedules.skip(args.id, until=args.until),
        about="Leave out its next run, or all runs until a moment.",
    )
    skip.add_argument("--until", metavar="TIME", help="as in 2026-12-27T00:00:00Z")
    _add_backfill(schedules)
    put = schedules.verb_on_id(
        "put",
        lambda scheduler, args: scheduler.schedules.put(args.id, args.json.content),
        about="Make the schedule of that key, or replace the whole of it.",
        metavar="KEY",
    )
    put.add_argument(
        "--json", metavar="JSON", type=document_of, required=True, help="its fields; @file.json and - work too"
    )
    schedules.verb_on_id("delete", _delete_schedule, about="Delete it.")
    schedules.verb_on_id(
        "trigger",
        lambda scheduler, args: scheduler.schedules.trigger(args.id),
        about="Run it once now, outside its grid.",
    )


def _add_backfill(schedules: Group) -> None:
    backfill = schedules.verb_on_id("backfill", _backfill, about="Make the runs that it missed, and show them.")
    backfill.add_argument("--from", dest="since", metavar="TIME", required=True, help="the first moment")
    backfill.add_argument("--to", metavar="TIME", required=True, help="the last one, which is over")
    backfill.add_argument("--max-runs", metavar="N", type=int, help="the first N of them, at most 1000")
    backfill.add_argument("--dry-run", action="store_true", help="only list them")


def _backfill(scheduler: Scheduler, args: argparse.Namespace) -> list[BackfilledRun]:
    span = {"from": args.since, "to": args.to, **present(args, ("max_runs",)), "dry_run": args.dry_run}
    return scheduler.schedules.backfill(args.id, span)


def _delete_schedule(scheduler: Scheduler, args: argparse.Namespace) -> Schedule:
    return scheduler.schedules.delete(args.id)
