"""Calls about calendars: the days on which schedules do not run, or on which alone they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from booper.client.answers import as_object, as_object_or_none
from booper.client.resources import Listed
from booper.client.shapes import Json


class Calendars(Listed):
    """Calendars are known by their name."""

    path = "/api/calendars"

    def get(self, name: str) -> Json:
        return self._get(name)

    def put(self, name: str, calendar: Mapping[str, Any]) -> Json:
        """Make the calendar of that name, or replace the whole of it; the same twice changes nothing."""
        return as_object(self._transport.call("PUT", self._path_of(name), body=calendar, is_repeatable=True))

    def delete(self, name: str) -> Json | None:
        """Delete it; refused while schedules use it."""
        return as_object_or_none(self._transport.call("DELETE", self._path_of(name)))
