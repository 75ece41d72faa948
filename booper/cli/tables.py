"""Tables that fit the terminal: the widest cells are cut first, then the last columns left out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

GAP = 2
_LEAST = 8
"""No column that is cut is narrower, or nothing could be read in it."""
_KEPT = 3
"""So many columns are shown whatever the width: they say which row it is and how it stands."""

Lines = list[list[str]]


def table(rows: Sequence[Sequence[str]], *, width: int | None) -> Lines:
    """The cells of each line, padded to the width of their column; the first row is the headings.

    `width` is the terminal's, None for as wide as it gets. Of more rows than one, columns that have nothing in any give
    way first.
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    widths = [max(map(columns_of, column)) for column in columns]
    shown = list(range(len(columns)))
    if width is not None:
        shown = _that_fit(columns, widths, width=width)
        widths = _shrunk([widths[each] for each in shown], width=width)
        columns = [columns[each] for each in shown]
    padded = [[_padded(cell, size) for cell in column] for column, size in zip(columns, widths, strict=True)]
    return [list(line) for line in zip(*padded, strict=True)]


def _that_fit(columns: Sequence[Sequence[str]], widths: Sequence[int], *, width: int) -> list[int]:
    shown = list(range(len(columns)))
    if _needed(widths, shown) > width:
        shown = [each for each in shown if each == 0 or set(columns[each][1:]) != {"-"}]
    readable = [widths[0], *(min(each, _LEAST * 2) for each in widths[1:])]
    while len(shown) > _KEPT and _needed(readable, shown) > width:
        shown.pop()
    return shown


def _needed(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[each] for each in shown) + GAP * (len(shown) - 1)


def _shrunk(widths: Sequence[int], *, width: int) -> list[int]:
    """The widths, the widest taken back one by one until all fit; the first, which names the row, at last."""
    first, *left = widths
    room = width - GAP * len(left)
    while left and first + sum(left) > room and max(left) > _LEAST:
        left[left.index(max(left))] -= 1
    return [min(first, max(_LEAST, room - sum(left))), *left]


def _padded(cell: str, size: int) -> str:
    if columns_of(cell) > size:
        cell = cut(cell, size)
    return cell + " " * (size - columns_of(cell))


def cut(text: str, size: int) -> str:
    """The beginning of a text and `…`, in at most `size` columns of the terminal."""
    if columns_of(text) <= size:
        return text
    room = size - 1
    kept = ""
    for character in text:
        room -= columns_of(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…"


def wrapped(text: str, size: int) -> list[str]:
    """The whole text in lines of at most `size` columns, broken between words where that goes."""
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if columns_of(joined) <= size:
            line = joined
            continue
        lines += [line] if line else []
        while columns_of(word) > size:
            head = _beginning(word, size)
            lines.append(head)
            word = word[len(head) :]  # noqa: PLW2901 - what is left of it
        line = word
    return [*lines, line]


def _beginning(word: str, size: int) -> str:
    kept = ""
    for character in word:
        if columns_of(kept + character) > size:
            break
        kept += character
    return kept


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: two for the wide characters of East Asia and emoji."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )
