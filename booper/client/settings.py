"""The key, the address and the patience of a client, each checked before anything is sent."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from booper.client.errors import InvalidCall

API_KEY_VARIABLE = "BOOPER_API_KEY"
API_URL_VARIABLE = "BOOPER_API_URL"
DEFAULT_API_URL = "http://127.0.0.1:8000"


def usable_key(api_key: str | None) -> str | None:
    """The key without the blanks a file or a paste leaves around it; None for none."""
    stripped = (api_key or "").strip()
    if not all("!" <= character <= "~" for character in stripped):
        raise InvalidCall("api_key: has blanks or characters no key has; copy it again, it looks like sk_…")
    return stripped or None


def usable_url(base_url: str) -> str:
    """The address without a trailing slash or /api."""
    advice = f"use one like {DEFAULT_API_URL} (base_url, {API_URL_VARIABLE})"
    try:
        parts = urlsplit(base_url.strip())
        has_name = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise InvalidCall(f"base_url: {base_url!r} is no address: {error}; {advice}") from error
    if parts.scheme not in {"http", "https"} or not has_name or parts.username or parts.query or parts.fragment:
        raise InvalidCall(f"base_url: {base_url!r} is no http:// or https:// address of a server; {advice}")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/").removesuffix("/api")


def usable_timeout(timeout: float) -> float:
    if not 0 < timeout < threading.TIMEOUT_MAX:
        raise InvalidCall(f"timeout: {timeout!r} can't be waited for, use a number of seconds above 0")
    return timeout
