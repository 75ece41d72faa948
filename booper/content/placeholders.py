"""Dynamic fields: what a request says of its job, of the response before and of the stored state becomes values, once.

What a target answered is data for ever: a value that has been put in is never looked at again, so a response cannot
smuggle in references of its own.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from booper.content import exact_json, payloads

_SEGMENT = r"[$@]?[\w-]+"
_REFERENCE = re.compile(rf"\$(job|previous|state)((?:\.{_SEGMENT})*)")
_INDEX = re.compile(r"[0-9]{1,9}")
_MAX_DEPTH = 100
_MAX_DIGITS = 4_000  # from 4,300 on Python declines to write them out
# One reference is ten bytes and may stand for 64 KiB: a body of 1 MiB could ask for 6 GiB.
_MAX_SUBSTITUTED_BYTES = 1024 * 1024
_STATE_KEY = "$set"
_LITERAL = "$$"


class RenderTooLargeError(ValueError):
    """The references of one request add up to more than may be sent; the message says to how much."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A request's parts as they are to be sent. Values keep their types; nothing in `query` and `headers` is None.

    What was put in comes from strangers: whoever writes a header or a URL from it has to check and encode it.
    """

    body: Any
    query: dict[str, Any]
    headers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merged:
    """The state after a `$set`: the new one, or the old one with the reason why the change was refused."""

    state: dict[str, Any]
    refusal: str | None


def render(
    *,
    body: Any,
    query: Mapping[str, Any] | None,
    headers: Mapping[str, Any] | None,
    job: Mapping[str, Any],
    previous: Any,
    state: Mapping[str, Any] | None,
    include_metadata: bool,
    max_bytes: int = _MAX_SUBSTITUTED_BYTES,
) -> Rendered:
    """Replace every string that is exactly a reference, at any depth, by what it stands for; keys stay as they are.

    A string that begins with `$$` is sent with one `$` less, whatever follows. `$previous.items.0.id` goes through
    objects by key and lists by index. What is not there is None in the body, and left out of query and headers. A body
    that is an object gets `$job`, `$previous` and `$state` where `include_metadata` says so. The arguments are not
    changed. Raises RenderTooLargeError where the values put in come to more than `max_bytes` of JSON.
    """
    values = _Values(
        {"job": dict(job), "previous": previous, "state": dict(state or {})},
        max_bytes=max_bytes,
    )
    rendered_body = _replaced(body, values=values)
    if include_metadata and isinstance(body, dict):
        rendered_body |= {f"${name}": value for name, value in values.roots.items()}
    return Rendered(
        body=rendered_body,
        query=_without_nothing(_replaced(dict(query or {}), values=values)),
        headers=_without_nothing(_replaced(dict(headers or {}), values=values)),
    )


def extract_set(response_json: Any) -> Any:
    """What a JSON response asks to be stored, for `merge_state` to judge; None if it asks for nothing."""
    return response_json.get(_STATE_KEY) if isinstance(response_json, dict) else None


def merge_state(state: Mapping[str, Any], *, patch: Any, limit_bytes: int = 65_536) -> Merged:
    """`state` with the keys of `patch` set, the others kept, so that two runs do not lose each other's.

    Refused as a whole, with the reason as data: a patch that is no object, one that a database cannot hold (NUL, lone
    surrogates, NaN, more than 100 levels), and a result of more than `limit_bytes` of compact JSON in UTF-8.
    """
    merged = dict(state)
    refusal = _fault_of(patch)
    if refusal is None:
        merged |= patch
        size = len(exact_json.dumps(merged))
        if size <= limit_bytes:
            return Merged(merged, None)
        refusal = f"$state would have {size} bytes: {limit_bytes} are allowed, so store less or set old keys to null"
    return Merged(dict(state), refusal)


class _Values:
    """What references stand for, and how many bytes of it may still be put in."""

    def __init__(self, roots: dict[str, Any], *, max_bytes: int) -> None:
        self.roots = roots
        self._max_bytes = max_bytes
        self._used_bytes = 0
        self._known: dict[str, tuple[Any, int]] = {}

    def of(self, text: str) -> Any:
        """The value of a string: what it refers to, or itself if it is not a reference. Raises RenderTooLargeError."""
        if not text.startswith("$"):
            return text
        if text.startswith(_LITERAL):
            return text[1:]
        if text not in self._known:
            reference = _REFERENCE.fullmatch(text)
            if reference is None:
                return text
            value = _looked_up(self.roots[reference[1]], path=reference[2])
            self._known[text] = value, _size_of(value)
        value, size = self._known[text]
        self._used_bytes += size
        if self._used_bytes > self._max_bytes:
            raise RenderTooLargeError(f"the request's references come to more than {self._max_bytes} bytes: use fewer")
        return value


def _looked_up(value: Any, *, path: str) -> Any:
    for segment in path.split(".")[1:]:
        if isinstance(value, dict):
            value = value.get(segment)
        elif isinstance(value, list) and _INDEX.fullmatch(segment) and int(segment) < len(value):
            value = value[int(segment)]
        else:
            return None
    return value


def _replaced(value: Any, *, values: _Values) -> Any:
    """A copy of `value`, its references replaced. It keeps a list of what is to be done instead of calling itself: no
    depth is too deep, and a value that was put in is not visited."""
    top = [value]
    pending: list[tuple[Any, Any]] = [(top, 0)]
    while pending:
        container, key = pending.pop()
        child = container[key]
        if isinstance(child, str):
            container[key] = values.of(child)
        elif isinstance(child, dict):
            container[key] = copy = dict(child)
            pending.extend((copy, name) for name in copy)
        elif isinstance(child, list):
            container[key] = items = list(child)
            pending.extend((items, index) for index in range(len(items)))
    return top[0]


def _without_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if value is not None}
    return {
        name: [item for item in value if item is not None] if isinstance(value, list) else value
        for name, value in kept.items()
    }


def _fault_of(patch: Any) -> str | None:
    if not isinstance(patch, dict):
        return f"{_STATE_KEY} must be an object, not {_kind_of(patch)}"
    for node, depth in _walk(patch):
        if depth > _MAX_DEPTH:
            return f"{_STATE_KEY} nests deeper than {_MAX_DEPTH} levels: flatten it"
        if isinstance(node, str) and payloads.UNSTORABLE.search(node):
            return f"{_STATE_KEY} has a NUL or a lone surrogate in {node[:40]!a}: leave it out"
        if isinstance(node, float) and not math.isfinite(node):
            return f"{_STATE_KEY} has the number {node}, which is not JSON: use null"
        if isinstance(node, int) and _digits_of(node) > _MAX_DIGITS:
            return f"{_STATE_KEY} has a number of more than {_MAX_DIGITS} digits: use a string"
    return None


def _kind_of(value: Any) -> str:
    names = {bool: "a boolean", str: "a string", int: "a number", float: "a number", list: "a list", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _size_of(value: Any) -> int:
    """About the bytes of `value` as JSON, however deep it is."""
    return sum(_weight_of(node) for node, _ in _walk(value))


def _weight_of(node: Any) -> int:
    if isinstance(node, str):
        return len(node.encode(errors="replace")) + 3
    if isinstance(node, exact_json.Fraction):
        return len(node.text) + 1
    return 4 + (_digits_of(node) if isinstance(node, int) else 0)


def _digits_of(number: int) -> int:
    """No fewer than it has, without writing it out."""
    return number.bit_length() * 31 // 100 + 1


def _walk(value: Any) -> Iterator[tuple[Any, int]]:
    """Every key and value of a JSON value with its depth, containers included."""
    pending = [(value, 0)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        if isinstance(node, dict):
            pending.extend((key, depth + 1) for key in node)
            pending.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list):
            pending.extend((child, depth + 1) for child in node)
