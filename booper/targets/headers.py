"""Request headers as they go on the wire: nothing that breaks out of its line or says where the request ends."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

# Who frames the message decides where it ends: a second opinion about that is how requests are smuggled.
FRAMING = frozenset(
    (
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"),
        *("expect", "http2-settings"),
    )
)
"""Names, in lower case, that only the sender itself may set; so is every name that begins with `proxy-`."""

# libcurl adds these by itself unless it is told not to.
_UNASKED = {"accept": b"Accept:", "content-type": b"Content-Type:", "expect": b"Expect:"}
# A name may be as long as a body: such ones are not kept.
_LONGEST_KEPT = 128
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_A_VALUE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


def problem(name: str, value: str) -> str | None:
    """What is wrong with this header, and what to do about it; None if it can be sent."""
    judge = _problem_of_name if len(name) <= _LONGEST_KEPT else _problem_of_name.__wrapped__
    if found := judge(name):
        return found
    if not value.isprintable() and (forbidden := _NOT_IN_A_VALUE.search(value)):
        return f"the header {name} has {forbidden[0]!a} at position {forbidden.start()}: leave control characters out"
    return None


# The same few names over and over.
@lru_cache(maxsize=1024)
def _problem_of_name(name: str) -> str | None:
    if not _NAME.fullmatch(name):
        return f"the header name {name!a} may hold only letters, digits and hyphens"
    # Servers that read headers as variables take an underscore for a hyphen.
    read_as = name.lower().replace("_", "-")
    if read_as in FRAMING or read_as.startswith("proxy-"):
        return f"the header {name} is set by the sender itself: leave it out"
    return None


def lines(headers: Iterable[tuple[str, str]]) -> list[bytes]:
    """The lines that make libcurl send exactly these headers, in UTF-8. ValueError: one that can't be sent."""
    encoded = []
    unasked = dict(_UNASKED)
    for name, value in headers:
        if found := problem(name, value):
            raise ValueError(found)
        unasked.pop(name.lower(), None)
        stripped = value.strip(" \t")
        # To libcurl a name with a colon and nothing more means that the header is not wanted.
        encoded.append(f"{name}: {stripped}".encode() if stripped else f"{name};".encode())
    return encoded + list(unasked.values())
