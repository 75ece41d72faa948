"""What a command prints: tables for people, JSON for programs, nothing that drives the terminal."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from booper.cli import paint, words
from booper.cli.columns import Columns, cells, of_rows, printable, text
from booper.cli.tables import GAP, table

Render = Callable[[Any, datetime], str]
"""Puts an answer that is no table into lines for people, as of a moment; may raise for what it does not know."""

# Spelt so on the wire for who always knew it so; `has_conflict` says the same.
_NOT_SHOWN = frozenset({"has_confict"})
_OPENED = frozenset({"job", "args", "error", "used_by", "rate", "reason"})


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


def is_for_people(output: str | None) -> bool:
    return not wants_json(output)


def show(answer: Any, *, output: str | None, columns: Columns | None, render: Render | None = None) -> None:
    if isinstance(answer, Report) and (answer.is_text or not wants_json(output)):
        emit(answer.text)
        return
    if wants_json(output):
        show_json(answer.value if isinstance(answer, Report) else answer)
        return
    now = datetime.now(UTC)
    if isinstance(answer, list):
        rows = [row if isinstance(row, dict) else {"value": row} for row in answer]
        emit(_table(rows, columns=columns or of_rows([*rows]), now=now))
    elif render is not None and isinstance(answer, Mapping):
        emit(render(answer, now))
    else:
        emit(details(answer, now=now) if isinstance(answer, dict) else text(answer))


def show_json(answer: Any, *, indent: int | None = 2) -> None:
    is_unicode = _encoding().lower().replace("-", "") == "utf8"
    emit(json.dumps(answer, indent=indent, ensure_ascii=not is_unicode))


def emit(written: str) -> None:
    """Print whatever the terminal's encoding has no character for as an escape, rather than stop."""
    print(written.encode(_encoding(), "backslashreplace").decode(_encoding()))


def _encoding() -> str:
    return sys.stdout.encoding or "utf-8"


def width() -> int | None:
    """The terminal's, None where there is none: what goes into a file is not cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _table(rows: Sequence[Mapping[str, Any]], *, columns: Columns, now: datetime) -> str:
    if not rows:
        return "Nothing found."
    written = [list(columns), *(cells(row, columns, now=now) for row in rows)]
    return paint.painted(table(written, width=width()), gap=GAP)


def details(row: Mapping[str, Any], *, now: datetime) -> str:
    """A line for each value that is set, `job.state` for a nested one; a list has a line for each of its items."""
    lines: list[list[str]] = []
    zone = row.get("timezone")
    for name, value in row.items():
        nested = name in _OPENED and isinstance(value, dict)
        shown = {f"{name}.{key}": each for key, each in value.items()} if nested else {name: value}
        lines += [line for each, inner in shown.items() for line in _named(each, inner, now, zone=zone)]
    size = max((len(name) for name, *_ in lines), default=0)
    return paint.painted([[name.ljust(size), value] for name, value in lines], gap=GAP, has_headings=False)


def _named(name: str, value: Any, now: datetime, *, zone: Any) -> list[list[str]]:
    if value is None or name.rpartition(".")[2] in _NOT_SHOWN:
        return []
    if isinstance(value, list):
        items = [" ".join(map(text, value))] if _is_duration(value) else [_item(each, now) for each in value]
        return [[name if index == 0 else "", each] for index, each in enumerate(items)]
    if name == "frequency" and (said := words.frequency(value, zone=zone if isinstance(zone, str) else None)):
        return [[name, printable(said)]]
    moment = words.moment_of(value)
    near = "" if moment is None else words.from_here(moment, now=now)
    return [[name, f"{text(value)}  {near}" if near[:1].isalpha() or near.endswith("ago") else text(value)]]


def _is_duration(value: list[Any]) -> bool:
    return len(value) == 2 and isinstance(value[0], int | float) and isinstance(value[1], str)


def _item(value: Any, now: datetime) -> str:
    """One of a list: of an object whatever is set, if it is not nested itself."""
    if not isinstance(value, dict) or any(isinstance(each, dict | list) for each in value.values()):
        return text(value)
    moment = words.moment_of(value.get("at"))
    near = [] if moment is None else [words.from_here(moment, now=now)]
    return "  ".join([*(text(each) for each in value.values() if each is not None), *near])


def printable_lines(text: str) -> str:
    """The same of a text of several lines, which stay."""
    return "\n".join(map(printable, text.split("\n")))
