"""A file's content, with the line and column of everything in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 100
MOST_VALUES = 500_000

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Both from 1."""

    line: int
    column: int


class Mistake(Exception):
    """What is wrong with a file, and where; the message has the remedy."""

    def __init__(self, detail: str, place: Place) -> None:
        super().__init__(detail)
        self.detail = detail
        self.place = place


@dataclass(slots=True)
class Content:
    """`value` as JSON has it; `places` has that of each key, of each item of a list, and of the whole by ()."""

    value: Any
    places: dict[Path, Place] = field(default_factory=dict)

    def place_of(self, path: Path) -> Place:
        """The place of what stands there, or of the nearest thing around it."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places.get(path, Place(1, 1))


def place_in(text: str, index: int) -> Place:
    """The place of the character at `index`."""
    before = text[:index]
    start = max(before.rfind("\n"), before.rfind("\r")) + 1
    lines = before.count("\n") + before.count("\r") - before.count("\r\n")
    return Place(lines + 1, index - start + 1)


def steps_of(pointer: str) -> list[str]:
    """The steps of a JSON pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def path_within(value: Any, pointer: str) -> Path:
    """The way into `value` that a JSON pointer says, as far as it leads."""
    path: list[str | int] = []
    for step in steps_of(pointer):
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            path.append(int(step))
            value = value[int(step)]
        elif isinstance(value, dict):
            path.append(step)
            value = value.get(step)
        else:
            break
    return tuple(path)
