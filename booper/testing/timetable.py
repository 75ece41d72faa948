"""When a job of a fake is due, and when it is due next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from booper.testing.refusals import bad
from booper.timing import cron, cron_words, durations


def read(fields: Mapping[str, Any], name: str, reader: Callable[[Any], Any]) -> Any:
    """A field as `reader` has it, None where it is not there. Raises Refused."""
    value = fields.get(name)
    try:
        return None if value is None else reader(value)
    except ValueError as error:
        raise bad(f"/{name}", str(error)) from error


def zone_of(fields: Mapping[str, Any]) -> tzinfo:
    try:
        return ZoneInfo(str(fields.get("timezone") or "UTC"))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise bad("/timezone", f"{fields.get('timezone')!r} is not a time zone") from error


def start(fields: Mapping[str, Any], *, now: datetime) -> datetime | None:
    """When `schedule_in` or `scheduled_at` say, None where they say nothing. Raises Refused."""
    if fields.get("schedule_in") is not None and fields.get("scheduled_at") is not None:
        raise bad("/scheduled_at", "give schedule_in or scheduled_at, not both")
    wait = read(fields, "schedule_in", durations.parse)
    at = read(fields, "scheduled_at", lambda value: durations.parse_moment(value, now=now, zone=zone_of(fields)))
    after: datetime | None = at if wait is None else wait.after(now, zone=zone_of(fields))
    return after if after is None else max(after, now)


def is_recurring(fields: Mapping[str, Any]) -> bool:
    if fields.get("repeat_every") is not None and fields.get("cron") is not None:
        raise bad("/cron", "give repeat_every or cron, not both")
    return fields.get("repeat_every") is not None or fields.get("cron") is not None


def frequency(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    every = read(fields, "repeat_every", durations.parse)
    if every is not None:
        return {"repeat_every": every.as_json()}
    return {"cron": fields["cron"]} if fields.get("cron") is not None else None


def words(fields: Mapping[str, Any]) -> str:
    every = read(fields, "repeat_every", durations.parse)
    if every is not None:
        return f"every {str(every).removeprefix('1 ')}"
    expressions = _crons(fields)
    return cron_words.describe_all(expressions, zone_name=str(zone_of(fields))) if expressions else "once"


def _crons(fields: Mapping[str, Any]) -> list[cron.Cron]:
    given = fields.get("cron")
    listed = [] if given is None else given if isinstance(given, list) else [given]
    found: list[cron.Cron] = read({"cron": listed}, "cron", lambda value: [cron.parse(str(each)) for each in value])
    return found


def next_run(fields: Mapping[str, Any], *, after: datetime, anchor: datetime) -> datetime | None:
    """The first run later than `after`; of an interval on the grid that begins at `anchor`. Raises Refused."""
    every = read(fields, "repeat_every", durations.parse)
    zone = zone_of(fields)
    if every is not None:
        if every.shortest_seconds < 1:
            raise bad("/repeat_every", "the shortest interval is a second")
        times = max(0, int((after - anchor).total_seconds() / every.nominal_seconds) - 1)
        while every.after(anchor, zone=zone, times=times) <= after:
            times += 1
        at: datetime | None = every.after(anchor, zone=zone, times=times)
    else:
        runs = [run for each in _crons(fields) if (run := cron.next_match(each, after=after, zone=zone)) is not None]
        at = min(runs, default=None)
    ends_at = read(fields, "ends_at", lambda value: durations.parse_moment(value, now=after, zone=zone))
    return None if at is None or (ends_at is not None and at > ends_at) else at


def on_grid_before(fields: Mapping[str, Any], moment: datetime, *, anchor: datetime) -> datetime:
    """A time on the grid of an interval that is not later than `moment`; `anchor` itself for cron and for months."""
    every = read(fields, "repeat_every", durations.parse)
    if every is None or every.is_calendar or anchor <= moment:
        return anchor
    length = timedelta(seconds=every.nominal_seconds)
    return anchor - length * (1 + (anchor - moment) // length)
