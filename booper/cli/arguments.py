"""Arguments with a shape of their own: a header, a number, a duration, a rate."""

from __future__ import annotations

import argparse
import re
from typing import Any

from booper.client import Json
from booper.timing import durations


def rate_of(text: str) -> Json:
    limit, slash, period = text.partition("/")
    if not slash or not limit.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no rate, use one like '100/minute' or '5/30 seconds'")
    return {"limit": int(limit), "period": duration_of(period if period.strip()[:1].isdigit() else f"1 {period}")}


def header_of(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not understood, use 'Name: value'")
    return name.strip(), value.strip()


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHORT = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[smhdw])+", re.ASCII)
_SHORT_PART = re.compile(r"([0-9.]+)([smhdw])")


def duration_of(text: str) -> Any:
    """[30, "seconds"] from `30s`, `30 seconds` or `30`; [5400, "seconds"] from `1h30m`."""
    try:
        return _duration(text).as_json()
    except durations.InvalidDuration as error:
        raise argparse.ArgumentTypeError(f"{error}; or 30s, 5m, 1h30m") from error


def seconds_of(text: str) -> float:
    """90 from `1m30s`, `90 seconds` or `90`."""
    try:
        duration = _duration(text)
    except durations.InvalidDuration as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if duration.is_calendar:
        raise argparse.ArgumentTypeError(f"{text!r} has no fixed length, use one like 30s or 5m")
    seconds = duration.nominal_seconds
    return int(seconds) if float(seconds).is_integer() else seconds


def _duration(text: str) -> durations.Duration:
    """Raises InvalidDuration."""
    short = text.strip().lower()
    if not _SHORT.fullmatch(short):
        return durations.parse(text)
    parts = [durations.parse([amount, _UNITS[unit]]) for amount, unit in _SHORT_PART.findall(short)]
    if len(parts) == 1:
        return parts[0]
    return durations.parse(sum(part.nominal_seconds for part in parts))
