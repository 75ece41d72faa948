"""JSON on the command line, in a file or on stdin."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from booper.client import Json


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
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        doubled = next(key for place, (key, _) in enumerate(pairs) if key in dict(pairs[:place]))
        raise ValueError(f"the key {shortened(doubled)!r} comes twice in an object, keep one")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it has no {name}")


def shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
