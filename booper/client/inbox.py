"""Calls about your inbox: the address that takes any request, and what arrived there."""

from __future__ import annotations

from typing import cast

from booper.client.answers import as_object
from booper.client.records import InboxAddress, InboxCleared, InboxRequest
from booper.client.resources import Readable


class Inbox(Readable[InboxRequest]):
    """What arrived within a day, newest first."""

    path = "/api/inbox"

    def address(self) -> InboxAddress:
        """Its `address`, which takes any request, at any path below it too."""
        return cast("InboxAddress", self._get("address"))

    def clear(self) -> InboxCleared:
        """Empty it; answers how many were `deleted`."""
        return cast("InboxCleared", as_object(self._transport.call("DELETE", self.path, is_repeatable=True)))

    def rotate(self) -> InboxAddress:
        """Take another `address`; the one before takes nothing any more."""
        return cast("InboxAddress", self._made(f"{self.path}/rotate"))
