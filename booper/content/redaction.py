"""Keeps the tenants' credentials off the operators' screens: in headers, in query parameters, in the URL itself."""

import re
from typing import Any
from urllib.parse import unquote_plus

HIDDEN = "••••••••"

# How the words end that name a secret, `author` and `keyboard` not among them.
_ENDINGS = (
    "auth", "authorization", "authentication", "bearer", "cookie", "cookies", "credential", "credentials", "jwt",
    "key", "keys", "passwd", "password", "pwd", "secret", "secrets", "session", "sessionid", "sig", "signature",
    "token", "tokens",
)  # fmt: skip
_HARMLESS = {"idempotency-key", "booper-no-retry"}
_MASKED_MAPPINGS = {"headers", "query"}
_URLS = {"url", "callback_url", "webhook_url"}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARAMETER = re.compile(r"(?<=[?&;])([^=&;#]*)=([^&;#]*)")


def names_a_secret(name: str) -> bool:
    """Whether a header or parameter of that name holds a credential: `X-Api-Key`, `Set-Cookie`, `accessToken`."""
    spelt = _HUMP.sub("-", name).lower().replace("_", "-")
    if spelt in _HARMLESS:
        return False
    return any(word.endswith(_ENDINGS) for word in re.split(r"[^a-z0-9]+", spelt))


def masked(value: Any) -> Any:
    """JSON as it may be shown: at any depth, secrets among `headers` and `query`, and those in the URLs, are hidden."""
    if isinstance(value, list):
        return [masked(item) for item in value]
    if not isinstance(value, dict):
        return value
    shown: dict[str, Any] = {}
    for key, item in value.items():
        if key in _MASKED_MAPPINGS and isinstance(item, dict):
            shown[key] = {name: HIDDEN if names_a_secret(name) else masked(inner) for name, inner in item.items()}
        elif key in _URLS and isinstance(item, str):
            shown[key] = masked_url(item)
        else:
            shown[key] = masked(item)
    return shown


def masked_url(url: str) -> str:
    return _PARAMETER.sub(_masked_parameter, url)


def _masked_parameter(match: re.Match[str]) -> str:
    name, value = match.groups()
    return f"{name}={HIDDEN if value and names_a_secret(unquote_plus(name)) else value}"
