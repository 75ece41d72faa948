"""Calls about callbacks and webhooks."""

from __future__ import annotations

from booper.client.resources import Listed
from booper.client.shapes import Filter, Id, Json


class Deliveries(Listed):
    """Callbacks and webhooks, sent or waiting."""

    path = "/api/deliveries"

    def resend(self, id: Id) -> Json:
        return self._post(id, "resend")

    def resend_many(self, *, all: bool | None = None, dry_run: bool | None = None, **filters: Filter) -> Json:
        """Send again what the same filters would list and has ended: without a `state`, what failed."""
        return self._many("resend", filters, all=all, dry_run=dry_run)
