"""For who receives callbacks and webhooks: is this from Booper, and what does it say?

As the Standard Webhooks specification has it. Needs nothing but the standard library.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from booper.content import signatures
from booper.content.signatures import InvalidSecret, InvalidSignature

__all__ = ["InvalidSecret", "InvalidSignature", "verify"]


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance_seconds: float = 300,
    now: datetime | None = None,
) -> Any:
    """The event in `body`, once one of its signatures is found to be that of one of the secrets.

    `body` is the body as it was received, before any parsing: text is taken to have been UTF-8. `headers` is any
    mapping, in any case; `secret` is `whsec_…`, or several while one replaces the other. `now` is an aware datetime,
    for tests. The event is the JSON as Python has it: `{"type", "timestamp", "data"}`.

    Raises InvalidSignature when a header is missing, when the message is older or newer than `tolerance_seconds`,
    when no signature fits, or when what was signed is not JSON; InvalidSecret for a secret that can't be one.
    """
    payload = body.encode() if isinstance(body, str) else bytes(body)
    signatures.verify(
        payload, headers, secret=secret, now=now or datetime.now(UTC), tolerance_seconds=tolerance_seconds
    )
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidSignature("the body is signed, but it is not JSON: it is not a callback or a webhook") from error
