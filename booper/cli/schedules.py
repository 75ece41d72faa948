"""The commands of `booper schedules`."""

from __future__ import annotations

import argparse

from booper.cli.documents import document_of
from booper.cli.output import Columns
from booper.cli.parsers import Group, filters_of
from booper.client import Json, Scheduler

_SCHEDULE_COLUMNS: Columns = {
    "SCHEDULE": "id",
    "KEY": "key",
    "FREQUENCY": "frequency",
    "NEXT RUN": "next_run_at",
    "DISABLED AT": "disabled_at",
    "NAME": "name",
    "METHOD": "args.method",
    "URL": "args.url",
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


def _delete_schedule(scheduler: Scheduler, args: argparse.Namespace) -> Json:
    return scheduler.schedules.delete(args.id) or {"id": args.id, "deleted": True}
