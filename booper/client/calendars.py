"""Calls about calendars: the days on which schedules do not run, or on which alone they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from booper.client.answers import as_object
from booper.client.records import Calendar, ListedCalendar
from booper.client.resources import Listed


class Calendars(Listed[ListedCalendar]):
    """Calendars are known by their name."""

    path = "/api/calendars"

    def get(self, name: str) -> Calendar:
        return cast("Calendar", self._get(name))

    def put(self, name: str, calendar: Mapping[str, Any]) -> Calendar:
        """Make the calendar of that name, or replace the whole of it; the same twice changes nothing."""
        body = as_object(self._transport.call("PUT", self._path_of(name), body=calendar, is_repeatable=True))
        return cast("Calendar", body)

    def delete(self, name: str) -> Calendar:
        """Delete it; refused while schedules use it. Answers the calendar as it was."""
        return cast("Calendar", self._delete(name))
