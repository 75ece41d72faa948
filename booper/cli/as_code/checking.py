"""Asks the server whether it would take all of the files, and what there is of it, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from booper.cli.as_code.files import SECTIONS, BadFiles, File
from booper.cli.as_code.places import steps_of
from booper.client import BadRequest, Json, Scheduler
from booper.client.spelling import encoded

_MOST_ITEMS = 500
_MOST_CALENDARS = 20
_MOST_BYTES = 700_000  # the server takes a MiB
_NAMING = ("skip_on", "only_on")


@dataclass(frozen=True, slots=True)
class There:
    """What is there of what the files name: rows by section and name."""

    rows: dict[str, dict[str, Json]] = field(default_factory=dict)

    def row(self, section: str, name: str) -> Json | None:
        return self.rows.get(section, {}).get(name)

    def take(self, answer: Json) -> None:
        for section, rows in answer.items():
            named = {str(row["key" if section == "schedules" else "name"]): row for row in rows}
            self.rows.setdefault(section, {}).update(named)


def check(scheduler: Scheduler, files: Sequence[File]) -> There:
    """Raises BadFiles with what the server would refuse."""
    there, lines = There(), []
    for file in files:
        for part in _parts(file, calendars=_calendars_of(files)):
            try:
                there.take(scheduler.check(part))
            except BadRequest as refusal:
                lines += [_complaint(files, file, each) for each in refusal.errors]
                if not refusal.errors:
                    raise
    if lines:
        raise BadFiles([*dict.fromkeys(lines)])
    return there


def _calendars_of(files: Iterable[File]) -> dict[str, Json]:
    return {name: calendar for file in files for name, calendar in file.section("calendars").items()}


def _complaint(files: Sequence[File], file: File, error: Mapping[str, str]) -> str:
    """A line about an error, in the file that has what it is about."""
    pointer = str(error.get("pointer", ""))
    section, *steps = steps_of(pointer) or [""]
    holder = next((each for each in files if steps and steps[0] in each.section(section)), file)
    return holder.complaint(pointer, str(error.get("detail", "it is not taken")))


def _parts(file: File, *, calendars: Mapping[str, Json]) -> Iterator[Json]:
    """Bodies that together have all of the file; each schedule with those calendars of the files that it names."""
    frame: Json = {} if file.managed_by is None else {"managed_by": file.managed_by}
    part = _Part(frame)
    for section in SECTIONS:
        for name, item in file.section(section).items():
            needed = {each: calendars[each] for each in _named_by(item) if each in calendars}
            if section == "calendars":
                needed = {name: item}
            if not part.has_room_for(section, name, item, needed):
                yield part.body
                part = _Part(frame)
            part.add(section, name, item, needed)
    yield part.body


def _named_by(item: Json) -> list[str]:
    found = [item.get(name) for name in _NAMING]
    return [name for each in found for name in (each if isinstance(each, list) else [each]) if isinstance(name, str)]


class _Part:
    def __init__(self, frame: Json) -> None:
        self.body: Json = dict(frame)
        self._count = 0
        self._size = len(encoded(frame))

    def has_room_for(self, section: str, name: str, item: Json, needed: Mapping[str, Json]) -> bool:
        if self._count == 0:
            return True
        calendars = {**self.body.get("calendars", {}), **needed}
        return (
            self._count < _MOST_ITEMS
            and len(calendars) <= _MOST_CALENDARS
            and self._size + _size(section, name, item, needed) <= _MOST_BYTES
        )

    def add(self, section: str, name: str, item: Json, needed: Mapping[str, Json]) -> None:
        self._size += _size(section, name, item, needed)
        self._count += 1
        self.body.setdefault(section, {})[name] = item
        if needed:
            self.body.setdefault("calendars", {}).update(needed)


def _size(section: str, name: str, item: Json, needed: Mapping[str, Json]) -> int:
    return len(encoded({section: {name: item}, "calendars": dict(needed)}))
