"""Standard Webhooks: what Booper signs, a receiver can verify, and nobody else can forge or replay."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64  # standardwebhooks.com: "between 24 bytes and 64 bytes"

_VERSION = "v1"


class InvalidSecret(ValueError):
    """A secret that is not `whsec_` and base64 of 24 to 64 bytes. The message never contains it."""


class InvalidSignature(Exception):
    """A message that must not be trusted; the message says which check failed."""


def new_secret() -> str:
    """`whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def sign(payload: bytes, *, secret: str, message_id: str, timestamp: int) -> str:
    """`v1,<base64>`: the signature of the exact bytes of a body.

    `timestamp` is in unix seconds, that of this attempt. Raises InvalidSecret, and ValueError for a message id that is
    empty or has a full stop in it: the stop separates the signed parts, so it would make two messages look alike.
    """
    if not message_id or "." in message_id:
        raise ValueError(
            f"message_id: {message_id!r} can't be signed, use an id that is not empty and has no full stop"
        )
    return f"{_VERSION},{_digest(payload, key=_key(secret), message_id=message_id, timestamp=str(timestamp))}"


def signed_headers(payload: bytes, *, secret: str | Sequence[str], message_id: str, timestamp: int) -> dict[str, str]:
    """The three headers of a signed request, whose body must be exactly `payload`. Raises as `sign` does.

    With several secrets there is a signature for each, with spaces between them: a receiver may know any of them.
    """
    known = [secret] if isinstance(secret, str) else secret
    signed = [sign(payload, secret=each, message_id=message_id, timestamp=timestamp) for each in known]
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: " ".join(signed),
    }


def verify(
    payload: bytes,
    headers: Mapping[str, str],
    *,
    secret: str | Sequence[str],
    now: datetime,
    tolerance_seconds: float = 300,
) -> None:
    """Return quietly if one of the signatures in `headers` is that of `payload` under one of the secrets.

    `payload` is the body as received, before any parsing; the case of header names does not matter; `now` is an aware
    datetime. Give both secrets while one replaces the other. Raises InvalidSignature when a header is missing, when the
    time stamp is further than `tolerance_seconds` from `now`, or when no signature fits; InvalidSecret for the secret.
    """
    keys = [_key(each) for each in ([secret] if isinstance(secret, str) else secret)]
    lowered = {name.lower(): value for name, value in headers.items()}
    message_id = _required(lowered, ID_HEADER)
    timestamp = _required(lowered, TIMESTAMP_HEADER)
    given = [part.removeprefix("v1,") for part in _required(lowered, SIGNATURE_HEADER).split() if part[:3] == "v1,"]
    _check_age(timestamp, now=now, tolerance_seconds=tolerance_seconds)
    if not any(_fits(payload, given, key=key, message_id=message_id, timestamp=timestamp) for key in keys):
        raise InvalidSignature(
            f"{SIGNATURE_HEADER}: no v1 signature in it fits; check the secret, and verify the bytes as received"
        )


def _fits(payload: bytes, given: Sequence[str], *, key: bytes, message_id: str, timestamp: str) -> bool:
    expected = _digest(payload, key=key, message_id=message_id, timestamp=timestamp).encode("ascii")
    return any(hmac.compare_digest(expected, each.encode("utf-8", "replace")) for each in given)


def _digest(payload: bytes, *, key: bytes, message_id: str, timestamp: str) -> str:
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "replace") + payload
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")


@lru_cache(maxsize=1024)
def _key(secret: str) -> bytes:
    """The bytes a secret stands for; padding and the prefix may be missing, as in the reference libraries."""
    encoded = secret.removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSecret(f"secret: not base64 after {SECRET_PREFIX}; copy it again, whole") from error
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise InvalidSecret(
            f"secret: {len(key)} bytes long; a signing secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES}, "
            "make one with new_secret()"
        )
    return key


def _required(lowered: Mapping[str, str], name: str) -> str:
    value = lowered.get(name, "")
    if not value:
        raise InvalidSignature(
            f"{name}: the header is missing; the message was not sent by Booper, or a proxy dropped it"
        )
    return value


def _check_age(timestamp: str, *, now: datetime, tolerance_seconds: float) -> None:
    """Raise InvalidSignature for a time stamp that is not a number of seconds or too far from `now` on either side."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise InvalidSignature(f"{TIMESTAMP_HEADER}: {timestamp[:40]!r} is not a unix time in seconds")
    age_seconds = now.timestamp() - int(timestamp)
    if abs(age_seconds) > tolerance_seconds:
        side = "old" if age_seconds > 0 else "new"
        raise InvalidSignature(
            f"{TIMESTAMP_HEADER}: {timestamp} is {abs(age_seconds):.0f} s too {side} or replayed; "
            f"at most {tolerance_seconds:g} s are allowed, check this machine's clock"
        )
