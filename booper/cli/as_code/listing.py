"""What is there as a file would have it: schedules that have keys, the queues and calendars with them, and alerts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from booper.cli.as_code.comparison import CALENDAR_FIELDS
from booper.cli.exits import Misuse
from booper.client import APIError, Json, Schedule, Scheduler

_QUEUE_FIELDS = ("concurrency", "rate", "paused")
_ALERT_FIELDS = ("when", "of", "to", "mute_for")
# What an alert has that says nothing of it.
_MUTE = [1, "days"]
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Listing:
    """A file's content, how many schedules have no key and so no place in it, and whether the key may read alerts."""

    content: Json
    keyless: int
    has_alerts: bool = True


def of(scheduler: Scheduler, *, managed_by: str | None) -> Listing:
    """All there is, or the schedules of one `managed_by` ("" for none) with what they name, and then no alerts.

    Raises Misuse where several look after them, as a file says one.
    """
    every = scheduler.schedules.iterate(managed_by=managed_by or None)
    rows = [row for row in every if managed_by != "" or row["managed_by"] is None]
    keyed = sorted((row for row in rows if row["key"] is not None), key=lambda row: str(row["key"]))
    looked_after_by = _only(keyed)
    content: Json = {} if looked_after_by is None else {"managed_by": looked_after_by}
    schedules = {str(row["key"]): row["args"] for row in keyed}
    content["queues"] = _queues(scheduler, only=None if managed_by is None else _named(keyed, "queue"))
    calendars = None if managed_by is None else _named(keyed, "skip_on", "only_on")
    content["calendars"] = _calendars(scheduler, only=calendars)
    content["schedules"] = schedules
    alerts = _alerts(scheduler) if managed_by is None else {}
    if alerts:
        content["alerts"] = alerts
    return Listing(content, len(rows) - len(keyed), has_alerts=alerts is not None)


def _only(rows: Iterable[Schedule]) -> str | None:
    found = dict.fromkeys(row["managed_by"] for row in rows)
    if len(found) > 1:
        ways = ", ".join(f"--managed-by {each!r}" for each in sorted(name or "" for name in found))
        raise Misuse(f"a file has one managed_by, and there are schedules of several; write one file each: {ways}")
    return next(iter(found), None)


def _named(rows: Iterable[Schedule], *fields: str) -> set[str]:
    found: list[Any] = [row["args"].get(field) for row in rows for field in fields]
    return {name for each in found for name in (each if isinstance(each, list) else [each]) if isinstance(name, str)}


def _queues(scheduler: Scheduler, *, only: set[str] | None) -> dict[str, Json]:
    """The queues that have limits: one without any is made by the first job that names it."""
    found = {}
    for row in scheduler.queues.iterate(order_by="name,asc"):
        limits: Json = dict(row)
        fields = {name: limits[name] for name in _QUEUE_FIELDS if limits[name]}
        if fields and (only is None or row["name"] in only):
            found[str(row["name"])] = fields
    return found


def _calendars(scheduler: Scheduler, *, only: set[str] | None) -> dict[str, Json]:
    found = {}
    for row in scheduler.calendars.iterate(order_by="name,asc"):
        if only is None or row["name"] in only:
            whole: Json = dict(scheduler.calendars.get(row["name"]))
            found[str(row["name"])] = {name: whole[name] for name in CALENDAR_FIELDS if whole[name] is not None}
    return found


def _alerts(scheduler: Scheduler) -> dict[str, Json] | None:
    """None where the key may not read them."""
    found = {}
    try:
        for row in scheduler.alerts.iterate(order_by="name,asc"):
            whole: Json = dict(row)
            fields = {name: whole[name] for name in _ALERT_FIELDS if whole[name] is not None}
            found[row["name"]] = {name: value for name, value in fields.items() if (name, value) != ("mute_for", _MUTE)}
    except APIError as refusal:
        if refusal.status != _FORBIDDEN:
            raise
        return None
    return found
