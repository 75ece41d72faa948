"""JSON that means one thing to everybody: no doubled keys, no NaN, nothing that no database holds, not too deep."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from booper.content import exact_json, payloads
from jobs.intake.refusals import MOST_ERRORS, FieldError, InvalidInput, pointer

MAX_DEPTH = 100
# More than Python reads and writes as text.
_MOST_DIGITS = 4300
# Raw control characters are no JSON, and raw surrogates no UTF-8: both can only come as escapes.
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Flaw:
    """Stands where a value is that can't be taken, until its place is known."""

    detail: str
    value: Any = None


@dataclass(slots=True)
class _Reader:
    """The hooks of one parse. They see a value, but not where it stands."""

    has_flaws: bool = field(default=False)

    def flaw(self, detail: str, value: Any = None) -> _Flaw:
        self.has_flaws = True
        return _Flaw(detail, value)

    def object(self, pairs: list[tuple[str, Any]]) -> Any:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        seen: set[str] = set()
        doubled = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return self.flaw(f"the key {_shown(doubled)} comes twice in this object: keep one", value)

    def constant(self, name: str) -> _Flaw:
        return self.flaw(f"{name} is not JSON: use a number, a string or null")

    def integer(self, text: str) -> int | float | _Flaw:
        if len(text) > _MOST_DIGITS:
            return self.flaw(f"the number has {len(text)} digits: send it as a string")
        return exact_json.integer(text)

    def number(self, text: str) -> float | _Flaw:
        value = exact_json.fraction(text)
        if math.isinf(value):
            return self.flaw("the number is beyond 1.8e308: send it as a string")
        return value


@dataclass(frozen=True, slots=True)
class Loaded:
    """JSON as it parses, and whether it may hold what can't be taken: then some of it may stand in as a flaw."""

    value: Any
    may_have_flaws: bool
    may_be_deep: bool


def parse(body: bytes) -> Any:
    """The value in `body`, UTF-8 with a byte order mark or without. Raises InvalidInput with all that is wrong."""
    loaded = load(body)
    if loaded.may_have_flaws or loaded.may_be_deep:
        refuse_flaws(loaded.value)
    return loaded.value


def load(body: bytes) -> Loaded:
    """The same for those who look for flaws themselves. Raises InvalidInput for what is no JSON at all."""
    text = decode(body).removeprefix("\ufeff")
    if not text.strip():
        raise InvalidInput([FieldError("", "the body is empty: send a JSON object")])
    reader = _Reader()
    decoder = json.JSONDecoder(
        object_pairs_hook=reader.object,
        parse_constant=reader.constant,
        parse_int=reader.integer,
        parse_float=reader.number,
    )
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InvalidInput([FieldError("", f"the body is not JSON: {error.msg} at {place}")]) from None
    except RecursionError:
        raise InvalidInput([FieldError("", _too_deep())]) from None
    may_have_flaws = reader.has_flaws or _SUSPECT_ESCAPE.search(text) is not None
    return Loaded(value, may_have_flaws, may_be_deep=text.count("[") + text.count("{") > MAX_DEPTH)


def decode(body: bytes) -> str:
    """UTF-8, strictly."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput([FieldError("", f"the body is not UTF-8: see byte {error.start}")]) from None


def refuse_flaws(value: Any) -> None:
    """Raises InvalidInput with every NUL, lone surrogate and nesting deeper than MAX_DEPTH in `value`."""
    errors = []
    for error in _flaws(value, ()):
        errors.append(error)
        if len(errors) >= MOST_ERRORS:
            break
    if errors:
        raise InvalidInput(errors)


def is_deep(value: Any) -> bool:
    """Whether it nests deeper than MAX_DEPTH; in a fraction of the time that it takes to say where."""
    level = [value]
    for _ in range(MAX_DEPTH):
        nested = [node for node in level if isinstance(node, dict | list)]
        level = [child for node in nested for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return False
    return any(isinstance(node, dict | list) for node in level)


def _flaws(value: Any, path: _Path) -> Iterator[FieldError]:
    if isinstance(value, str):
        if flaw := payloads.UNSTORABLE.search(value):
            yield FieldError(pointer(*path), _unstorable(flaw[0]))
    elif isinstance(value, _Flaw):
        yield FieldError(pointer(*path), value.detail)
        yield from _flaws(value.value, path)
    elif isinstance(value, dict | list):
        if len(path) >= MAX_DEPTH:
            yield FieldError(pointer(*path), _too_deep())
        else:
            yield from _flaws_within(value, path)


def _flaws_within(value: dict[str, Any] | list[Any], path: _Path) -> Iterator[FieldError]:
    for name in value if isinstance(value, dict) else ():
        if flaw := payloads.UNSTORABLE.search(name):
            yield FieldError(pointer(*path, name), f"in the key: {_unstorable(flaw[0])}")
    children: Iterable[tuple[str | int, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        if not isinstance(child, int | float | None):
            yield from _flaws(child, (*path, key))


def _unstorable(character: str) -> str:
    name = "a NUL" if character == "\x00" else "half of a surrogate pair"
    return f"there is {name} (U+{ord(character):04X}): leave it out, or send the bytes as base64"


def _too_deep() -> str:
    return f"the JSON nests deeper than {MAX_DEPTH}: make it flatter, or send the inner part as a string"


def _shown(key: str) -> str:
    return ascii(key if len(key) <= 80 else f"{key[:77]}...")
