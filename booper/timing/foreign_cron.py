"""Expressions of other schedulers, each with what says the same here, as far as anything does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_CALL = re.compile(r"(cron|rate|at)\((.*?)\)?", re.IGNORECASE | re.DOTALL)
_RATE = re.compile(r"\s*([0-9]{1,9})\s+(minute|hour|day|second|week)s?\s*", re.IGNORECASE)
_AT = re.compile(r"\s*([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)\s*")
_EVERY = re.compile(r"@every\s+((?:[0-9]{1,9}(?:h|m|s))+)", re.IGNORECASE)
_SECONDS_ALONE = re.compile(r"(?:\*|0)/([0-9]{1,5})(?:\s+[*?]){5,6}")
_PART = re.compile(r"([0-9]+)([hms])")
_EXAMPLE = "2026-12-24T18:00:00"
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_UNITS = ((3600, "hours"), (60, "minutes"), (1, "seconds"))
# cron-job.org's API has a list of numbers for each field, [-1] for any.
_LISTS = ("minutes", "hours", "mdays", "months", "wdays")
_WEEKDAY = re.compile(r"(?<![#/\w])([1-7])(?=$|[-,/L#])")
_LAST_WEEKDAY = re.compile(r"(?<![\w#])L(?!\w)")


def five_fields(text: str) -> str | None:
    """What five fields say that `text` says with EventBridge's, Quartz's or Spring's six or seven; None for others."""
    call = _CALL.fullmatch(text.strip())
    if call is not None and call[1].lower() == "cron":
        fields = call[2].split()
        return _from_sunday_1(fields[:5]) if len(fields) in (5, 6) else None
    fields = text.split()
    if len(fields) == 5 and "?" not in text:
        return text
    if len(fields) == 6 and "?" in (fields[2], fields[4]):
        return _from_sunday_1(fields[:5])  # EventBridge's, without its name
    if len(fields) in (6, 7) and "?" in text:
        return _from_sunday_1(fields[1:6])
    if len(fields) == 6:
        return " ".join(fields[1:])
    if len(fields) == 5 and "?" in text:
        return " ".join(fields).replace("?", "*")
    return None


def whose(text: str) -> str | None:
    """What the form is called, if it is one that shows."""
    if _EVERY.fullmatch(text):
        return "Go's form"
    if _SECONDS_ALONE.fullmatch(text):
        return "by the second"
    return "EventBridge's form" if _CALL.match(text) else None


def _from_sunday_1(fields: list[str]) -> str:
    """Five fields whose Sunday is 1, and whose ? is any."""
    weekday = _WEEKDAY.sub(lambda found: str(int(found[1]) - 1), fields[4])
    weekday = _LAST_WEEKDAY.sub("6", weekday)
    return " ".join([*fields[:4], weekday]).replace("?", "*")


def is_of_a_year(text: str) -> bool:
    """Whether the years that it names are some and not all."""
    call = _CALL.fullmatch(text.strip())
    fields = text.split() if call is None else call[2].split()
    place = 6 if call is None else 5
    return len(fields) == place + 1 and fields[place] not in ("*", "?")


def other_field(text: str) -> str | None:
    """Which other field than cron says the same: `rate(…)`, `at(…)` and `@every …`."""
    text = text.strip()
    if every := _EVERY.fullmatch(text):
        seconds = sum(int(amount) * _SECONDS[unit] for amount, unit in _PART.findall(every[1].lower()))
        return f"write repeat_every instead: {_duration(seconds)}"
    if seconds_alone := _SECONDS_ALONE.fullmatch(text):
        return f"write repeat_every instead: {_duration(int(seconds_alone[1]))}"
    call = _CALL.fullmatch(text)
    if call is None:
        return None
    kind, inner = call[1].lower(), call[2]
    if kind == "rate":
        rate = _RATE.fullmatch(inner)
        amount = 'as in [5, "minutes"]' if rate is None else f'[{int(rate[1])}, "{rate[2].lower()}s"]'
        return f"write repeat_every instead: {amount}"
    if kind == "at":
        at = _AT.fullmatch(inner)
        return f"write scheduled_at instead: {'as in ' if at is None else ''}'{_EXAMPLE if at is None else at[1]}Z'"
    return None


def _duration(seconds: int) -> str:
    for size, unit in _UNITS:
        if seconds and seconds % size == 0:
            return f'[{seconds // size}, "{unit}"]'
    return '[5, "minutes"]'


def of_lists(value: Any) -> str | None:
    """Five fields of cron-job.org's object of lists, `{"minutes": [0, 30], "hours": [-1], …}`; None for others."""
    if not isinstance(value, Mapping) or not {*_LISTS} & {*value}:
        return None
    fields = []
    for name in _LISTS:
        numbers = value.get(name, [-1])
        is_list = isinstance(numbers, list) and 0 < len(numbers) <= 60
        if not is_list or not all(type(number) is int and -1 <= number <= 59 for number in numbers):
            return None
        fields.append("*" if -1 in numbers else ",".join(map(str, sorted({*numbers}))))
    return " ".join(fields)
