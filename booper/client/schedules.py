"""Calls about schedules: pause, resume, trigger, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from booper.client.answers import as_objects
from booper.client.records import BackfilledRun, Job, Schedule
from booper.client.resources import Readable
from booper.client.shapes import Id, Rows


class Schedules(Readable[Schedule]):
    """Schedules are known by their uuid, or by the key they were put with."""

    path = "/api/schedules"

    def enable(self, id: Id) -> Schedule:
        return self._post(id, "enable")

    def disable(self, id: Id, *, reason: str | None = None) -> Schedule:
        """Pause it; `reason` is for whoever reads it."""
        body = None if reason is None else {"reason": reason}
        return self._one("POST", self._path_of(id, "disable"), body=body)

    def trigger(self, id: Id) -> Job:
        """Run it once now, outside its grid."""
        return cast("Job", self._post(id, "trigger"))

    def skip(self, id: Id, *, until: str | None = None) -> Schedule:
        """Leave out its next run, or all runs before `until`."""
        body = None if until is None else {"until": until}
        return self._one("POST", self._path_of(id, "skip"), body=body)

    def backfill(self, id: Id, span: Mapping[str, Any]) -> Rows[BackfilledRun]:
        """Make the runs that its grid has `from` then `to` then, but for those that ran; with `dry_run`, list them."""
        made = as_objects(self._transport.call("POST", self._path_of(id, "backfill"), body=span))
        return cast("Rows[BackfilledRun]", made)

    def update(self, id: Id, changes: Mapping[str, Any]) -> Schedule:
        return self._one("PATCH", self._path_of(id), body=changes)

    def put(self, key: str, schedule: Mapping[str, Any]) -> Schedule:
        """Make the schedule of that key, or replace the whole of it; the same twice changes nothing."""
        return self._one("PUT", self._path_of(key), body=schedule, is_repeatable=True)

    def delete(self, id: Id) -> Schedule:
        """Delete it; answers the schedule as it was."""
        return self._delete(id)
