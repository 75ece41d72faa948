"""JSON on its way in and out: what a target answered, made safe to store; what we send, made small."""

import json
import math
import re
from typing import Any

# What PostgreSQL's jsonb refuses, and what no UTF-8 text can hold.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_MAX_DEPTH = 100
# 1e999 parses to infinity without a word, and so does a number of 309 digits and a decimal point.
_MAY_BE_INFINITE = re.compile("[0-9][eE]|(?<![0-9])[0-9]{309}")
_EXPONENT = re.compile("[0-9][eE][+-]?[0-9]{2}")
_MOST_EXPONENTS_LEFT_UNCOUNTED = 200
_MOST_DIGITS_WRITTEN_OUT = 65_536


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def storable_text(text: str) -> str:
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def decode(body: bytes) -> Any:
    """The JSON in `body`, safe to store; else its text; None if it is empty.

    Bytes that are no UTF-8, NULs and lone surrogates become U+FFFD. JSON with NaN, with numbers no database takes, or
    more than 64 KiB of them once written out without exponents, or nested deeper than 100 stays text. Never raises:
    `body` is whatever a stranger's server sent.
    """
    if not body:
        return None
    text = body.decode("utf-8", "replace")
    found, value = _parse(text)
    return value if found else storable_text(text)


def decode_json(body: bytes) -> Any:
    """The JSON in `body`, safe to store, or None if it is no JSON."""
    return _parse(body.decode("utf-8", "replace"))[1]


def digits_written_out(number: float) -> int:
    """How many digits it has in PostgreSQL's jsonb, which knows no exponents: six bytes of 1e308 are 309 when read."""
    return 1 if number == 0 else abs(math.floor(math.log10(abs(number)))) + 1


def _parse(text: str) -> tuple[bool, Any]:
    try:
        value = _DECODER.decode(text)
        if "\\u" in text or "\x00" in text:
            value = _storable(value)
        if _MAY_BE_INFINITE.search(text):
            json.dumps(value, allow_nan=False)
            if _is_long_written_out(text, value):
                return False, None
        if text.count("{") + text.count("[") > _MAX_DEPTH and not _is_shallow(value):
            return False, None
    except (ValueError, RecursionError):
        return False, None
    return True, value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): _storable(item) for key, item in value.items()}
    return value


def _is_long_written_out(text: str, value: Any) -> bool:
    if len(_EXPONENT.findall(text)) <= _MOST_EXPONENTS_LEFT_UNCOUNTED:
        return False
    digits, pending = 0, [value]
    while pending:
        node = pending.pop()
        if isinstance(node, float):
            digits += digits_written_out(node)
        elif isinstance(node, dict | list):
            pending.extend(node.values() if isinstance(node, dict) else node)
    return digits > _MOST_DIGITS_WRITTEN_OUT


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return True
    return False


def _children(node: Any) -> list[Any]:
    nodes = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in nodes if isinstance(child, dict | list)]
