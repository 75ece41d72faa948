"""Reads YAML as the JSON that it stands for, and keeps the place of everything in it. Makes no objects of any tag.

Aliases are followed, and `<<` is; what they come to together is bounded, and so is its depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from booper.cli.as_code import yaml_scalars
from booper.cli.as_code.places import MAX_DEPTH, MOST_VALUES, Content, Mistake, Path, Place, place_in
from booper.cli.documents import shortened

_TAGS = "tag:yaml.org,2002:"
_MERGE = "<<"
_QUOTES = 'put it in quotes, as in "*/5 * * * *" or "@daily"'


def read(text: str) -> Content:
    """Raises Mistake."""
    reader = _Reader(text)
    try:
        return reader.whole()
    except yaml.MarkedYAMLError as error:
        raise _mistake_of(error) from None
    except yaml.reader.ReaderError as error:
        detail = f"the character U+{ord(text[error.position]):04X} can't stand in YAML: write it as an escape in quotes"
        raise Mistake(detail, place_in(text, error.position)) from None


def _mistake_of(error: yaml.MarkedYAMLError) -> Mistake:
    mark = error.problem_mark or error.context_mark
    detail = ", ".join(part for part in (error.context, error.problem) if part) or "it is not YAML"
    if "alias" in detail or "'@'" in detail or "'%'" in detail or "'`'" in detail:
        detail = f"{detail}; if it is a text, {_QUOTES}"
    return Mistake(detail, Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1))


@dataclass(frozen=True, slots=True)
class _Node:
    """A value, how deep it goes, and the places within it, by their ways from here."""

    value: Any
    depth: int
    places: dict[Path, Place]


class _Reader:
    def __init__(self, text: str) -> None:
        # The events of a file, one after the other: what is made of them is ours.
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._anchors: dict[str, _Node] = {}
        self._count = 0

    def whole(self) -> Content:
        next(self._events)  # the stream begins
        event = next(self._events)
        if not isinstance(event, yaml.DocumentStartEvent):
            return Content(None, {(): Place(1, 1)})
        first = next(self._events)
        node = self._node(first, 0)
        next(self._events)  # the document ends
        event = next(self._events)
        if isinstance(event, yaml.DocumentStartEvent):
            self._refuse("there is a second document: make it a file of its own, or one mapping", event)
        return Content(node.value, node.places)

    def _node(self, event: yaml.Event, depth: int) -> _Node:
        """What begins with this event, or is referred to by it."""
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event, depth)
        self._count_in(1, event)
        if depth > MAX_DEPTH:
            self._refuse(f"it nests deeper than {MAX_DEPTH}: make it flatter", event)
        if isinstance(event, yaml.ScalarEvent):
            node = _Node(self._scalar(event), 0, {(): _place(event)})
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, depth)
        else:
            assert isinstance(event, yaml.MappingStartEvent)
            node = self._mapping(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _aliased(self, event: yaml.AliasEvent, depth: int) -> _Node:
        name = str(event.anchor)
        node = self._anchors.get(name)
        if node is None:
            self._refuse(f"there is no &{shortened(name)} before it; if it is a text, {_QUOTES}", event)
        self._count_in(len(node.places), event)
        if depth + node.depth > MAX_DEPTH:
            self._refuse(f"it nests deeper than {MAX_DEPTH}: make it flatter", event)
        return node

    def _sequence(self, start: yaml.SequenceStartEvent, depth: int) -> _Node:
        self._refuse_tag(start, "seq")
        items: list[Any] = []
        places: dict[Path, Place] = {(): _place(start)}
        deepest = 0
        for event in iter(self._events.__next__, None):
            if isinstance(event, yaml.SequenceEndEvent):
                break
            node = self._node(event, depth + 1)
            _put_places(places, (len(items),), node, at=_place(event))
            items.append(node.value)
            deepest = max(deepest, node.depth + 1)
        return _Node(items, deepest, places)

    def _mapping(self, start: yaml.MappingStartEvent, depth: int) -> _Node:
        self._refuse_tag(start, "map")
        found: dict[str, _Node] = {}
        keys: dict[str, Place] = {}
        merged: list[_Node] = []
        for event in iter(self._events.__next__, None):
            if isinstance(event, yaml.MappingEndEvent):
                break
            key, is_merge = self._key(event)
            if not is_merge and key in found:
                self._refuse(f"the key {shortened(key)!r} comes twice: keep one", event)
            node = self._node(next(self._events), depth + 1)
            if is_merge:
                merged += self._mergeable(node, event)
            else:
                found[key], keys[key] = node, _place(event)
        return _mapping_of(found, keys, merged, place=_place(start))

    def _key(self, event: yaml.Event) -> tuple[str, bool]:
        """The text of a key, and whether it is `<<`."""
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse('a key is a text here: put a text such as "{{secret:NAME}}" in quotes', event)
        self._count_in(1, event)
        if event.anchor is not None:
            self._refuse("a key has no anchor here: put it on the value", event)
        return event.value, event.value == _MERGE and event.style is None

    def _mergeable(self, node: _Node, event: yaml.Event) -> list[_Node]:
        """The mappings that `<<` takes in."""
        values = node.value if isinstance(node.value, list) else [node.value]
        if not all(isinstance(value, dict) for value in values):
            self._refuse("<< takes a mapping, or a list of them: <<: *name", event)
        self._count_in(len(node.places), event)
        if not isinstance(node.value, list):
            return [node]
        return _items_of(node)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        if event.tag not in (None, "!"):
            self._refuse_tag(event, "str")
            return event.value
        if event.style is not None or event.tag == "!":
            return event.value
        try:
            return yaml_scalars.value_of(event.value)
        except ValueError as error:
            self._refuse(str(error), event)

    def _refuse_tag(self, event: Any, allowed: str) -> None:
        if event.tag not in (None, "!", _TAGS + allowed):
            shown = shortened(event.tag.replace(_TAGS, "!!"))
            self._refuse(f"the tag {shown} is not read here: leave it out", event)

    def _count_in(self, count: int, event: yaml.Event) -> None:
        self._count += count
        if self._count > MOST_VALUES:
            self._refuse(f"with its aliases it comes to more than {MOST_VALUES:,} values: use fewer", event)

    def _refuse(self, detail: str, event: yaml.Event) -> NoReturn:
        raise Mistake(detail, _place(event))


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    assert mark is not None
    return Place(mark.line + 1, mark.column + 1)


def _put_places(places: dict[Path, Place], path: Path, node: _Node, *, at: Place) -> None:
    places[path] = at
    for rest, place in node.places.items():
        if rest:
            places[path + rest] = place


def _mapping_of(found: dict[str, _Node], keys: dict[str, Place], merged: list[_Node], *, place: Place) -> _Node:
    """What a mapping says itself goes before what it takes in, and that by its order."""
    value = {}
    places: dict[Path, Place] = {(): place}
    deepest = 0
    for key, node in found.items():
        value[key] = node.value
        _put_places(places, (key,), node, at=keys[key])
        deepest = max(deepest, node.depth + 1)
    for node in merged:
        taken = node.value.keys() - value.keys()
        value |= {key: item for key, item in node.value.items() if key in taken}
        places |= {path: at for path, at in node.places.items() if path and path[0] in taken}
        deepest = max(deepest, node.depth)
    return _Node(value, deepest, places)


def _items_of(node: _Node) -> list[_Node]:
    """The items of a list."""
    items = [_Node(value, node.depth - 1, {}) for value in node.value]
    for path, place in node.places.items():
        if path and isinstance(path[0], int):
            items[path[0]].places[path[1:]] = place
    return items
