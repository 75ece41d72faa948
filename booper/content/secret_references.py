"""`{{secret:NAME}}` in a request: found when a job is made, put in when it is sent, hidden in what comes back.

`{{{{` stands for `{{`, so that text with braces of its own can be sent.
"""

import base64
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "{{"
HIDDEN = "***"
NAME_PATTERN = "^[A-Z][A-Z0-9_]{0,63}$"

_REFERENCE = re.compile(r"\{\{\{\{|\{\{secret:([^{}]*)\}\}")
_NAME = re.compile(NAME_PATTERN)
# Where a value of a letter or two is hidden, nothing else could be read any more.
_SHORTEST_HIDDEN = 4

Resolve = Callable[[str], str]
"""Gives the value of a name; raises what the caller is to hear where there is none."""


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def found_in(value: Any, *, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(the way to it, the name) of each reference in a JSON value, at any depth; keys are not looked at."""
    if isinstance(value, str):
        if MARK in value:
            for match in _REFERENCE.finditer(value):
                if match[1] is not None:
                    yield path, match[1]
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from found_in(item, path=(*path, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from found_in(item, path=(*path, place))


def filled(value: Any, resolve: Resolve) -> Any:
    """The JSON value with all references put in."""
    if isinstance(value, str):
        return _filled_text(value, resolve) if MARK in value else value
    if isinstance(value, dict):
        return {name: filled(item, resolve) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, resolve) for item in value]
    return value


def filled_url(url: str, resolve: Resolve) -> str:
    """The URL with all references put in, percent-encoded."""
    return _filled_text(url, lambda name: quote(resolve(name), safe="")) if MARK in url else url


def as_written(name: str) -> str:
    """Resolves a name to the reference itself: for what is shown."""
    return f"{{{{secret:{name}}}}}"


def _filled_text(text: str, resolve: Resolve) -> str:
    return _REFERENCE.sub(lambda match: MARK if match[1] is None else resolve(match[1]), text)


def hidden(value: Any, secrets: Collection[str]) -> Any:
    """The JSON value with each of `secrets` hidden wherever it stands, however it is encoded; keys too."""
    if not secrets:
        return value
    spellings = {spelling for secret in secrets if len(secret) >= _SHORTEST_HIDDEN for spelling in _spellings(secret)}
    if not spellings:
        return value
    pattern = re.compile("|".join(re.escape(text) for text in sorted(spellings, key=len, reverse=True)))
    return _hidden(value, pattern)


def hidden_in_bytes(body: bytes, secrets: Iterable[str]) -> bytes:
    """Does the same to bytes that are not text, before they are encoded."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_HIDDEN:
            body = body.replace(secret.encode(), HIDDEN.encode())
    return body


def _hidden(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(HIDDEN, value)
    if isinstance(value, dict):
        return {pattern.sub(HIDDEN, name): _hidden(item, pattern) for name, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, pattern) for item in value]
    return value


def _spellings(secret: str) -> set[str]:
    plain = base64.b64encode(secret.encode()).decode()
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret), plain, plain.rstrip("=")}
    return {secret, *encoded, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
