"""KEY=VALUE arguments, and the nested fields they make."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from booper.cli.documents import parsed_json
from booper.cli.exits import Misuse
from booper.client import Json


@dataclass(frozen=True, slots=True)
class Item:
    """`a[b][]=1` is (("a", "b", ""), "1"): a value and where it goes; an empty step appends to a list."""

    path: tuple[str, ...]
    value: Any


_ITEM_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def item_of(text: str) -> Item:
    key, equals, value = text.partition("=")
    is_typed = key.endswith(":")
    match = _ITEM_KEY.fullmatch(key.removesuffix(":") if is_typed else key)
    if not equals or not match:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not understood, use key=text, key:=json, key[sub]=text or key[]=text"
        )
    steps = [step.rstrip("]") for step in match[2].split("[")[1:]]
    return Item((match[1], *steps), parsed_json(value) if is_typed else value)


def nested_of(items: Iterable[Item], *, flag: str) -> Json:
    root: Json = {}
    for item in items:
        put_item(root, item, flag=flag)
    return root


def put_item(root: Json, item: Item, *, flag: str) -> None:
    """Put a value where its path says. Raises Misuse for a place that is taken or has another shape."""
    container: Any = root
    for step, following in zip(item.path, item.path[1:], strict=False):
        shape: type = list if following == "" else dict
        if step == "":
            container.append(shape())
            container = container[-1]
        else:
            container = container.setdefault(step, shape())
        if not isinstance(container, shape):
            raise Misuse(f"{flag}: {_spelt(item)} contradicts what was given before, use one shape for {item.path[0]}")
    last = item.path[-1]
    if last == "":
        container.append(item.value)
    elif last in container:
        raise Misuse(f"{flag}: {_spelt(item)} is given twice, use {item.path[0]}[] for a list")
    else:
        container[last] = item.value


def _spelt(item: Item) -> str:
    return item.path[0] + "".join(f"[{step}]" for step in item.path[1:])
