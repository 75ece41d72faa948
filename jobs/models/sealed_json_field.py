"""A column for requests as clients sent them, with their headers encrypted: that is where credentials are."""

from collections.abc import Mapping
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression

from booper.content import exact_json
from jobs.models import encryption
from jobs.models.encryption import UnknownKeyError
from jobs.models.exact_json_field import ExactJSONField

# The jobs that come after this one, which have headers of their own.
_CHILDREN = ("then", "on_failure")
# What Booper adds to each request by itself is no secret, and is not worth encrypting.
_OWN = {
    *("Accept", "Accept-Encoding", "User-Agent", "Booper-Job-Id", "Booper-Attempt", "Idempotency-Key"),
    "Content-Type",
}
# No client can have sent this: unknown fields are refused.
_TRACEPARENT = "$traceparent"


class UnreadableHeaders(dict[str, Any]):
    """Stands for headers whose key is not there: empty to look at, and never to be sent."""

    def __init__(self, sealed: str) -> None:
        super().__init__()
        self.sealed = sealed


class Traced(dict[str, Any]):
    """A request that came with a `traceparent`, which is stored with it and shown nowhere."""

    def __init__(self, value: Mapping[str, Any], traceparent: str) -> None:
        super().__init__(value)
        self.traceparent = traceparent


def dumps(value: Any) -> str:
    """The JSON text of a request, to be stored."""
    stored = _sealed(value)
    if isinstance(value, Traced):
        stored = {**stored, _TRACEPARENT: value.traceparent}
    return exact_json.dumps(stored).decode()


def as_before(value: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A request that was edited, in the trace that it was in `before`."""
    return Traced(value, before.traceparent) if isinstance(before, Traced) else value


def loads(text: str) -> Any:
    """The request that the stored text is of, in clear; also what was stored before headers were encrypted."""
    value = exact_json.loads(text)
    if encryption.PREFIX in text:
        value = _opened(value)
    if isinstance(value, dict) and _TRACEPARENT in value:
        return Traced(value, value.pop(_TRACEPARENT))
    return value


def is_current(text: str) -> bool:
    """Whether a stored text has all its headers encrypted with the key that encrypts now."""
    if '"headers"' not in text:
        return True
    return all(encryption.is_current(sealed) for sealed in _headers_in(exact_json.loads(text)))


def _headers_in(value: Any) -> list[str]:
    """What stands for headers in a stored value: ciphertext, or something that is not encrypted yet."""
    if not isinstance(value, dict):
        return []
    headers = value.get("headers")
    own = [headers] if isinstance(headers, str) else [""] if _is_worth_it(headers) else []
    return own + [text for child in _children(value) for text in _headers_in(child)]


def _children(value: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    for name in _CHILDREN:
        given = value.get(name)
        found += given if isinstance(given, list) else [given]
    return found


def _is_worth_it(headers: Any) -> bool:
    return isinstance(headers, dict) and (isinstance(headers, UnreadableHeaders) or not headers.keys() <= _OWN)


def _sealed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if not _is_worth_it(value.get("headers")) and value.keys().isdisjoint(_CHILDREN):
        return value
    return _changed(value, _seal)


def _opened(value: Any) -> Any:
    return _changed(value, _open) if isinstance(value, dict) else value


def _changed(value: Any, change: Any) -> Any:
    """The same with the headers of it, and of the jobs that come after it, changed; nothing else is looked at."""
    if not isinstance(value, dict):
        return value
    changed = dict(value)
    if "headers" in changed:
        changed["headers"] = change(changed["headers"])
    for name in _CHILDREN:
        if isinstance(changed.get(name), list):
            changed[name] = [_changed(child, change) for child in changed[name]]
        elif isinstance(changed.get(name), dict):
            changed[name] = _changed(changed[name], change)
    return changed


def _seal(headers: Any) -> Any:
    if not _is_worth_it(headers):
        return headers
    if isinstance(headers, UnreadableHeaders):
        return headers.sealed
    return encryption.encrypt(exact_json.dumps(headers).decode())


def _open(headers: Any) -> Any:
    # No client can have sent this: headers that are a string are refused.
    if not isinstance(headers, str) or not headers.startswith(encryption.PREFIX):
        return headers
    try:
        return exact_json.loads(encryption.decrypt(headers))
    except UnknownKeyError:
        encryption.complain(headers)
        return UnreadableHeaders(headers)


class SealedJSONField(ExactJSONField):
    """JSON as it was sent, but for the headers, which are encrypted in the database and nowhere else."""

    def from_db_value(self, value: str | None, expression: Expression, connection: BaseDatabaseWrapper) -> Any:
        return None if value is None else loads(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else dumps(value)
