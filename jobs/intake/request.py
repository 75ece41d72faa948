"""The request a job is to make: where to, with which query and headers."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from booper.targets import headers, urls
from booper.targets.addresses import BY_THE_OPERATOR
from booper.targets.urls import InvalidTarget
from booper.timing.durations import shown
from jobs.guarding import allowed_targets
from jobs.intake.fields import Input

FIELDS = ("method", "url", "query", "headers", "body")
METHODS = ("get", "post", "put", "patch", "delete")

_MOST_HEADERS = 64
_MOST_HEADER_BYTES = 16 * 1024
_LONGEST_QUERY = 8192
_OWN_HEADERS = ("user-agent",)
_OWN_HEADER_PREFIXES = ("booper-", "webhook-")


def url(given: Input, name: str) -> str | None:
    """The canonical spelling."""
    found = given.read(name, target)
    return None if found is None else found.url


def canonical(value: Any) -> str:
    """The canonical spelling of a URL, or the value as text where it is none."""
    try:
        return target(value).url
    except InvalidTarget:
        return str(value or "")


def target(value: Any) -> urls.Target:
    """Where a request may go. Raises InvalidTarget."""
    try:
        return allowed_targets.target(value)
    except InvalidTarget as refusal:
        raise InvalidTarget(f"{refusal.message}{_operators_remedy(value, refusal)}", kind=refusal.kind) from None


def _operators_remedy(value: Any, refusal: InvalidTarget) -> str:
    is_of_the_operator = refusal.message.startswith("port ") or refusal.message.endswith(BY_THE_OPERATOR)
    if refusal.kind == "blocked" and not is_of_the_operator:
        return " (an operator can allow networks with BOOPER_ALLOWED_TARGET_NETWORKS)"
    if "http:// is not taken" in refusal.message:
        return " (an operator can allow http:// with BOOPER_ALLOW_HTTP_TARGETS=true)"
    return ""


def check_parts(given: Input) -> None:
    check_query(given)
    check_headers(given)


def check_query(given: Input) -> None:
    query = given.value("query")
    if query is None:
        return
    if not isinstance(query, dict):
        given.refuse("query", detail=f'{shown(query)} is not an object: write {{"name": "value"}}')
        return
    try:
        urls.with_query("", query, max_length=_LONGEST_QUERY)
    except InvalidTarget:
        detail = f"it has more than {_LONGEST_QUERY} characters once percent-encoded: use the body"
        given.refuse("query", detail=detail)


def check_headers(given: Input) -> None:
    sent = given.value("headers")
    if sent is None:
        return
    if not isinstance(sent, dict):
        given.refuse("headers", detail=f'{shown(sent)} is not an object: write {{"X-Name": "value"}}')
        return
    if len(sent) > _MOST_HEADERS:
        given.refuse("headers", detail=f"there are {len(sent)} of them: send at most {_MOST_HEADERS}")
        return
    for name, value in sent.items():
        if found := _header_problem(name, value):
            given.refuse("headers", name, detail=found)
    for name in _doubled(sent):
        given.refuse("headers", name, detail="it comes twice, as case does not count in header names: keep one")
    size = sum(len(name) + len(str(value).encode(errors="replace")) for name, value in sent.items())
    if size > _MOST_HEADER_BYTES:
        given.refuse("headers", detail=f"they have {size} bytes in all: send at most {_MOST_HEADER_BYTES}")


def _header_problem(name: str, value: Any) -> str | None:
    """Names are tokens (RFC 9110), values text that is sent as UTF-8; numbers are taken as text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return f"{shown(value)} is not a string: a header has only text"
    # Servers that read headers as variables take an underscore for a hyphen.
    read_as = name.lower().replace("_", "-")
    if read_as in _OWN_HEADERS or read_as.startswith(_OWN_HEADER_PREFIXES):
        return f"{name[:80]} is set by Booper itself: leave it out"
    if isinstance(value, str) and (control := next(filter(_is_control, value), None)):
        return f"there is a control character (U+{ord(control):04X}) in it: leave it out"
    return headers.problem(name, value if isinstance(value, str) else "")


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"


def _doubled(sent: Mapping[str, Any]) -> list[str]:
    if len({name.lower() for name in sent}) == len(sent):
        return []
    times = Counter(name.lower() for name in sent)
    return [name for name in sent if times[name.lower()] > 1]
