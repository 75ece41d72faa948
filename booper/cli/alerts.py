"""The commands of `booper alerts`."""

from __future__ import annotations

from booper.cli.columns import Columns, when
from booper.cli.documents import document_of
from booper.cli.parsers import Group, filters_of

_ALERT_COLUMNS: Columns = {"ALERT": "id", "NAME": "name", "WHEN": "when", "OF": "of", "TO": "to", "FIRING": "firing"}
_INCIDENT_COLUMNS: Columns = {
    "STATE": "state",
    "SINCE": when("since"),
    "UNTIL": when("until"),
    "TEST": "test",
    "SUMMARY": "summary",
}


def add_alerts(alerts: Group) -> None:
    alerts.listing(
        lambda scheduler, args: scheduler.alerts.list(**filters_of(args)),
        about="List alerts, newest first.",
        columns=_ALERT_COLUMNS,
        filters={},
    )
    alerts.verb_on_id("get", lambda scheduler, args: scheduler.alerts.get(args.id), about="Show an alert.")
    create = alerts.verb(
        "create", lambda scheduler, args: scheduler.alerts.create(args.json.content), about="Make an alert."
    )
    update = alerts.verb_on_id(
        "update",
        lambda scheduler, args: scheduler.alerts.update(args.id, args.json.content),
        about="Change the fields that are given.",
    )
    for parser in (create, update):
        parser.add_argument(
            "--json", metavar="JSON", type=document_of, required=True, help="its fields; @file.json and - work too"
        )
    alerts.verb_on_id(
        "delete", lambda scheduler, args: scheduler.alerts.delete(args.id), about="Delete it with its incidents."
    )
    alerts.verb_on_id(
        "test",
        lambda scheduler, args: scheduler.alerts.test(args.id),
        about="Send a message that is marked as a test to each of its addresses.",
    )
    incidents = alerts.verb_on_id(
        "incidents",
        lambda scheduler, args: scheduler.alerts.incidents(args.id, limit=args.limit),
        about="Say when it fired, newest first.",
    )
    incidents.set_defaults(columns=_INCIDENT_COLUMNS)
    incidents.add_argument("--limit", metavar="N", help="how many: 10, at most 100")
