"""The files that a command was given: found, read, and split into what each asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from booper.cli.as_code import json_text, yaml_text
from booper.cli.as_code.places import Content, Mistake, Place, path_within, place_in
from booper.cli.exits import Misuse
from booper.client import Json
from booper.timing import suggestions

SECTIONS = ("queues", "calendars", "schedules", "alerts")
"""In the order in which they are put: schedules name queues and calendars, and alerts schedules."""
SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"

_LARGEST_BYTES = 16 * 1024 * 1024
_LONGEST_MANAGED_BY = 255


class BadFiles(Exception):
    """What is wrong with the files: a line for each thing, beginning with file, line and column."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class File:
    """One that was read. `name` is for people."""

    name: str
    content: Content

    @property
    def managed_by(self) -> str | None:
        found: str | None = self.content.value.get("managed_by")
        return found

    def section(self, name: str) -> Mapping[str, Json]:
        return self.content.value.get(name) or {}

    def at(self, *path: str | int) -> Place:
        return self.content.place_of(path)

    def complaint(self, pointer: str, detail: str) -> str:
        """A line about what a JSON pointer into the file means."""
        path = path_within(self.content.value, pointer)
        return _line(self.name, self.at(*path), detail, path=path)


def read(names: Sequence[str]) -> list[File]:
    """All files, those of folders too. Raises BadFiles with all that is wrong, and Misuse for what can't be read."""
    files, lines = [], []
    for name, text in _texts(names):
        try:
            file = File(name, _parsed(name, text))
        except Mistake as mistake:
            lines.append(_line(name, mistake.place, mistake.detail))
            continue
        wrong = [*_misshapen(file)]
        lines += [file.complaint(pointer, detail) for pointer, detail in wrong]
        if not wrong:
            files.append(file)
    lines += _said_twice(files)
    if lines:
        raise BadFiles(lines)
    return files


def _texts(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len({*names}) < len(names):
        raise Misuse(f"FILE: {', '.join(names)} has one of them twice, give each once")
    for name in names:
        if name == STDIN:
            yield "<stdin>", _decoded("<stdin>", sys.stdin.buffer.read(_LARGEST_BYTES + 1))
            continue
        path = Path(name)
        for each in _within(path) if path.is_dir() else [path]:
            yield str(each), _decoded(str(each), _bytes_of(each))


def _within(folder: Path) -> list[Path]:
    """Its files, and those of the folders in it, but for hidden ones."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise Misuse(f"FILE: {str(folder)!r} has no files that end in {', '.join(SUFFIXES)}")
    return found


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise Misuse(f"FILE: {str(path)!r} can't be read: {error.strerror}") from error


def _decoded(name: str, content: bytes) -> str:
    if len(content) > _LARGEST_BYTES:
        raise Misuse(f"FILE: {name!r} has more than {_LARGEST_BYTES} bytes, split it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        place = place_in(before, len(before))
        raise BadFiles([_line(name, place, "it is not in UTF-8: save it as that")]) from error


def _parsed(name: str, text: str) -> Content:
    """Reads it as JSON if it is called so, and on stdin if it begins as an object of JSON does."""
    is_json = name.lower().endswith(".json") or (name == "<stdin>" and text.lstrip().startswith("{"))
    return json_text.read(text) if is_json else yaml_text.read(text)


def _misshapen(file: File) -> Iterator[tuple[str, str]]:
    """What is wrong with the frame of a file: pointers and words. What is in it, the server judges."""
    value = file.content.value
    if value is None:
        yield "", "there is nothing in it: give it schedules, queues, calendars or alerts"
        return
    if not isinstance(value, dict):
        yield "", f"it is {_kind(value)} and not a mapping: begin with managed_by and schedules"
        return
    for name in value:
        if name not in ("managed_by", "$schema", *SECTIONS) and not name.startswith("x-"):
            yield f"/{_step(name)}", _unknown(name)
    managed_by = value.get("managed_by")
    if managed_by is not None and not (isinstance(managed_by, str) and 1 <= len(managed_by) <= _LONGEST_MANAGED_BY):
        yield "/managed_by", f"it is not a text of 1 to {_LONGEST_MANAGED_BY} characters: name the file, or the team"
    for name in SECTIONS:
        yield from _misshapen_section(name, value.get(name))


def _misshapen_section(name: str, section: Any) -> Iterator[tuple[str, str]]:
    if section is None:
        return
    if not isinstance(section, dict):
        yield f"/{name}", f"it is {_kind(section)} and not a mapping: write each by its name"
        return
    for key, item in section.items():
        if not isinstance(item, dict):
            yield f"/{name}/{_step(key)}", f"it is {_kind(item)} and not a mapping: give it fields"


def _unknown(name: str) -> str:
    known = ("managed_by", *SECTIONS)
    near = suggestions.nearest(name.lower(), known)
    remedy = f"did you mean {near}?" if near else f"those there are {', '.join(known)}, and x-… for what is yours"
    return f"there is no such field: {remedy}"


def _said_twice(files: Iterable[File]) -> Iterator[str]:
    first: dict[tuple[str, str], File] = {}
    for file in files:
        for section in SECTIONS:
            for key in file.section(section):
                other = first.setdefault((section, key), file)
                if other is not file:
                    place = other.at(section, key)
                    detail = f"it stands in {other.name}:{place.line} too: keep one"
                    yield _line(file.name, file.at(section, key), detail, path=(section, key))


def _kind(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
    return "a number"


def _step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _line(name: str, place: Place, detail: str, *, path: Sequence[str | int] = ()) -> str:
    where = f"{'.'.join(map(str, path))}: " if path else ""
    return f"{name}:{place.line}:{place.column}: {where}{detail}"
