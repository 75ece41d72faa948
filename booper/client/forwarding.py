"""Hands what arrived in an inbox on to another address, as it came."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from booper.client.failures import innermost_reason

# Of the connection that it came by, or said anew by the one that it leaves by.
_NOT_FORWARDED = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"}
)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What came back: a status, or why there is none."""

    status: int | None
    error: str | None
    seconds: float


def forward(arrived: Mapping[str, Any], *, to: str, timeout_seconds: float = 30) -> Forwarded:
    """Sends a request of the inbox to `to`, its path and query below it. Follows no redirect, raises nothing."""
    url = to.rstrip("/") + str(arrived["path"] or "")
    query = str(arrived["query"] or "")
    headers = {
        name: value.encode("utf-8", "surrogateescape")
        for name, value in arrived["headers"].items()
        if name.lower() not in _NOT_FORWARDED and not name.lower().startswith("proxy-")
    }
    began = time.monotonic()
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                arrived["method"],
                f"{url}?{query}" if query else url,
                headers=headers,
                data=base64.b64decode(arrived["body_base64"]),
                timeout=timeout_seconds,
                allow_redirects=False,
            )
    except (requests.RequestException, ValueError) as error:
        return Forwarded(None, innermost_reason(error), time.monotonic() - began)
    return Forwarded(answer.status_code, None, time.monotonic() - began)
