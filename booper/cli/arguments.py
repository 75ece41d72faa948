"""Arguments with a shape of their own: a header, a number, a duration, a rate."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from booper.cli.documents import shortened
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


def number_of(text: str) -> int | float:
    try:
        number = json.loads(text)
    except (ValueError, RecursionError):
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not a number")
    return number


def duration_of(text: str) -> Any:
    """[30, "seconds"] from `30 seconds` or `30`."""
    try:
        return durations.parse(text).as_json()
    except durations.InvalidDuration as error:
        raise argparse.ArgumentTypeError(str(error)) from error
