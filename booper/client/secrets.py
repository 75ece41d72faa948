"""Calls about secrets: the values that jobs refer to as {{secret:NAME}}."""

from __future__ import annotations

from collections.abc import Sequence

from booper.client.records import Secret
from booper.client.resources import Listed


class Secrets(Listed[Secret]):
    """Secrets are known by their name; nothing ever tells their value. Each call needs a key with the scope `admin`."""

    path = "/api/secrets"

    def set(self, name: str, value: str, *, hosts: Sequence[str] | None = None) -> Secret:
        """Make the secret of that name or give it another value; `hosts` are the only ones it may be sent to."""
        body = {"value": value} | ({} if hosts is None else {"hosts": [*hosts]})
        return self._one("PUT", self._path_of(name), body=body, is_repeatable=True)

    def delete(self, name: str) -> Secret:
        """Delete it; what refers to it fails from then on. Answers the secret as it was, without its value."""
        return self._delete(name)
