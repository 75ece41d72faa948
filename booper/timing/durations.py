"""Lengths and moments of time as clients write them; months and years go by the calendar, multiples do not drift."""

import math
import re
import reprlib
from calendar import monthrange
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from functools import lru_cache

from booper.timing import suggestions

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
_MONTHS = {"months": 1, "years": 12}
UNITS = (*_SECONDS, *_MONTHS)

# Ten years hold two or three 29 Februaries: 3,653 days is the longest they get.
_LONGEST_SECONDS = 3_653 * 86_400
_LONGEST_MONTHS = 120
_MEAN_MONTH_SECONDS = 2_629_746  # a twelfth of the mean Gregorian year
_SHORTEST_MONTH_SECONDS = 28 * 86_400

_MICROSECOND = timedelta(microseconds=1)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_AMOUNT_AND_UNIT = re.compile(rf"({_NUMBER.pattern})\s*([A-Za-z]*)", re.ASCII)
_TIMESTAMP = re.compile(r"(?:[0-9]{10}|[0-9]{13})(?:\.[0-9]+)?")
# RFC 3339, whose T and Z may be small and whose T a space; without an offset, seconds or a time of day it is ours.
_DATETIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
_LONGEST_TEXT = 64
# From here on a timestamp is read as milliseconds: as seconds it would be the year 5138.
_MILLISECONDS_ABOVE = 100_000_000_000
_REMEDY = 'write seconds (30), [5, "minutes"] or "5 minutes"'


class InvalidDuration(ValueError):
    """The value is not a length of time; the message names it and the remedy, and is fit for a client to read."""


class InvalidMoment(ValueError):
    """The value is not a moment in time; the message names it and the remedy, and is fit for a client to read."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time that is zero or more and at most ten years; made by `parse`.

    `unit` is one of `UNITS`. Seconds to weeks have a fixed length (a day is 24 hours, whatever the clocks do). Months
    and years go by the calendar, a year being twelve months; half a month is half of the very month it falls into.
    """

    amount: int | float
    unit: str

    def after(self, moment: datetime, *, zone: tzinfo | None = None, times: int = 1) -> datetime:
        """The moment `times` of these after an aware `moment`, in UTC.

        Counted from `moment` in one step, so that 31 January and two months is 31 March, and a fraction does not drift.
        `zone` (UTC if left out) says whose calendar and wall clock months and years go by. A wall time that its zone
        skips becomes the first instant after the gap. Raises InvalidDuration beyond the year 9999.
        """
        _require_aware(moment)
        try:
            if self.unit in _MONTHS:
                months = _exact(self.amount) * _MONTHS[self.unit] * times
                return _add_months(moment, months=months, zone=zone or UTC)
            return moment.astimezone(UTC) + timedelta(microseconds=math.floor(self.microseconds * times))
        except OverflowError:
            raise InvalidDuration(f"{times} times {self} after {moment:%Y-%m-%d} is beyond the calendar") from None

    @property
    def is_calendar(self) -> bool:
        """Whether its length depends on where in the calendar it is laid."""
        return self.unit in _MONTHS

    @property
    def microseconds(self) -> Fraction:
        """The exact length of a fixed unit, in microseconds; raises KeyError for months and years."""
        return _exact(self.amount) * _SECONDS[self.unit] * 1_000_000

    @property
    def months(self) -> Fraction:
        """The exact number of months in a calendar unit; raises KeyError for the others."""
        return _exact(self.amount) * _MONTHS[self.unit]

    @property
    def nominal_seconds(self) -> float:
        """The length in seconds where no calendar is at hand: exact up to weeks, by the mean month beyond."""
        if self.is_calendar:
            return float(self.months * _MEAN_MONTH_SECONDS)
        return self.amount * _SECONDS[self.unit]

    @property
    def shortest_seconds(self) -> float:
        """The least number of seconds it can come to: a month counts as 28 days."""
        if self.is_calendar:
            return float(self.months * _SHORTEST_MONTH_SECONDS)
        return self.nominal_seconds

    def as_json(self) -> list[int | float | str]:
        """`[5, "minutes"]`, which `parse` reads back as an equal value."""
        return [self.amount, self.unit]

    def __str__(self) -> str:
        return f"{self.amount} {self.unit[:-1] if self.amount == 1 else self.unit}"


def parse(value: object) -> Duration:
    """Read `5` and `0.5` (seconds), `[5, "minutes"]` or `"30 seconds"`; numbers may be text, as form bodies send them.

    Raises InvalidDuration for anything else, and for negative, infinite and boolean amounts and more than ten years.
    """
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise InvalidDuration(f"{shown(value)} is not a duration: {_REMEDY}")
        amount, unit = value
        return _checked(_number(amount, value=value), unit=_unit(unit, value=value), value=value)
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        match = _AMOUNT_AND_UNIT.fullmatch(value.strip())
        if match is not None:
            unit = _unit(match[2] or "seconds", value=value)
            return _checked(_number(match[1], value=value), unit=unit, value=value)
    return _checked(_number(value, value=value), unit="seconds", value=value)


def parse_moment(value: object, *, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Read a datetime as in RFC 3339 or a unix timestamp (milliseconds above 1e11) as an aware datetime in UTC.

    Seconds, the time of day and the offset may be left out. A string without an offset is wall time in `zone`, UTC if
    left out; a wall time that comes twice is the first, one that is skipped the first instant after the gap. A string
    of digits is a timestamp if there are ten (seconds) or thirteen (milliseconds). The past is fine. Raises
    InvalidMoment for what cannot be read, for a negative timestamp and for more than ten years after `now`.
    """
    moment = _timestamp(value) if _is_timestamp(value) else _datetime(value, zone=zone or UTC)
    if moment > Duration(10, "years").after(now):
        raise InvalidMoment(f"{shown(value)} is more than ten years ahead: choose a time before {now.year + 10}")
    return moment


def instants_of(wall: datetime, *, zone: tzinfo) -> tuple[datetime, ...]:
    """The instants, in UTC and in order, at which clocks in `zone` show the naive `wall`.

    One as a rule, two where the clock goes back over it, none where it is skipped.
    """
    early_offset, late_offset = _offsets(wall, zone)
    if early_offset == late_offset:
        return ((wall - early_offset).replace(tzinfo=UTC),)
    if early_offset < late_offset:
        return ()
    return ((wall - early_offset).replace(tzinfo=UTC), (wall - late_offset).replace(tzinfo=UTC))


def instant_of(wall: datetime, *, zone: tzinfo) -> datetime:
    """The one instant meant by the naive `wall` in `zone`, in UTC: the first of two, or the first after the gap."""
    instants = instants_of(wall, zone=zone)
    return instants[0] if instants else _gap_end(wall.replace(microsecond=0), zone)


def shown(value: object) -> str:
    """`value` as an error message can carry it: short, whatever a client sent."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python declines to write out an integer of more than 4,300 digits.
        return "a number of thousands of digits"


def _offsets(wall: datetime, zone: tzinfo) -> tuple[timedelta, timedelta]:
    local = wall.replace(tzinfo=zone, fold=0)
    early_offset, late_offset = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert early_offset is not None  # the time zone is set
    assert late_offset is not None
    return early_offset, late_offset


def _gap_end(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant after the gap that swallows `wall`: between the two readings of it, by bisection on seconds."""
    offset_before, offset_after = _offsets(wall, zone)
    start = (wall - offset_after).replace(tzinfo=UTC)
    before, after = 0, int((offset_after - offset_before).total_seconds())
    while after - before > 1:
        middle = (before + after) // 2
        if (start + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset_before:
            before = middle
        else:
            after = middle
    return start + timedelta(seconds=after)


def _add_months(moment: datetime, *, months: Fraction, zone: tzinfo) -> datetime:
    whole = math.floor(months)
    start = _add_whole_months(moment, months=whole, zone=zone)
    if months == whole:
        return start
    length = (_add_whole_months(moment, months=whole + 1, zone=zone) - start) // _MICROSECOND
    return start + timedelta(microseconds=math.floor((months - whole) * length))


def _add_whole_months(moment: datetime, *, months: int, zone: tzinfo) -> datetime:
    if months == 0:
        return moment.astimezone(UTC)
    wall = moment.astimezone(zone).replace(tzinfo=None)
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    if not MINYEAR < year < MAXYEAR:
        raise OverflowError
    day = min(wall.day, monthrange(year, month + 1)[1])
    return instant_of(wall.replace(year=year, month=month + 1, day=day), zone=zone)


@lru_cache(maxsize=1024)
def _exact(amount: int | float) -> Fraction:
    # By its decimal text: a client's 0.1 is a tenth, not the nearest binary fraction, or a long grid would drift.
    return Fraction(repr(amount))


def _number(amount: object, *, value: object) -> int | float:
    if isinstance(amount, bool):
        raise InvalidDuration(f"{shown(value)} is a boolean, not a duration: {_REMEDY}")
    if isinstance(amount, int | float):
        # A float that knows how it was written may have an exponent that no fraction could take.
        return float(amount) if isinstance(amount, float) else amount
    if isinstance(amount, str) and len(amount) <= _LONGEST_TEXT and _NUMBER.fullmatch(amount.strip()):
        return _number_of(amount.strip())
    raise InvalidDuration(f"{shown(value)} is not a duration: {_REMEDY}")


def _number_of(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _unit(unit: object, *, value: object) -> str:
    if not isinstance(unit, str):
        raise InvalidDuration(f"{shown(value)} has no unit: {_REMEDY}")
    plural = unit.strip().lower().removesuffix("s") + "s"
    if plural in UNITS:
        return plural
    nearest = suggestions.nearest(plural[:20], UNITS)
    hint = f'did you mean "{nearest}"?' if nearest else f"use one of {', '.join(UNITS)}"
    raise InvalidDuration(f"{shown(unit)} in {shown(value)} is not a unit of time: {hint}")


def _checked(amount: int | float, *, unit: str, value: object) -> Duration:
    if isinstance(amount, float):
        if not math.isfinite(amount):
            raise InvalidDuration(f"{shown(value)} is not a finite number: {_REMEDY}")
        amount = int(amount) if amount.is_integer() else amount
    if amount < 0:
        raise InvalidDuration(f"{shown(value)} is negative: a duration is zero or more")
    is_too_long = (
        amount * _MONTHS[unit] > _LONGEST_MONTHS if unit in _MONTHS else amount > _LONGEST_SECONDS / _SECONDS[unit]
    )
    if is_too_long:
        raise InvalidDuration(f"{shown(value)} is more than ten years: use at most [10, 'years']")
    return Duration(amount, unit)


def _is_timestamp(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT and _TIMESTAMP.fullmatch(value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _timestamp(value: object) -> datetime:
    seconds = _number_of(value.strip()) if isinstance(value, str) else value
    assert isinstance(seconds, int | float)
    seconds = float(seconds) if isinstance(seconds, float) else seconds
    if not 0 <= seconds < _MILLISECONDS_ABOVE * 1_000:  # False for NaN as well
        raise InvalidMoment(f"{shown(value)} is not a unix timestamp: write seconds since 1970, such as 1798761600")
    exact = _exact(seconds) / 1_000 if seconds > _MILLISECONDS_ABOVE else _exact(seconds)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=math.floor(exact * 1_000_000))


def _datetime(value: object, *, zone: tzinfo) -> datetime:
    found = _DATETIME.fullmatch(value.strip(" ")) if isinstance(value, str) and len(value) <= _LONGEST_TEXT else None
    try:
        if found is None:
            raise ValueError
        return _instant(found, zone=zone)
    except (ValueError, OverflowError):
        remedy = 'write a datetime such as "2027-01-01T09:00:00Z" or a unix timestamp'
        raise InvalidMoment(f"{shown(value)} is not a moment: {remedy}") from None


def _instant(found: re.Match[str], *, zone: tzinfo) -> datetime:
    """Gives the moment in UTC. Raises ValueError or OverflowError for what the calendar or the clock does not have."""
    year, month, day, hour, minute, second = (int(found[number] or 0) for number in range(1, 7))
    # A leap second is the one after the 59th.
    is_leap = second == 60
    microsecond = int((found[7] or "")[:6].ljust(6, "0"))
    wall = datetime(year, month, day, hour, minute, 59 if is_leap else second, microsecond)  # noqa: DTZ001
    at = instant_of(wall, zone=zone) if found[8] is None else _with_offset(wall, found[8])
    if not is_leap:
        return at
    if (at.hour, at.minute) != (23, 59):
        raise ValueError("no leap second comes then")
    return at.replace(microsecond=0) + timedelta(seconds=1)


def _with_offset(wall: datetime, offset: str) -> datetime:
    if offset in "Zz":
        return wall.replace(tzinfo=UTC)
    hours, minutes = int(offset[1:3]), int(offset[4:])
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    ahead = timedelta(hours=hours, minutes=minutes)
    return (wall - ahead if offset[0] == "+" else wall + ahead).replace(tzinfo=UTC)


def _require_aware(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: pass an aware datetime")


_FIXED_UNITS = [Duration(1, unit) for unit in reversed(UNITS) if not Duration(1, unit).is_calendar]


def period(seconds: float) -> list[int | float | str]:
    """Gives the length in the largest unit that it is a whole number of: 60 seconds are [1, "minute"]."""
    for unit in _FIXED_UNITS:
        amount, rest = divmod(seconds, unit.nominal_seconds)
        if not rest:
            return [int(amount), unit.unit.removesuffix("s") if amount == 1 else unit.unit]
    return [seconds, "seconds"]
