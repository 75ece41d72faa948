"""JSON that goes out as it came in: the order of the keys is kept, and each number as it was written."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

# Of any longer one orjson can't be sure that it fits in 64 bits.
_LONGEST_PLAIN = 18


class Fraction(float):
    """A number whose text is not the one that its value would be written as: `1e16`, `1.50`, `-0`, `1e-400`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Fraction:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        return (self.text,)


class Whole(int):
    """A whole number that may have more than 64 bits."""


def fraction(text: str) -> float:
    """The number that `text` is in JSON, which has a point or an exponent; infinity from 1.8e308 on."""
    value = float(text)
    return value if repr(value) == text and "e" not in text else Fraction(text)


def integer(text: str) -> int | float:
    """The whole number that `text` is in JSON. Raises ValueError for more digits than Python reads."""
    if text == "-0":
        return Fraction(text)
    return int(text) if len(text) <= _LONGEST_PLAIN else Whole(text)


def loads(text: str) -> Any:
    """The value in `text`. Raises ValueError for what is not JSON, NaN and numbers beyond 1.8e308 among it, and
    RecursionError for what nests too deep."""
    return _DECODER.decode(text)


def dumps(value: Any, *, is_indented: bool = False) -> bytes:
    """Compact JSON in UTF-8, or indented by two spaces."""
    options = orjson.OPT_PASSTHROUGH_SUBCLASS | (orjson.OPT_INDENT_2 if is_indented else 0)
    try:
        return orjson.dumps(value, default=_plain, option=options)
    except orjson.JSONEncodeError:
        # Keys that are numbers, computed whole numbers beyond 64 bits, and depths that are for others to refuse.
        separators = (",", ": ") if is_indented else (",", ":")
        indent = 2 if is_indented else None
        return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    """Gives the plain value of what orjson does not write by itself."""
    if isinstance(value, Fraction):
        return orjson.Fragment(value.text)
    if isinstance(value, int):
        return orjson.Fragment(int.__repr__(value))
    for kind in (str, dict, list):
        if isinstance(value, kind):
            return kind(value)  # type: ignore[arg-type]
    raise TypeError(f"{type(value).__name__} is not JSON")


def _finite(text: str) -> float:
    value = fraction(text)
    if math.isinf(value):
        raise ValueError(f"{text[:80]} is beyond 1.8e308")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_int=integer, parse_constant=_refuse)
