"""Form bodies and query strings whose brackets nest: `a[b]=1` is {"a": {"b": "1"}}, `a[]=1&a[]=2` {"a": ["1", "2"]}."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import unquote_to_bytes

from jobs.intake import strict_json
from jobs.intake.refusals import FieldError, InvalidInput, pointer

_MOST_FIELDS = 10_000
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEY = re.compile(r"\[([^\[\]]*)\]")

_Tree = dict[str, Any]


class _Refused(Exception):
    """What is wrong with one name."""


def parse(text: bytes) -> dict[str, Any]:
    """The tree of an application/x-www-form-urlencoded text in UTF-8; every value is a string.

    Keys 0 to n-1 make a list, whatever their order. Raises InvalidInput for a name that does not parse, comes twice
    (unless it ends with []), or is used as two things at once.
    """
    tree: _Tree = {}
    errors = []
    for name, value in _pairs(text):
        try:
            _put(tree, _path(name), value)
        except _Refused as refused:
            errors.append(FieldError(pointer(*_rough_path(name)), str(refused)))
    if errors:
        raise InvalidInput(errors)
    fields = {name: _with_lists(value) for name, value in tree.items()}
    if b"%" in text or b"\x00" in text:
        strict_json.refuse_flaws(fields)
    return fields


def _pairs(text: bytes) -> Iterator[tuple[str, str]]:
    if text.count(b"&") >= _MOST_FIELDS:
        raise InvalidInput([FieldError("", f"the form has more than {_MOST_FIELDS} fields: send JSON instead")])
    for piece in text.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            yield _decoded(name), _decoded(value)


def _decoded(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        shown = text[:80].decode("ascii", "replace")
        raise InvalidInput([FieldError("", f"{shown!a} is not UTF-8 once percent-decoded")]) from None


def _path(name: str) -> list[str]:
    """`a[b][]` as ["a", "b", ""]."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise _Refused(f"{_shown(name)} is no field name: write name, name[key], name[] or name[key][]")
    path = [match[1], *_KEY.findall(match[2])]
    if len(path) > strict_json.MAX_DEPTH:
        raise _Refused(f"the name nests deeper than {strict_json.MAX_DEPTH}: send JSON, and flatter")
    if "" in path[1:-1]:
        raise _Refused(f"{_shown(name)} has [] before its end, which could mean two things: number the items, [0]")
    return path


def _rough_path(name: str) -> list[str]:
    return [part for part in re.split(r"[\[\]]+", name[:200]) if part]


def _put(tree: _Tree, path: list[str], value: str) -> None:
    node: Any = tree
    for key, following in pairwise(path):
        node = node.setdefault(key, [] if following == "" else {})
        if not isinstance(node, list if following == "" else dict):
            raise _Refused("it is used as two of a plain value, a list and an object: choose one")
    key = path[-1]
    if isinstance(node, list):
        node.append(value)
    elif key not in node:
        node[key] = value
    elif isinstance(node[key], str):
        raise _Refused("it comes twice: keep one, or write [] after the name to make a list")
    else:
        raise _Refused("it is used as two of a plain value, a list and an object: choose one")


def _with_lists(value: Any) -> Any:
    """Turns objects whose keys are 0 to n-1 into lists."""
    if not isinstance(value, dict):
        return value
    children = {key: _with_lists(child) for key, child in value.items()}
    positions = [str(position) for position in range(len(children))]
    if children.keys() == set(positions):
        return [children[position] for position in positions]
    return children


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else f"{name[:77]}...")
