"""The ways a job's body goes out: as JSON, as a form, as text, or as the bytes that base64 stands for."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from booper.content import payloads

JSON = "json"
CONTENT_TYPES = {
    JSON: "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
    "base64": "application/octet-stream",
}
FORMATS = tuple(CONTENT_TYPES)
# Text and bytes are sent as they are: what looks like a reference is a part of them.
WITH_REFERENCES = (JSON, "form")

_REMEDIES = {
    "form": 'is not an object: write {"name": "value"}',
    "text": "is not a string: put it in quotes",
    "base64": "is not a string of base64 with its padding: encode the bytes as RFC 4648 says",
}


def of(args: Mapping[str, Any]) -> str:
    """The format that a job's `args` ask for, which name it in any case."""
    return str(args.get("body_format") or JSON).lower()


def problem(body: Any, body_format: str) -> str | None:
    """What is wrong with a `body` that is to go out in this format, to be read after its value; None if it fits."""
    if body is None or body_format == JSON:
        return None
    fits = isinstance(body, dict) if body_format == "form" else isinstance(body, str)
    if fits and body_format == "base64":
        fits = _decoded(body) is not None
    return None if fits else _REMEDIES[body_format]


def encode(body: Any, body_format: str) -> bytes:
    """The bytes of a `body` that fits its format; a form leaves out what is null."""
    if body_format == "form":
        return urlencode(list(_pairs(body))).encode()
    if body_format == "text":
        return str(body).encode()
    if body_format == "base64":
        return _decoded(body) or b""
    return payloads.encode(body)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _pairs(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names as `a[b][c][]`. What stands in a list and has parts of its own is numbered, so that they stay together."""
    # Not by recursion: what a client sends may nest as deep as it is long.
    waiting = [(str(name), value) for name, value in reversed(list(fields.items()))]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{name}[{key}]", item) for key, item in reversed(list(value.items()))]
        elif isinstance(value, list):
            numbered = [(_numbered(name, position, item), item) for position, item in enumerate(value)]
            waiting += numbered[::-1]
        elif value is not None:
            yield name, value if isinstance(value, str) else payloads.encode(value).decode()


def _numbered(name: str, position: int, item: Any) -> str:
    return f"{name}[{position}]" if isinstance(item, dict | list) else f"{name}[]"
