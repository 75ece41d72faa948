"""Calls about callbacks and webhooks."""

from __future__ import annotations

from typing import cast

from booper.client.records import Delivery, DeliveryWithBody, Resent
from booper.client.resources import Readable
from booper.client.shapes import Filter, Id


class Deliveries(Readable[Delivery]):
    """Callbacks and webhooks, sent or waiting."""

    path = "/api/deliveries"

    def get(self, id: Id) -> DeliveryWithBody:
        """One, by its id, with its body."""
        return cast("DeliveryWithBody", self._get(id))

    def resend(self, id: Id) -> DeliveryWithBody:
        """Send one again that has ended."""
        return cast("DeliveryWithBody", self._post(id, "resend"))

    def resend_many(self, *, all: bool | None = None, dry_run: bool | None = None, **filters: Filter) -> Resent:
        """Send again what the same filters would list and has ended: without a `state`, what failed."""
        return cast("Resent", self._many("resend", filters, all=all, dry_run=dry_run))
