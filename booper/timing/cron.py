"""Reads a five-field cron expression as crontab.guru does, and finds its next match in a time zone.

Daylight saving goes by Debian's cron. An expression with neither its minute nor its hour field starting with `*` names
times of day: one that a zone skips runs at the first instant after the gap, one that comes twice runs the first time.
All others (`*/30 * * * *`, `15 * * * *`, `*/5 1 * * *`) go by the clock as it runs: a skipped time is passed over and
both passes of a repeated hour count, so that an hourly job has no hole of two hours.

If a day field starts with `*`, both day fields must match; if neither does, either is enough.
"""

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from booper.timing import foreign_cron
from booper.timing.day_signs import MONTH_SIGN, WEEK_SIGN, DaySign, day_of
from booper.timing.durations import instant_of, instants_of, shown

_MINUTE = timedelta(minutes=1)
_LONGEST_EXPRESSION = 512  # every value of every field written out comes to 420
# 29 February on a given weekday can be 40 years away; nothing that matches at all is further off.
_HORIZON_MONTHS = 12 * 50
_LAST_YEAR = 9_990
_MOST_SIGNS = 10  # in a field; more would not fit the columns of django-celery-beat
_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTH_LENGTHS = {month: monthrange(2024, month)[1] for month in range(1, 13)}
_SURPLUS = {
    6: "; with seconds as the first of six, leave those out",
    7: "; with seconds as the first and years as the last of seven, leave those out",
}
_TERM = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,9}))?", re.ASCII)


class InvalidCron(ValueError):
    """The text is not a cron expression; the message names the wrong part and the remedy, and is fit for a client."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression, made by `parse`. Every set holds the values that match; Sunday is 0.

    `fields` says the same five fields in numbers alone, at most 170 characters each, in a form that other readers of
    cron (Celery's among them) take and that `parse` reads back to the same rule. `runs_either_day`: one matching day
    field is enough. `is_wildcard`: it goes by the clock as it runs, both passes of a repeated hour included.
    """

    expression: str
    fields: tuple[str, str, str, str, str]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    runs_either_day: bool
    is_wildcard: bool
    day_signs: tuple[DaySign, ...] = ()
    weekday_signs: tuple[DaySign, ...] = ()


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()  # three letters, upper case; the first means `lowest`

    def number(self, text: str) -> int:
        """The value that `text` stands for; raises InvalidCron."""
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.lowest
        if not text.isdigit():
            raise InvalidCron(f"{shown(text)} is not {self.a_name}: {self.meant_by(text) or f'use {self._allowed()}'}")
        value = int(text[-9:]) if text[:-9].strip("0") == "" else self.highest + 1
        if not self.lowest <= value <= self.highest:
            raise InvalidCron(f"{shown(text)} is out of range for the {self.name}: use {self._allowed()}")
        return value

    @property
    def a_name(self) -> str:
        return f"{'an' if self.name[0] in 'aeiou' or self.name == 'hour' else 'a'} {self.name}"

    def meant_by(self, text: str) -> str | None:
        """The remedy for what other readers of cron know."""
        if "?" in text:
            return "? is * elsewhere, write *"
        if text.startswith("H") or "~" in text:
            return "a number at random is yours to choose here, write it, and jitter to spread runs"
        if self.name == "day of the month" and set(text.upper()) & set("LW#"):
            return "write L for the last day, LW for the last workday, 15W for the workday nearest to the 15th"
        if self.name == "day of the week" and set(text.upper()) & set("L#"):
            return "write 5L for the last Friday of the month, 2#1 for its first Tuesday"
        if not self.name.startswith("day") and set(text.upper()) & set("LW#"):
            return f"L, W and # are for the day fields, use {self._allowed()}"
        return None

    def _allowed(self) -> str:
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.lowest} to {self.highest}{names}"


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, tuple(name[:3].upper() for name in MONTH_NAMES)),
    _Field("day of the week", 0, 7, tuple(name[:3].upper() for name in DAY_NAMES)),
)


def parse(expression: str) -> Cron:
    """Read five fields (minute, hour, day of the month, month, day of the week) or `@daily` and its kin.

    A field is a list of `*`, `5`, `1-5`, `*/5`, `1-10/2` and `5/15` (from 5 to the end by 15), with three-letter names
    for months and weekdays in any case. The day of the month also takes `L` (the last), `LW` (the last workday) and
    `15W` (the workday nearest to the 15th, in the same month), the day of the week `5L` (the last Friday) and `2#1`
    (the first Tuesday). A range does not wrap around (22-2), but may end with Sunday (FRI-SUN).
    Raises InvalidCron, also for an expression that never matches.
    """
    if (fields := foreign_cron.of_lists(expression)) is not None:
        raise InvalidCron(f"it is cron-job.org's form: {_nearest(fields) or 'write five fields in one string'}")
    if not isinstance(expression, str):
        raise InvalidCron(f"{shown(expression)} is not a cron expression: write a string such as '0 9 * * 1-5'")
    if len(expression) > _LONGEST_EXPRESSION:
        raise InvalidCron(f"the cron expression has {len(expression)} characters: {_LONGEST_EXPRESSION} are enough")
    return _parse(expression)


@lru_cache(maxsize=4096)
def _parse(expression: str) -> Cron:
    texts = _split(expression)
    signs = [_signs(text, field=field) for text, field in zip(texts, _FIELDS, strict=True)]
    values = [_values(text, field=field) for text, field in zip(texts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = values
    weekdays = {day % 7 for day in weekdays}
    runs_either_day = not texts[2].startswith("*") and not texts[4].startswith("*")
    if not runs_either_day and days and not signs[2] and min(days) > max(_MONTH_LENGTHS[month] for month in months):
        raise InvalidCron(f"{shown(expression)} never matches: no month it names has {min(days)} days")
    fields = map(_canonical, texts, (minutes, hours, days, months, weekdays), signs, _FIELDS)
    minute, hour, day, month, weekday = fields
    rule = Cron(
        expression=expression.strip(),
        fields=(minute, hour, day, month, weekday),
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekdays),
        runs_either_day=runs_either_day,
        is_wildcard=texts[0].startswith("*") or texts[1].startswith("*"),
        day_signs=signs[2],
        weekday_signs=signs[4],
    )
    if (signs[2] or signs[4]) and next_wall(rule, wall=_ANY_DAY) is None:
        raise InvalidCron(f"{shown(expression)} never matches: no month it names has such a day")
    return rule


def next_match(cron: Cron | str, *, after: datetime, zone: tzinfo | None = None) -> datetime | None:
    """The first run strictly after the aware `after`, in UTC, with `zone` (UTC if left out) as the expression's clock.

    None only where the calendar ends. Raises InvalidCron for a string that `parse` refuses.
    """
    rule = parse(cron) if isinstance(cron, str) else cron
    if after.tzinfo is None:
        raise ValueError(f"{after!r} has no time zone: pass an aware datetime")
    if after.year > _LAST_YEAR:
        return None
    # Two datetimes that share a zone are compared by wall time, which is wrong where the clock goes back.
    after = after.astimezone(UTC)
    if zone is None or zone is UTC:
        start = after.replace(tzinfo=None, second=0, microsecond=0)
        wall = next_wall(rule, wall=start + _MINUTE)
        return wall and wall.replace(tzinfo=UTC)
    if rule.is_wildcard:
        return _next_by_the_clock(rule, after=after, zone=zone)
    wall = after.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0, fold=0)
    while (found := next_wall(rule, wall=wall)) is not None:
        at = instant_of(found, zone=zone)
        if at > after:
            return at
        wall = found + _MINUTE
    return None


def next_wall(cron: Cron, *, wall: datetime) -> datetime | None:
    """The first matching wall time at or after the naive `wall`, a whole minute, whatever any zone does to it."""
    if wall.month in cron.months and _matches_day(
        cron, year=wall.year, month=wall.month, day=wall.day, weekday=wall.isoweekday() % 7
    ):
        time = _next_time(cron, hour=wall.hour, minute=wall.minute)
        if time is not None:
            return wall.replace(hour=time[0], minute=time[1])
    year, month, first_day = wall.year, wall.month, wall.day + 1
    for _ in range(_HORIZON_MONTHS):
        if month in cron.months:
            sunday_offset, length = monthrange(year, month)
            for day in range(first_day, length + 1):
                weekday = (sunday_offset + day) % 7
                if _matches_day(cron, year=year, month=month, day=day, weekday=weekday):
                    return wall.replace(year=year, month=month, day=day, hour=cron.hours[0], minute=cron.minutes[0])
        year, month, first_day = year + month // 12, month % 12 + 1, 1
        if year > _LAST_YEAR:
            break
    return None


def _split(expression: str) -> list[str]:
    text = expression.strip(" \t\r\n")
    if not text.isascii() or not text.replace("\t", " ").isprintable():
        raise InvalidCron(
            f"{shown(expression)} has characters that are not cron's: use plain digits, names, * , - and /"
        )
    if other := foreign_cron.other_field(text):
        raise InvalidCron(f"{shown(expression)} is {foreign_cron.whose(text)}: {other}")
    if text.startswith("@"):
        return _alias(text).split()
    if whose := foreign_cron.whose(text):
        remedy = _nearest(text) or "write its first five fields, * for ? and weekdays from 0 for Sunday, '0 9 * * 1-5'"
        raise InvalidCron(f"{shown(expression)} is {whose}: {remedy}")
    fields = text.split()
    if len(fields) != 5:
        surplus = _SURPLUS.get(len(fields), "")
        nearest = surplus and _nearest(text)
        if nearest and "?" not in text:
            nearest = f"if the first are seconds, {nearest}"
        remedy = nearest or f"write five, minute hour day month weekday, '0 9 * * 1-5'{surplus}"
        raise InvalidCron(f"{shown(expression)} has {len(fields)} fields: {remedy}")
    return fields


def _nearest(text: str) -> str | None:
    """The remedy for another scheduler's expression, if there is one that is taken."""
    fields = foreign_cron.five_fields(text)
    try:
        nearest = None if fields is None else _parse(fields).expression
    except InvalidCron:
        return None
    years = ", with starts_at and ends_at for its years" if foreign_cron.is_of_a_year(text) else ""
    return nearest and f"write {nearest!r}{years}"


def _alias(text: str) -> str:
    known = _ALIASES.get(text.lower())
    if known is None:
        reason = "has no meaning for a server that never boots" if text.lower() == "@reboot" else "is not known"
        raise InvalidCron(f"{shown(text)} {reason}: use {', '.join(_ALIASES)} or five fields")
    return known


def _values(text: str, *, field: _Field) -> set[int]:
    terms = [term for term in text.split(",") if _sign(term, field=field) is None]
    return {value for term in terms for value in _term(term, field=field)}


def _signs(text: str, *, field: _Field) -> tuple[DaySign, ...]:
    found = {sign for term in text.split(",") if (sign := _sign(term, field=field)) is not None}
    if len(found) > _MOST_SIGNS:
        raise InvalidCron(f"the {field.name} has {len(found)} of L, W and #: {_MOST_SIGNS} are the most")
    return tuple(sorted(found, key=lambda sign: (sign.day, sign.nth, sign.kind)))


def _sign(term: str, *, field: _Field) -> DaySign | None:
    if field.name == "day of the month" and (match := MONTH_SIGN.fullmatch(term)):
        last, last_workday, day = match.groups()
        if last or last_workday:
            return DaySign("last" if last else "last_workday")
        return DaySign("near", field.number(day))
    if field.name == "day of the week" and (match := WEEK_SIGN.fullmatch(term)):
        weekday, nth = match.groups()
        if nth is None:
            return DaySign("last_of", field.number(weekday) % 7)
        if not 1 <= int(nth) <= 5:
            raise InvalidCron(f"{shown(term)} is out of range: a month has a weekday 1 to 5 times, as in 2#1")
        return DaySign("nth", field.number(weekday) % 7, int(nth))
    return None


def _term(term: str, *, field: _Field) -> range:
    match = _TERM.fullmatch(term)
    if match is None:
        remedy = field.meant_by(term) or f"write {_examples(field)}"
        raise InvalidCron(f"{shown(term)} is not {field.a_name}: {remedy}")
    star, first, last, step_text = match.groups()
    step = int(step_text or 1)
    if step == 0:
        raise InvalidCron(f"{shown(term)} has a step of 0: use 1 or more")
    if star:
        return range(field.lowest, field.highest + 1, step)
    start = field.number(first)
    if last is None:
        return range(start, (field.highest if step_text else start) + 1, step)
    end = field.number(last)
    if end == 0 and start > 0 and field.highest == 7:
        end = 7  # FRI-SUN: as the end of a range, Sunday is the day after Saturday
    if end < start:
        raise InvalidCron(f"{shown(term)} runs backwards: write {_unwrapped(first, last, step=step, field=field)}")
    return range(start, end + 1, step)


def _unwrapped(first: str, last: str, *, step: int, field: _Field) -> str:
    """A range that runs over the end of the field, as it can be written."""
    if step == 1:
        return f"{first}-{field.highest},{field.lowest}-{last}"
    # Sunday is the first day of the week and not the last one as well.
    highest = field.highest - 1 if field.highest == 7 else field.highest
    size = highest - field.lowest + 1
    steps = range(field.number(first), field.number(last) + size + 1, step)
    return ",".join(str((value - field.lowest) % size + field.lowest) for value in steps)


def _examples(field: _Field) -> str:
    first = field.names[1] if field.names else str(field.lowest)
    return f"*, {first}, {field.lowest}-{field.highest // 2}, */2 or a list of them"


def _canonical(text: str, values: set[int], signs: Sequence[DaySign], field: _Field) -> str:
    """The field in numbers; a leading `*` is kept, as it changes how days combine and what daylight saving does."""
    first_term = text.split(",", maxsplit=1)[0]
    star = first_term if text.startswith("*") else ""
    rest = values - set(_term(star, field=field)) if star else values
    spans = [f"{low}-{high}" if high > low else f"{low}" for low, high in runs(sorted(rest))]
    return ",".join([*([star] if star else []), *spans, *map(str, signs)])


def runs(values: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted values as (first, last) of each unbroken run."""
    found: list[tuple[int, int]] = []
    for value in values:
        if found and found[-1][1] == value - 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found


def _next_by_the_clock(cron: Cron, *, after: datetime, zone: tzinfo) -> datetime | None:
    local = after.astimezone(zone)
    wall = local.replace(tzinfo=None, second=0, microsecond=0, fold=0)
    found = _first_instant(cron, wall=wall + _MINUTE, after=after, zone=zone)
    passes = instants_of(wall, zone=zone)
    if len(passes) < 2 or local.fold:
        return found
    # The clock will go back over what it has just shown: this wall time and earlier ones are still to come again.
    again = _first_instant(cron, wall=wall - (passes[1] - passes[0]), after=after, zone=zone)
    return min(found, again) if found and again else found or again


def _first_instant(cron: Cron, *, wall: datetime, after: datetime, zone: tzinfo) -> datetime | None:
    """The first instant beyond `after` of the first matching wall time, from `wall` on, that has one."""
    while (found := next_wall(cron, wall=wall)) is not None:
        for at in instants_of(found, zone=zone):
            if at > after:
                return at
        wall = found + _MINUTE
    return None


def _matches_day(cron: Cron, *, year: int, month: int, day: int, weekday: int) -> bool:
    by_day, by_weekday = day in cron.days, weekday in cron.weekdays
    if not by_day and cron.day_signs:
        by_day = any(day_of(sign, year=year, month=month) == day for sign in cron.day_signs)
    if not by_weekday and cron.weekday_signs:
        by_weekday = any(day_of(sign, year=year, month=month) == day for sign in cron.weekday_signs)
    return (by_day or by_weekday) if cron.runs_either_day else (by_day and by_weekday)


def _next_time(cron: Cron, *, hour: int, minute: int) -> tuple[int, int] | None:
    """The first matching (hour, minute) of the day at or after the one given."""
    index = bisect_left(cron.hours, hour)
    if index < len(cron.hours) and cron.hours[index] == hour:
        position = bisect_left(cron.minutes, minute)
        if position < len(cron.minutes):
            return hour, cron.minutes[position]
        index += 1
    return (cron.hours[index], cron.minutes[0]) if index < len(cron.hours) else None
