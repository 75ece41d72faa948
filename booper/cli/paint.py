"""Colours for whoever reads in a terminal, where rich is installed and NO_COLOR does not forbid them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TextIO

_OF_WORDS = {
    "completed": "green",
    "delivered": "green",
    "working": "green",
    "discarded": "bold red",
    "failed": "bold red",
    "off": "bold red",
    "retryable": "yellow",
    "failing": "yellow",
    "executing": "cyan",
    "sending": "cyan",
    "available": "cyan",
    "cancelled": "dim",
}


def is_wanted(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return False
    return find_spec("rich") is not None


def painted(lines: Sequence[Sequence[str]], *, gap: int, has_headings: bool = True) -> str:
    """The lines of a table, each cell that says how something stands in its colour, if stdout is for colours."""
    if not is_wanted(sys.stdout):
        return "\n".join((" " * gap).join(line).rstrip() for line in lines)
    rich_text = import_module("rich.text")
    whole = rich_text.Text()
    for number, line in enumerate(lines):
        for place, cell in enumerate(line):
            style = "bold" if has_headings and number == 0 else _OF_WORDS.get(cell.strip(), "")
            whole.append(cell if place == len(line) - 1 else cell + " " * gap, style=style)
        whole.append("\n" if number < len(lines) - 1 else "")
    return _with_escapes(whole)


def _with_escapes(text: object) -> str:
    written = io.StringIO()
    console = import_module("rich.console").Console(
        file=written, force_terminal=True, width=10_000, highlight=False, soft_wrap=True, no_color=False
    )
    console.print(text, end="")
    return "\n".join(line.rstrip() for line in written.getvalue().split("\n"))
