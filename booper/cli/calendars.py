"""The commands of `booper calendars`."""

from __future__ import annotations

import argparse

from booper.cli.columns import Columns, listed
from booper.cli.documents import document_of
from booper.cli.parsers import Group, filters_of
from booper.client import Calendar, Scheduler

_CALENDAR_COLUMNS: Columns = {
    "CALENDAR": "name",
    "DAYS": "day_count",
    "COUNTRY": "country",
    "NEXT DAYS": listed("next_days"),
    "USED BY": listed("used_by"),
}


def add_calendars(calendars: Group) -> None:
    calendars.listing(
        lambda scheduler, args: scheduler.calendars.list(**filters_of(args)),
        about="List calendars, newest first.",
        columns=_CALENDAR_COLUMNS,
        filters={},
    )
    calendars.verb_on_id(
        "get", lambda scheduler, args: scheduler.calendars.get(args.id), about="Show a calendar.", metavar="NAME"
    )
    put = calendars.verb_on_id(
        "put",
        lambda scheduler, args: scheduler.calendars.put(args.id, args.json.content),
        about="Make the calendar of that name, or replace the whole of it.",
        metavar="NAME",
    )
    put.add_argument(
        "--json", metavar="JSON", type=document_of, required=True, help="its fields; @file.json and - work too"
    )
    calendars.verb_on_id("delete", _delete_calendar, about="Delete it, unless schedules use it.", metavar="NAME")


def _delete_calendar(scheduler: Scheduler, args: argparse.Namespace) -> Calendar:
    return scheduler.calendars.delete(args.id)
