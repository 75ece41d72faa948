"""One HTTP request and what came back of it, as plain values: nothing here does anything."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, ready for the wire: nothing is added to it, renamed or left out."""

    method: str
    """The method in upper case: GET, POST, PUT, PATCH, DELETE."""
    url: str
    """Canonical, as `booper.targets.urls.parse` returns it, with the query included."""
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    """None: no body at all. b"": a body of no bytes."""
    timeout_seconds: float
    """The limit for everything together: name lookup (from its turn on), connect, TLS, sending, waiting, receiving."""
    reuse_connection: bool = True
    """False: a connection of its own, so that libcurl can't send the request a second time by itself."""
    owner: Hashable = None
    """Whose it is: connections are kept, and names looked up, for each owner apart."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the target answered, whatever its status."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """The headers in the order received, names spelt as received, repeated ones repeated."""
    body: bytes
    """Inflated, if it came compressed as its Content-Encoding says."""
    truncated: bool
    """True: the body is longer than the limit, be it only once inflated, and `body` is its beginning."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no response."""

    code: str
    """One of `booper.sending.sender.FAILURE_CODES`: for programs."""
    message: str
    """Names the host, the port and the seconds: for people."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one request: exactly one of `response` and `failure` is set."""

    response: Response | None
    failure: Failure | None
    duration_ms: int
    """The time from handing the request over to its end."""
    came: Response | None = None
    """What had come of an answer, beside the failure, when this side broke the request off."""
    times_ms: Mapping[str, float] | None = None
    """How long each of its steps took, in their order, if it was on the wire."""

    def __post_init__(self) -> None:
        if (self.response is None) == (self.failure is None):
            raise ValueError("an Outcome has either a response or a failure: give exactly one of them")
