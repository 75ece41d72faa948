"""JSON on the command line, in a file or on stdin."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from booper.client import Json
from booper.client.spelling import WrittenNumber


@dataclass(frozen=True, slots=True)
class Document:
    """A whole JSON document; wrapped, as null is one too."""

    content: Any


def document_of(text: str) -> Document:
    """JSON itself, `@file` with JSON in it, or `-` for JSON on stdin."""
    return Document(parsed_json(_content(text)))


def _content(text: str) -> str:
    try:
        if text == "-":
            return sys.stdin.read()
        if text.startswith("@"):
            return Path(text[1:]).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[1:]!r} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not in UTF-8") from error
    return text


def jobs_in(text: str) -> list[Json]:
    """A JSON list, or an object a line, in the file of that name or on stdin."""
    content = _content("-" if text == "-" else f"@{text}")
    # Not splitlines: JSON may hold U+2028, U+0085 and their kin as they are.
    lines = [line for line in re.split("\r\n|\n|\r", content) if line.strip()]
    is_lines = bool(lines) and lines[0].lstrip().startswith("{")
    jobs = [parsed_json(line) for line in lines] if is_lines else parsed_json(content)
    if not isinstance(jobs, list) or not jobs or not all(isinstance(job, dict) for job in jobs):
        raise argparse.ArgumentTypeError(f"{text!r} holds no jobs, use a JSON list of objects or an object a line")
    return jobs


def parsed_json(text: str) -> Any:
    """The value in `text`, with each number as it is written there. Raises ArgumentTypeError for what is not JSON."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        doubled = next(key for place, (key, _) in enumerate(pairs) if key in dict(pairs[:place]))
        raise ValueError(f"the key {shortened(doubled)!r} comes twice in an object, keep one")
    return found


def written_fraction(text: str) -> float | WrittenNumber:
    """A number that has a point or an exponent."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{shortened(text)} is beyond 1.8e308")
    return value if repr(value) == text else WrittenNumber(text)


def written_integer(text: str) -> int | WrittenNumber:
    return WrittenNumber(text) if text == "-0" else int(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it has no {name}")


def shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=written_fraction, parse_int=written_integer, parse_constant=_refuse_constant
)
