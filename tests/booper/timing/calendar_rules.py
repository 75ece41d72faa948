"""The oracle of `schedule_table.txt`: dateutil's recurrence rules and the holidays package, and nothing of Booper's.

It knows times of day alone: neither the minute nor the hour of its expressions begins with a star, so that a time that
clocks skip runs when the gap ends, and one that comes twice runs the first time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from dateutil import rrule, tz

DAYS = {"MO": rrule.MO, "TU": rrule.TU, "WE": rrule.WE, "TH": rrule.TH, "FR": rrule.FR, "SA": rrule.SA, "SU": rrule.SU}
WORKDAYS = [rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR]
CRON_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
YEARS = range(2025, 2045)
HORIZON_DAYS = 366 * 15

_LENGTHS = {month: 31 if month in (1, 3, 5, 7, 8, 10, 12) else 30 for month in range(1, 13) if month != 2}


@dataclass(frozen=True, slots=True)
class Row:
    """Expressions, their zone, the calendars they are kept from and to, the jitter, and the five runs after `after`."""

    expressions: tuple[str, ...]
    zone: str
    skip: tuple[str, ...]
    only: tuple[str, ...]
    jitter_seconds: int
    after: datetime
    runs: tuple[datetime, ...]


def rows() -> list[Row]:
    lines = Path(__file__).with_name("schedule_table.txt").read_text().splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")]
    return [
        Row(
            expressions=tuple(part.strip() for part in expressions.split(";")),
            zone=zone,
            skip=tuple(word[1:] for word in days.split() if word.startswith("-")),
            only=tuple(word[1:] for word in days.split() if word.startswith("+")),
            jitter_seconds=int(jitter),
            after=datetime.fromisoformat(after),
            runs=tuple(datetime.fromisoformat(run) for run in runs.split()),
        )
        for expressions, zone, days, jitter, after, runs in cells
    ]


def next_runs(row: Row, *, zone: ZoneInfo, count: int = 5) -> list[datetime]:
    """The runs that the oracle finds after `row.after`."""
    first = row.after.astimezone(zone).date() - timedelta(days=1)
    found: set[datetime] = set()
    for expression in row.expressions:
        found |= {*_some(_runs(expression, zone=zone, first=first, row=row), after=row.after, count=count)}
    return sorted(found)[:count]


def _some(runs: Iterator[datetime], *, after: datetime, count: int) -> Iterator[datetime]:
    for run in runs:
        if run > after and count > 0:
            count -= 1
            yield run
        if count == 0:
            return


def _runs(expression: str, *, zone: ZoneInfo, first: date, row: Row) -> Iterator[datetime]:
    minutes, hours, *_ = expression.split()
    times = [(hour, minute) for hour in _numbers(hours) for minute in _numbers(minutes)]
    for day in _days(expression, first=first):
        if any(day in days_of(name) for name in row.skip):
            continue
        if row.only and not any(day in days_of(name) for name in row.only):
            continue
        for hour, minute in times:
            yield _instant(datetime.combine(day, time(hour, minute)), zone)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    while not tz.datetime_exists(wall, zone):
        wall += timedelta(minutes=1)
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _days(expression: str, *, first: date) -> Iterator[date]:
    """The days of the expression from `first` on: of both day fields if one begins with a star, else of either."""
    _, _, day, month, weekday = expression.split()
    months = list(range(1, 13)) if month == "*" else _numbers(month, names=MONTHS, lowest=1)
    start = datetime.combine(first, time())
    found = rrule.rruleset()
    for rule in _rules(day, weekday, months):
        found.rrule(rrule.rrule(dtstart=start, until=start + timedelta(days=HORIZON_DAYS), **rule))
    return (at.date() for at in found)


def _rules(day: str, weekday: str, months: list[int]) -> Iterator[dict[str, Any]]:
    if day == "*" and weekday == "*":
        yield {"freq": rrule.DAILY, "bymonth": months}
    for term in () if day == "*" else day.split(","):
        yield from _rules_of_day(term, months)
    for term in () if weekday == "*" else weekday.split(","):
        yield {"freq": rrule.MONTHLY, "bymonth": months, "byweekday": [*_weekdays(term)]}


def _rules_of_day(term: str, months: list[int]) -> Iterator[dict[str, Any]]:
    monthly = {"freq": rrule.MONTHLY, "bymonth": months}
    if term == "L":
        yield {**monthly, "bymonthday": -1}
    elif term == "LW":
        yield {**monthly, "byweekday": WORKDAYS, "bysetpos": -1}
    elif term.endswith("W"):
        yield from _nearest_workday(int(term[:-1]), months)
    else:
        yield {**monthly, "bymonthday": _numbers(term)}


def _nearest_workday(day: int, months: list[int]) -> Iterator[dict[str, Any]]:
    """That day if it is a workday; on a Saturday the Friday before, on a Sunday the Monday after, in the same month."""
    yield {"freq": rrule.MONTHLY, "bymonth": months, "bymonthday": day, "byweekday": WORKDAYS}
    for month in months:
        monthly = {"freq": rrule.MONTHLY, "bymonth": month}
        length = _LENGTHS.get(month, 29)
        if day > length:
            continue
        if day == 1:
            yield {**monthly, "bymonthday": 3, "byweekday": rrule.MO}
        else:
            yield {**monthly, "bymonthday": day - 1, "byweekday": rrule.FR}
        if day < length:
            yield {**monthly, "bymonthday": day + 1, "byweekday": rrule.MO}
        if day == length or (month, day) == (2, 28):
            # From the end, as the 28th of February is the last day in some years, and in the others a Saturday then.
            yield {**monthly, "bymonthday": -3, "byweekday": rrule.FR}


def _weekdays(term: str) -> Iterator[object]:
    if "#" in term:
        weekday, nth = term.split("#")
        yield _weekday(weekday)(int(nth))
    elif term.endswith("L"):
        yield _weekday(term[:-1])(-1)
    else:
        first, _, last = term.partition("-")
        numbers = range(_weekday_number(first), _weekday_number(last or first) + 1)
        yield from (_weekday(str(number)) for number in numbers)


def _weekday_number(text: str) -> int:
    return CRON_DAYS.index(text.upper()) if text.upper() in CRON_DAYS else int(text)


def _weekday(text: str) -> rrule.weekday:
    return DAYS[CRON_DAYS[_weekday_number(text) % 7][:2]]


def _numbers(text: str, *, names: tuple[str, ...] = (), lowest: int = 0) -> list[int]:
    found: list[int] = []
    for term in text.split(","):
        first, _, last = term.partition("-")
        ends = [
            names.index(end.upper()) + lowest if end.upper() in names else int(end) for end in (first, last or first)
        ]
        found += range(ends[0], ends[1] + 1)
    return sorted({*found})


@cache
def days_of(name: str) -> frozenset[date]:
    """The days of a calendar: `GB/ENG` are public holidays, `2026-12-24..2026-12-31` those from then to then."""
    if name[:1].isdigit():
        first, _, last = name.partition("..")
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        return frozenset(start + timedelta(days=count) for count in range((end - start).days + 1))
    country, _, subdivision = name.partition("/")
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=YEARS))
