"""Reads JSON as strictly as the server does, and keeps the place of everything in it."""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder
from typing import Any

from booper.cli.as_code.places import MAX_DEPTH, Content, Mistake, Path, Place, place_in
from booper.cli.documents import shortened, written_fraction, written_integer

_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}
_STRINGS = JSONDecoder()
_WORD = re.compile(r"[A-Za-z]+")


def read(text: str) -> Content:
    """Raises Mistake."""
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._places: dict[Path, Place] = {}
        # Places are asked for from the front to the back, so that no line is counted twice.
        self._counted, self._line, self._line_start = 0, 1, 0

    def whole(self) -> Content:
        at = self._after_blanks(0)
        self._places[()] = self._place(at)
        value, at = self._value(at, ())
        at = self._after_blanks(at)
        if at < len(self._text):
            raise self._mistake("there is more after the end of the JSON: take it out", at)
        return Content(value, self._places)

    def _value(self, at: int, path: Path) -> tuple[Any, int]:
        if len(path) > MAX_DEPTH:
            raise self._mistake(f"it nests deeper than {MAX_DEPTH}: make it flatter", at)
        match self._text[at : at + 1]:
            case "{":
                return self._object(at + 1, path)
            case "[":
                return self._list(at + 1, path)
            case '"':
                return self._string(at)
        if number := _NUMBER.match(self._text, at):
            return self._number(number, at)
        word = _WORD.match(self._text, at)
        if word is not None and word[0] in _WORDS:
            return _WORDS[word[0]], word.end()
        raise self._mistake("here a value was to come: an object, a list, a text in quotes, a number, true or null", at)

    def _object(self, at: int, path: Path) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        at = self._after_blanks(at)
        if self._text[at : at + 1] == "}":
            return found, at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise self._mistake("here a key was to come, in double quotes", at)
            key, after = self._string(at)
            if key in found:
                raise self._mistake(f"the key {shortened(key)!r} comes twice: keep one", at)
            self._places[(*path, key)] = self._place(at)
            at = self._after_blanks(after)
            if self._text[at : at + 1] != ":":
                raise self._mistake("here a colon was to come", at)
            found[key], at = self._value(self._after_blanks(at + 1), (*path, key))
            at = self._after_blanks(at)
            if self._text[at : at + 1] == "}":
                return found, at + 1
            at = self._after_comma(at, closing="}")

    def _list(self, at: int, path: Path) -> tuple[list[Any], int]:
        found: list[Any] = []
        at = self._after_blanks(at)
        if self._text[at : at + 1] == "]":
            return found, at + 1
        while True:
            here = (*path, len(found))
            self._places[here] = self._place(at)
            value, at = self._value(at, here)
            found.append(value)
            at = self._after_blanks(at)
            if self._text[at : at + 1] == "]":
                return found, at + 1
            at = self._after_comma(at, closing="]")

    def _after_comma(self, at: int, *, closing: str) -> int:
        if self._text[at : at + 1] != ",":
            raise self._mistake(f"here a comma or {closing} was to come", at)
        after = self._after_blanks(at + 1)
        if self._text[after : after + 1] == closing:
            raise self._mistake(f"there is a comma before {closing}: take it out", at)
        return after

    def _string(self, at: int) -> tuple[str, int]:
        try:
            found, end = _STRINGS.raw_decode(self._text, at)
            return str(found), end
        except JSONDecodeError as error:
            raise self._mistake(f"{error.msg.lower()}: texts stand in double quotes, on one line", error.pos) from None

    def _number(self, number: re.Match[str], at: int) -> tuple[Any, int]:
        try:
            read_number = written_fraction if number[1] or number[2] else written_integer
            return read_number(number[0]), number.end()
        except ValueError as error:
            raise self._mistake(str(error), at) from None

    def _after_blanks(self, at: int) -> int:
        match = _BLANK.match(self._text, at)
        return at if match is None else match.end()

    def _place(self, at: int) -> Place:
        text = self._text
        if at < self._counted:
            return place_in(text, at)
        while (end := text.find("\n", self._counted, at)) >= 0:
            self._line, self._line_start, self._counted = self._line + 1, end + 1, end + 1
        self._counted = at
        return Place(self._line, at - self._line_start + 1)

    def _mistake(self, detail: str, at: int) -> Mistake:
        return Mistake(detail, self._place(min(at, len(self._text))))
