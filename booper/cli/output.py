"""What a command prints: tables for people, JSON for programs, nothing that drives the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from booper.client import Json

Columns = Mapping[str, str]
"""Heading -> where its value is in a row, `job.state` for a nested one."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a command has to say in words of its own, the same as JSON, and how it ends."""

    value: Any
    text: str
    code: int = 0
    is_text: bool = False
    """True: the words are all of it, whatever reads them."""


def wants_json(output: str | None) -> bool:
    return (output or ("table" if sys.stdout.isatty() else "json")) == "json"


def show(answer: Any, *, output: str | None, columns: Columns | None) -> None:
    if isinstance(answer, Report) and (answer.is_text or not wants_json(output)):
        _emit(answer.text)
    elif wants_json(output):
        is_unicode = _encoding().lower().replace("-", "") == "utf8"
        value = answer.value if isinstance(answer, Report) else answer
        _emit(json.dumps(value, indent=2, ensure_ascii=not is_unicode))
    elif isinstance(answer, list):
        rows = [row if isinstance(row, dict) else {"value": row} for row in answer]
        _emit(_table(rows, columns=columns or _columns_of(rows)))
    else:
        _emit(_details(answer) if isinstance(answer, dict) else _text(answer))


def _emit(text: str) -> None:
    """Print whatever the terminal's encoding has no character for as an escape, rather than stop."""
    print(text.encode(_encoding(), "backslashreplace").decode(_encoding()))


def _encoding() -> str:
    return sys.stdout.encoding or "utf-8"


def _table(rows: Sequence[Json], *, columns: Columns) -> str:
    if not rows:
        return "Nothing found."
    cells = [list(columns), *([_text(_at(row, path)) for path in columns.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def _columns_of(rows: Sequence[Json]) -> Columns:
    """A column for each plain value of the first row."""
    first = rows[0] if rows else {}
    return {name.upper(): name for name, value in first.items() if not isinstance(value, dict | list)}


def _details(row: Json) -> str:
    """A line for each value that is set, `job.state` for a nested one; a list has a line for each of its items."""
    lines: list[tuple[str, str]] = []
    for name, value in row.items():
        nested = value.items() if name == "job" and isinstance(value, dict) else ()
        lines += [(f"{name}.{key}", _text(each)) for key, each in nested if each is not None]
        if isinstance(value, list):
            lines += [(name if index == 0 else "", _text(each)) for index, each in enumerate(value)]
        elif value is not None and not nested:
            lines.append((name, _text(value)))
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name.ljust(width)}  {text}".rstrip() for name, text in lines)


def _at(row: Json, path: str) -> Any:
    value: Any = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def printable_lines(text: str) -> str:
    """The same of a text of several lines, which stay."""
    return "\n".join(map(printable, text.split("\n")))


def printable(text: str) -> str:
    """Nothing in a name or an answer may drive the terminal: control characters become escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
