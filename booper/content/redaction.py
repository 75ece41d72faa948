"""Decides what may be shown: by the name that a value has, and by the shape that it has. All surfaces ask here.

Names alone are not enough: a token stands in a body, in a path as Slack has it, in what a target echoes. Shapes alone
are not either: a password has none.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

HIDDEN = "***"

# How the words end that name a secret, `author` and `keyboard` not among them.
_ENDINGS = (
    "auth", "authorization", "authentication", "bearer", "cookie", "cookies", "credential", "credentials", "jwt",
    "otp", "passcode", "passphrase", "passwd", "password", "passwords", "pin", "pwd", "secret", "secrets", "session",
    "sessionid", "sessions", "sid", "sig", "signature", "token", "tokens",
)  # fmt: skip
_WHOLE_WORDS = ("otp", "pin", "sid")
_KEYS = ("key", "keys")
# A header or parameter that is a key opens a door; a body's field may be the key of anything, but for these.
_OPENING = ("access", "account", "api", "app", "auth", "client", "encryption", "master", "private", "secret", "shared",
            "signing", "subscription")  # fmt: skip
_HARMLESS = {"idempotency-key", "booper-no-retry", "sec-websocket-key", "public-key", "primary-key", "foreign-key"}
_STRICT = {"headers", "query"}
_LOOSE = {"body"}
_URLS = {"url", "callback_url", "webhook_url"}
_LISTS_OF_URLS = {"to"}
# `tgram://…` and the like: what follows is a key, in an order that each service has for itself.
_OF_A_SERVICE = re.compile(r"(?!https?://)([a-z0-9]+://).+", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARAMETER = re.compile(r"(?<=[?&;])([^=&;#\s]*)=([^&;#\s]*)")

_KNOWN_TOKENS = (
    r"sk_[A-Za-z0-9]{20,}|(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}|sk-[\w-]{20,}|whsec_[A-Za-z0-9+/=]{16,}",
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,}|npm_[A-Za-z0-9]{20,}",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}|hf_[A-Za-z0-9]{20,}",
    r"dop_v1_[a-f0-9]{32,}|shp(?:at|ss|ca|pa)_[A-Fa-f0-9]{16,}|eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*",
)
# Mixed as only chance mixes: capitals, small letters and digits; or a digest's worth of hexadecimal.
_BY_CHANCE = (
    r"(?<![\w+=-])(?=[\w+=]*[A-Z])(?=[\w+=]*[a-z])(?=[\w+=]*\d[\w+=]*\d)[A-Za-z0-9+=_]{24,}(?![\w+=-])",
    r"(?<![\w-])[0-9a-f]{40,}(?![\w-])",
)
_SHAPES = re.compile(rf"\b(?:{'|'.join(_KNOWN_TOKENS)})|{'|'.join(_BY_CHANCE)}")
# A quick look first: most texts have nothing of the kind.
_LONG = re.compile(r"[\w+=.-]{16}")
# Words of which one is in a text that a pattern below finds something in; what is kept of each is its first group.
_AFTER: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (
        ("bearer", "basic", "token", "digest", "negotiate"),
        re.compile(r"\b((?:Bearer|Basic|Token|Digest|Negotiate)\s+)(?!\*)[\w.~+/=:,\"-]{6,}", re.IGNORECASE),
    ),
    (
        ("private key",),
        re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    ),
    (("@",), re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")),
    (
        ("hooks.", "webhook", "api.telegram.org", "maker.ifttt.com"),
        re.compile(
            r"(hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|"
            r"api\.telegram\.org/bot|\.webhook\.office\.com/webhookb2/|hooks\.zapier\.com/hooks/catch/|"
            r"maker\.ifttt\.com/trigger/[^/\s]+/with/(?:json/)?key/)[^\s?#\"'<>]+",
            re.IGNORECASE,
        ),
    ),
)
_SECRET_NAME = rf"[\w.-]{{0,60}}(?:{'|'.join((*_ENDINGS, *_KEYS))})"
_ASSIGNED = re.compile(
    rf"(?<![\w.{{-])(?P<name>{_SECRET_NAME})"
    r"(?P<sign>[\"']?\s*[=:]\s*[\"']?)(?P<value>[^\s\"'&,;<>{}\[\]]{2,})",
    re.IGNORECASE,
)
_SHORTEST_TOLD = 8
_LONGEST_KEPT = 200


@lru_cache(maxsize=4096)
def names_a_secret(name: str, *, is_field: bool = False) -> bool:
    """Whether a header or parameter of that name holds a credential, or if it `is_field`, something in a body."""
    spelt = _HUMP.sub("-", name).lower().replace("_", "-")
    if spelt in _HARMLESS:
        return False
    words = [word for word in re.split(r"[^a-z0-9]+", spelt) if word]
    return any(_is_secret(word) for word in words) or _is_key(words, is_field=is_field)


def _is_secret(word: str) -> bool:
    return word in _WHOLE_WORDS or (word.endswith(_ENDINGS) and not word.endswith(_WHOLE_WORDS))


def _is_key(words: list[str], *, is_field: bool) -> bool:
    if not any(word.endswith(_KEYS) for word in words):
        return False
    return not is_field or any(word.startswith(_OPENING) for word in words)


def redacted(value: Any, *, is_field: bool = True) -> Any:
    """JSON as it may be shown to whom it belongs: secrets are hidden at any depth, by name and by shape.

    `is_field` says how names are read, until `headers`, `query` or `body` say otherwise.
    """
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, list):
        return [redacted(item, is_field=is_field) for item in value]
    if isinstance(value, dict):
        return {name: _redacted_item(name, item, is_field) for name, item in value.items()}
    return value


def _redacted_item(name: str, item: Any, is_field: bool) -> Any:
    if name in _URLS and isinstance(item, str):
        return redacted_url(item)
    if name in _LISTS_OF_URLS and isinstance(item, list) and all(isinstance(each, str) for each in item):
        return [redacted_text(redacted_url(each)) for each in item]
    if _hides_something(item) and names_a_secret(name, is_field=is_field):
        return HIDDEN
    if name in _STRICT and isinstance(item, dict):
        return redacted(item, is_field=False)
    return redacted(item, is_field=True if name in _LOOSE else is_field)


def _hides_something(item: Any) -> bool:
    return item is not None and not isinstance(item, bool) and item not in ("", [], {})


def without_credentials(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Redacts like `redacted`, for others to read: headers that hold a secret are left out altogether."""
    shown: dict[str, Any] = redacted(dict(payload))
    headers = shown.get("headers")
    if isinstance(headers, dict):
        shown["headers"] = {name: value for name, value in headers.items() if not names_a_secret(name)}
    return shown


def redacted_url(url: str) -> str:
    """Gives the URL with the secrets in its path, query and user information hidden; of a service, all but which."""
    if service := _OF_A_SERVICE.fullmatch(url):
        return service[1] + HIDDEN
    return _by_shape(_PARAMETER.sub(_redacted_parameter, url))


def redacted_text(text: str) -> str:
    """Any text, with what looks like a secret in it hidden, and what follows a name that does."""
    if len(text) < _SHORTEST_TOLD:
        return text
    return _short_text(text) if len(text) <= _LONGEST_KEPT else _text(text)


def _text(text: str) -> str:
    shown = _by_shape(text)
    if "=" in shown or ":" in shown:
        shown = _ASSIGNED.sub(_redacted_assignment, shown)
    return shown


# Header values, hosts and words are the same in most of what passes.
_short_text = lru_cache(maxsize=4096)(_text)


def _by_shape(text: str) -> str:
    lower = text.lower()
    for words, pattern in _AFTER:
        if any(word in lower for word in words):
            text = pattern.sub(rf"\1{HIDDEN}", text)
    return _SHAPES.sub(HIDDEN, text) if _LONG.search(text) else text


def _redacted_parameter(match: re.Match[str]) -> str:
    name, value = match.groups()
    return f"{name}={HIDDEN if value and names_a_secret(unquote_plus(name)) else value}"


def _redacted_assignment(match: re.Match[str]) -> str:
    name, sign, value = match["name"], match["sign"], match["value"]
    is_hidden = not value.startswith(("//", HIDDEN)) and names_a_secret(name, is_field=True)
    return f"{name}{sign}{HIDDEN}" if is_hidden else match[0]


def outline(value: Any) -> Any:
    """What an operator sees of a tenant's JSON: its keys, and of each value the kind and length alone."""
    if isinstance(value, dict):
        return {redacted_text(name): outline(item) for name, item in value.items()}
    if isinstance(value, list):
        return [outline(item) for item in value[:_MOST_OUTLINED]] + (["…"] if len(value) > _MOST_OUTLINED else [])
    if isinstance(value, str):
        return f"({len(value)} characters)"
    return value if value is None or isinstance(value, bool) else "(a number)"


_MOST_OUTLINED = 20
# What is told of a payload as it is: nobody's content.
_METADATA = {"method", "status", "duration_ms", "truncated", "attempt", "scheduled_at", "retry_at", "state", "reason",
             "code", "sequence", "event", "type", "timestamp", "delivery_id", "job_id", "schedule_id", "id", "kind",
             "timeout", "max_attempts", "repeat_every", "cron", "timezone", "schedule_in"}  # fmt: skip
_OPEN_HEADERS = {"content-type", "content-length", "date", "user-agent", "retry-after", "server", "accept", "host",
                 "idempotency-key", "booper-job-id", "booper-attempt"}  # fmt: skip


def metadata(payload: Any) -> Any:
    """A log's or a delivery's payload as an operator sees it: when and how it went, and nothing of what was said."""
    if not isinstance(payload, dict):
        return outline(payload)
    return {name: _metadata_of(name, item) for name, item in payload.items()}


def _metadata_of(name: str, item: Any) -> Any:
    if name in _METADATA and not isinstance(item, dict):
        return redacted(item)
    if name in _URLS and isinstance(item, str):
        return redacted_url(item)
    if name == "headers" and isinstance(item, dict):
        return {
            header: redacted(value) if header.lower() in _OPEN_HEADERS else outline(value)
            for header, value in item.items()
        }
    if name == "message" and isinstance(item, str):
        return redacted_text(item)
    return metadata(item) if name in {"data", "payload", "request", "response", "error"} else outline(item)
