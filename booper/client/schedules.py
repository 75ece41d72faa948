"""Calls about schedules: pause, resume, trigger, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from booper.client.answers import as_object, as_object_or_none, as_objects
from booper.client.resources import Readable
from booper.client.shapes import Id, Json, JsonList


class Schedules(Readable):
    """Schedules are known by their uuid, or by the key they were put with."""

    path = "/api/schedules"

    def enable(self, id: Id) -> Json:
        return self._post(id, "enable")

    def disable(self, id: Id, *, reason: str | None = None) -> Json:
        """Pause it; `reason` is for whoever reads it."""
        body = None if reason is None else {"reason": reason}
        return as_object(self._transport.call("POST", self._path_of(id, "disable"), body=body))

    def trigger(self, id: Id) -> Json:
        """Run it once now, outside its grid."""
        return self._post(id, "trigger")

    def skip(self, id: Id, *, until: str | None = None) -> Json:
        """Leave out its next run, or all runs before `until`."""
        body = None if until is None else {"until": until}
        return as_object(self._transport.call("POST", self._path_of(id, "skip"), body=body))

    def backfill(self, id: Id, span: Mapping[str, Any]) -> JsonList:
        """Make the runs that its grid has `from` then `to` then, but for those that ran; with `dry_run`, list them."""
        return as_objects(self._transport.call("POST", self._path_of(id, "backfill"), body=span))

    def update(self, id: Id, changes: Mapping[str, Any]) -> Json:
        return as_object(self._transport.call("PATCH", self._path_of(id), body=changes))

    def put(self, key: str, schedule: Mapping[str, Any]) -> Json:
        """Make the schedule of that key, or replace the whole of it; the same twice changes nothing."""
        return as_object(self._transport.call("PUT", self._path_of(key), body=schedule, is_repeatable=True))

    def delete(self, id: Id) -> Json | None:
        """Delete it; answers what the server says of it, or None."""
        return as_object_or_none(self._transport.call("DELETE", self._path_of(id)))
