"""Calls about API keys: make, replace, revoke."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from booper.client.records import ApiKey, IssuedApiKey
from booper.client.resources import Listed
from booper.client.shapes import Id, Span


class Keys(Listed[ApiKey]):
    """API keys of yours. Each call needs a key with the scope `admin`; the key itself is told once, as `key`."""

    path = "/api/keys"

    def create(
        self, *, name: str | None = None, scope: str | None = None, expires_at: datetime | str | float | None = None
    ) -> IssuedApiKey:
        """Make one with the scope `read`, `write` (the default) or `admin`, good until `expires_at` or for ever."""
        return cast("IssuedApiKey", self._made(self.path, name=name, scope=scope, expires_at=expires_at))

    def rotate(
        self, id: Id, *, overlap: Span | None = None, expires_at: datetime | str | float | None = None
    ) -> IssuedApiKey:
        """Make one that takes its place; the old one goes on for `overlap`, a day if left out."""
        return cast("IssuedApiKey", self._made(self._path_of(id, "rotate"), overlap=overlap, expires_at=expires_at))

    def delete(self, id: Id) -> ApiKey:
        """Revoke it; answers the key as it was."""
        return self._delete(id)
