"""Calls about callbacks and webhooks."""

from __future__ import annotations

from booper.client.resources import Listed
from booper.client.shapes import Id, Json


class Deliveries(Listed):
    """Callbacks and webhooks, sent or waiting."""

    path = "/api/deliveries"

    def resend(self, id: Id) -> Json:
        return self._post(id, "resend")
