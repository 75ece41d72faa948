"""What differs between what is there and what a file asks for, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from booper.client import Json
from booper.client.spelling import WrittenNumber
from booper.timing import durations

CALENDAR_FIELDS = ("dates", "ics", "country", "subdivision")


@dataclass(frozen=True, slots=True)
class Change:
    """A field, `body.user.name` for a nested one, before and after; None where there is nothing."""

    field: str
    before: Any
    after: Any


def of_schedule(row: Json, fields: Json, *, managed_by: str | None) -> list[Change]:
    before = {**row["args"], "managed_by": row.get("managed_by")}
    return [*_changes(_without_null(before), _without_null({**fields, "managed_by": managed_by}))]


def of_queue(row: Json, fields: Json) -> list[Change]:
    """A pause that the file says nothing about is left to those who work at the queue."""
    names = ("concurrency", "rate", *(["paused"] if fields.get("paused") is not None else []))
    before = {name: row.get(name) for name in names}
    after = {name: fields.get(name) for name in names}
    if _rate(before["rate"]) == _rate(after["rate"]):
        before["rate"] = after["rate"] = None
    return [*_changes(_without_null(before), _without_null(after))]


def of_calendar(row: Json, fields: Json) -> list[Change]:
    before = {name: row.get(name) for name in CALENDAR_FIELDS}
    return [*_changes(_without_null(before), _without_null(fields))]


def of_alert(row: Json, fields: Json) -> list[Change]:
    """The server says what there is as the file spells it, wherever that means the same."""
    sides = ({name: _filled(value) for name, value in each.items()} for each in (row["fields"], fields))
    before, after = map(_without_null, sides)
    return [*_changes(before, after)]


def _filled(value: Any) -> Any:
    return _without_null(value) if isinstance(value, dict) else value


def plain(value: Any) -> Any:
    """The value with each number as Python has it."""
    if isinstance(value, WrittenNumber):
        return json.loads(value.text)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def _rate(rate: Any) -> Any:
    """A limit and its seconds, so that 60 and [1, "minute"] are one; whatever else it is, as it is."""
    if not isinstance(rate, dict):
        return rate
    try:
        return plain(rate["limit"]), float(durations.parse(plain(rate["period"])).nominal_seconds)
    except (KeyError, ValueError):
        return rate


def _without_null(fields: Mapping[str, Any]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _changes(before: Json, after: Json, *, path: tuple[str, ...] = ()) -> Iterator[Change]:
    """The order of fields counts within a body, which goes out as it is, and not among the fields themselves."""
    for name in [*after, *(name for name in before if name not in after)]:
        old, new = plain(before.get(name)), plain(after.get(name))
        if _spelt(old) == _spelt(new) and (name in before) == (name in after):
            continue
        here = (*path, name)
        is_nested = isinstance(old, dict) and isinstance(new, dict)
        if is_nested and (within := [*_changes(old, new, path=here)]):
            yield from within
        else:
            yield Change(".".join(here), old, new)


def _spelt(value: Any) -> str:
    return json.dumps(value)
