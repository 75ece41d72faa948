"""How the API spells what Python has: times, durations, ids, filters and bodies."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from booper.client.errors import InvalidCall
from booper.client.shapes import Filter
from booper.timing.timestamps import timestamp


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number of JSON that goes out digit by digit as it was written, since a float would round or respell it."""

    text: str


def as_text(value: Filter) -> str:
    """A filter as the API reads it in a query string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(value)
    return str(value)


def _moment(value: datetime) -> str:
    """RFC 3339; a naive datetime stays without an offset, for the server to read in the job's `timezone`."""
    if value.tzinfo is None:
        return value.isoformat()
    return timestamp(value)


def encoded(body: Any) -> bytes:
    """JSON in ASCII. Raises InvalidCall for what JSON has no words for."""
    numbers: list[str] = []
    # The json module writes no number but by its value: a mark that nobody can guess holds the place of the text.
    mark = secrets.token_hex(16)

    def spelt(value: Any) -> str | float:
        if isinstance(value, WrittenNumber):
            numbers.append(value.text)
            return f"{mark}{len(numbers) - 1}"
        return _plain(value)

    try:
        text = json.dumps(body, allow_nan=False, default=spelt)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidCall(f"body: can't be written as JSON: {error}") from error
    if numbers:
        text = re.sub(f'"{mark}([0-9]+)"', lambda found: numbers[int(found[1])], text)
    return text.encode("ascii")


def _plain(value: Any) -> str | float:
    """What JSON has no type for, but the API a spelling."""
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}, use a string, number, list or dict")


def quoted(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeError as error:
        raise InvalidCall(f"id: {text!r} has characters that can't be sent") from error
