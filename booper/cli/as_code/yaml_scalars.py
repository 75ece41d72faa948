"""What a plain scalar of YAML stands for: by YAML 1.2, so that `no` is a text; what is read differently is refused."""

from __future__ import annotations

import re
from typing import Any

from booper.cli.documents import written_fraction, written_integer

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)

# What some readers of YAML take for a number and others don't, or for another one.
DOUBTFUL = re.compile(
    r"[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN"
    r"|[-+]?0[xob][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*|\+[0-9.][0-9_.eE+-]*|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*\.(?:[0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+",
    re.ASCII,
)


def value_of(text: str) -> Any:
    """None, a truth value, a number or the text. Raises ValueError, with the remedy, for what is doubtful."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return written_integer(text)
    if FRACTION.fullmatch(text):
        return written_fraction(text)
    if DOUBTFUL.fullmatch(text):
        raise ValueError(
            f"{text[:40]} is a number to some readers of YAML, and another one or a text to others: put it in quotes "
            "if it is a text, write it as JSON does if it is a number"
        )
    return text
