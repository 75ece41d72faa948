"""What `booper apply` would do: what becomes of each thing of the files, and of what is in none of them any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from booper.cli.as_code import comparison
from booper.cli.as_code.checking import There
from booper.cli.as_code.comparison import Change
from booper.cli.as_code.files import SECTIONS, File
from booper.client import Json, Scheduler

CREATE, CHANGE, UNCHANGED, GONE, DELETE = "create", "change", "unchanged", "gone", "delete"
WRITING = (CREATE, CHANGE, DELETE)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing and what becomes of it.

    `fields` is what is put. A schedule that is disabled `is_paused`, and stays so. `row_id` is that of an
    alert which is there already.
    """

    action: str
    section: str
    name: str
    fields: Json | None = None
    changes: Sequence[Change] = ()
    is_paused: bool = False
    row_id: str | None = None

    @property
    def noun(self) -> str:
        return self.section.removesuffix("s")

    @property
    def is_writing(self) -> bool:
        return self.action in WRITING


def of(files: Sequence[File], there: There, *, scheduler: Scheduler, prunes: bool) -> list[Step]:
    """The steps in the order in which they are taken."""
    steps = [
        _step(section, name, fields, there.row(section, name), managed_by=file.managed_by)
        for section in SECTIONS
        for file in files
        for name, fields in file.section(section).items()
    ]
    return [*steps, *_gone(files, scheduler, prunes=prunes)]


def _step(section: str, name: str, fields: Json, row: Json | None, *, managed_by: str | None) -> Step:
    put = {**fields, "managed_by": managed_by} if section == "schedules" and managed_by is not None else fields
    if row is None:
        return Step(CREATE, section, name, put)
    if section == "schedules":
        changes = comparison.of_schedule(row, fields, managed_by=managed_by)
    elif section == "queues":
        changes = comparison.of_queue(row, fields)
        put = {"paused": row.get("paused"), **{key: value for key, value in put.items() if value is not None}}
    elif section == "alerts":
        changes = comparison.of_alert(row, fields)
    else:
        changes = comparison.of_calendar(row, fields)
    is_paused = row.get("disabled_at") is not None
    return Step(CHANGE if changes else UNCHANGED, section, name, put, changes, is_paused, row.get("id"))


def _gone(files: Sequence[File], scheduler: Scheduler, *, prunes: bool) -> Iterator[Step]:
    """The schedules that the files' `managed_by` looks after, and that no file has."""
    kept = {key for file in files for key in file.section("schedules")}
    for managed_by in dict.fromkeys(file.managed_by for file in files):
        if managed_by is None:
            continue
        for row in scheduler.schedules.iterate(managed_by=managed_by):
            name = str(row.get("key") or row["id"])
            if name not in kept:
                is_paused = row.get("disabled_at") is not None
                yield Step(DELETE if prunes else GONE, "schedules", name, is_paused=is_paused)
