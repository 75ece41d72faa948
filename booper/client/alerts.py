"""Calls about alerts: what you want to be told of, and when it fired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from booper.client.answers import as_object, as_objects
from booper.client.records import Alert, AlertIncident
from booper.client.resources import Readable
from booper.client.shapes import Filter, Id, Rows


class Alerts(Readable[Alert]):
    """Alerts, which tell addresses of yours when they fire and when that is over. Needs an `admin` key."""

    path = "/api/alerts"

    def create(self, alert: Mapping[str, Any]) -> Alert:
        """Make one: its `name`, `when` it fires, `to` whom it is told, and perhaps `of` and `mute_for`."""
        return cast("Alert", as_object(self._transport.call("POST", self.path, body=alert)))

    def update(self, id: Id, changes: Mapping[str, Any]) -> Alert:
        """Change what is given; with another `when` or `of` it begins to count anew."""
        return cast("Alert", as_object(self._transport.call("PATCH", self._path_of(id), body=changes)))

    def delete(self, id: Id) -> Alert:
        """Delete it with its incidents; answers it as it was."""
        return self._delete(id)

    def test(self, id: Id) -> AlertIncident:
        """Send a message that is marked as a test to each address; what each said is in its incidents."""
        return cast("AlertIncident", self._post(id, "test"))

    def incidents(self, id: Id, **filters: Filter) -> Rows[AlertIncident]:
        """One page of when it fired, newest first, and what each address answered."""
        path = self._path_of(id, "incidents")
        return cast(
            "Rows[AlertIncident]",
            as_objects(self._transport.call("GET", path, query=filters, is_repeatable=True)),
        )
