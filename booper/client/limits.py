"""The call about limits."""

from __future__ import annotations

from typing import cast

from booper.client.answers import as_objects
from booper.client.records import Limit
from booper.client.resources import Resource
from booper.client.shapes import Rows


class Limits(Resource[Limit]):
    """What you may have, and how much of it is used."""

    path = "/api/limits"

    def list(self) -> Rows[Limit]:
        """Each limit: its `name`, `allowed` (None for no limit), `used`, and when that begins anew (`resets_at`)."""
        return cast("Rows[Limit]", as_objects(self._transport.call("GET", self.path, is_repeatable=True)))
