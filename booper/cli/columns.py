"""The columns of tables: where a value is in a row, and how it is put into words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from booper.cli import words

Row = Mapping[str, Any]
Cell = Callable[[Row, datetime], Any]
Columns = Mapping[str, str | Cell]
"""Heading -> where its value is in a row, `job.state` for a nested one, or what puts it into words as of a moment.

What matters most comes first: a terminal that is too narrow for all shows the first ones.
"""


def at(row: Row, path: str) -> Any:
    value: Any = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def when(*paths: str) -> Cell:
    """The first of these moments that there is, seen from now."""

    def cell(row: Row, now: datetime) -> Any:
        for path in paths:
            value = at(row, path)
            moment = words.moment_of(value)
            if value is not None:
                return value if moment is None else words.from_here(moment, now=now)
        return None

    return cell


def first(*paths: str) -> Cell:
    """The first of these values that there is."""
    return lambda row, _: next((value for path in paths if (value := at(row, path)) is not None), None)


def frequency(row: Row, _: datetime) -> str | None:
    return words.frequency(row.get("frequency"), zone=row.get("timezone"))


def error(row: Row, _: datetime) -> str | None:
    return words.error(row.get("error"))


def request(row: Row, _: datetime) -> str | None:
    """`POST https://example.com/hook`."""
    url = at(row, "args.url")
    return None if url is None else f"{str(at(row, 'args.method') or 'get').upper()} {url}"


def listed(path: str) -> Cell:
    """A list with commas between its items."""

    def cell(row: Row, _: datetime) -> Any:
        value = at(row, path)
        return ", ".join(str(each) for each in value) or None if isinstance(value, list) else value

    return cell


def length(path: str) -> Cell:
    """How many there are in a list."""

    def cell(row: Row, _: datetime) -> Any:
        value = at(row, path)
        return len(value) or None if isinstance(value, list) else None

    return cell


def cells(row: Row, columns: Columns, *, now: datetime) -> list[str]:
    return [text(each(row, now) if callable(each) else at(row, each)) for each in columns.values()]


def of_rows(rows: list[Row]) -> Columns:
    """A column for each plain value of the first row."""
    first_row = rows[0] if rows else {}
    return {name.upper(): name for name, value in first_row.items() if not isinstance(value, dict | list)}


def text(value: Any) -> str:
    """One line for a value; `-` for none."""
    if value is None:
        return "-"
    value = words.plain(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def printable(value: str) -> str:
    """Nothing in a name or an answer may drive the terminal: control characters become escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in value
    )
