"""Calls about the secret that requests, callbacks and webhooks are signed with."""

from __future__ import annotations

from typing import cast

from booper.client.records import IssuedSigningSecret, SigningSecret
from booper.client.resources import Resource
from booper.client.shapes import Span


class SigningSecrets(Resource[SigningSecret]):
    """The signing secret of yours. Each call needs a key with the scope `admin`."""

    path = "/api/signing-secret"

    def get(self) -> SigningSecret:
        """Gets which secrets are in force, by their last four characters, and since when."""
        return self._one("GET", self.path, is_repeatable=True)

    def rotate(self, *, overlap: Span | None = None) -> IssuedSigningSecret:
        """Make a new one, told once as `secret`; the one before signs along for `overlap`, a day if left out."""
        return cast("IssuedSigningSecret", self._made(f"{self.path}/rotate", overlap=overlap))
