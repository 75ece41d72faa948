"""JSON on its way in and out: what a target answered, made safe to store; what we send, made small."""

import re
from typing import Any

from booper.content import exact_json

# What PostgreSQL's text refuses, and what no UTF-8 text can hold.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_MAX_DEPTH = 100


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return exact_json.dumps(value)


def storable_text(text: str) -> str:
    # Asked of each header: most are plain, which is known without a look at every character.
    return text if text.isascii() and "\x00" not in text else UNSTORABLE.sub(_REPLACEMENT, text)


def decode(body: bytes) -> Any:
    """The JSON in `body`, safe to store; else its text; None if it is empty.

    Bytes that are no UTF-8, NULs and lone surrogates become U+FFFD. JSON with NaN, with numbers beyond 1.8e308,
    or nested deeper than 100 stays text. Never raises: `body` is whatever a stranger's server sent.
    """
    if not body:
        return None
    text = body.decode("utf-8", "replace")
    found, value = parsed(text)
    return value if found else storable_text(text)


def parsed(text: str) -> tuple[bool, Any]:
    """Whether `text` is JSON that can be taken, and the value, safe to store."""
    try:
        value = exact_json.loads(text)
        if "\\u" in text or "\x00" in text:
            value = _storable(value)
        if text.count("{") + text.count("[") > _MAX_DEPTH and not _is_shallow(value):
            return False, None
    except (ValueError, RecursionError):
        return False, None
    return True, value


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): _storable(item) for key, item in value.items()}
    return value


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
