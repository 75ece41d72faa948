"""Calls about the receivers of callbacks and webhooks that failed."""

from __future__ import annotations

from booper.client.records import Receiver
from booper.client.resources import Readable
from booper.client.shapes import Id


class Receivers(Readable[Receiver]):
    """Origins that callbacks and webhooks go to, and that failed lately."""

    path = "/api/receivers"

    def enable(self, id: Id) -> Receiver:
        """Switch one on again that was switched off as nothing reached it. The same twice changes nothing."""
        return self._one("POST", self._path_of(id, "enable"), is_repeatable=True)
