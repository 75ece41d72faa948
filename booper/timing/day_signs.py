"""Signs of a cron's day fields beside numbers: `L`, `LW` and `15W` of the month, `5L` and `2#1` of the week."""

import re
from calendar import monthrange
from dataclasses import dataclass
from typing import Literal

MONTH_SIGN = re.compile(r"(?:(L)|(LW)|(\d{1,2})W)", re.ASCII | re.IGNORECASE)
WEEK_SIGN = re.compile(r"(\d|[A-Z]{3})(?:L|#(\d))", re.ASCII | re.IGNORECASE)

_SATURDAY, _SUNDAY = 5, 6  # as monthrange counts


@dataclass(frozen=True, slots=True)
class DaySign:
    """Stands for one day of a month at most. `day` is a day of the month, or of the week with Sunday as 0."""

    kind: Literal["last", "last_workday", "near", "last_of", "nth"]
    day: int = 0
    nth: int = 0

    def __str__(self) -> str:
        spellings = {
            "last": "L",
            "last_workday": "LW",
            "near": f"{self.day}W",
            "last_of": f"{self.day}L",
            "nth": f"{self.day}#{self.nth}",
        }
        return spellings[self.kind]


def day_of(sign: DaySign, *, year: int, month: int) -> int | None:
    """The day of that month that the sign stands for; None where the month has none."""
    first_weekday, length = monthrange(year, month)
    if sign.kind == "last":
        return length
    if sign.kind == "last_workday":
        return _nearest_workday(length, first_weekday=first_weekday, length=length)
    if sign.kind == "near":
        return _nearest_workday(sign.day, first_weekday=first_weekday, length=length) if sign.day <= length else None
    first = (sign.day - 1 - first_weekday) % 7 + 1
    if sign.kind == "last_of":
        return first + (length - first) // 7 * 7
    day = first + (sign.nth - 1) * 7
    return day if day <= length else None


def _nearest_workday(day: int, *, first_weekday: int, length: int) -> int:
    """Monday to Friday nearest to `day`, never in another month."""
    weekday = (first_weekday + day - 1) % 7
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day
