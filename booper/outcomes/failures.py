"""Why there is no response: a code for programs, and words for an operator at three in the morning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from booper.outcomes.outcome import Failure

BLOCKED_ADDRESS = "blocked_address"
DNS_FAILURE = "dns_failure"
CONNECT_FAILED = "connect_failed"
TLS_FAILURE = "tls_failure"
TIMEOUT = "timeout"
CONNECTION_CLOSED = "connection_closed"
RESPONSE_HEADERS_TOO_LARGE = "response_headers_too_large"
BAD_RESPONSE = "bad_response"
INVALID_REQUEST = "invalid_request"
ABORTED = "aborted"
NO_TURN = "no_turn"
"""Nothing was sent, as a lookup did not get its turn: this side's doing, and nobody's failure."""
PROXY_UNAVAILABLE = "proxy_unavailable"
"""Nothing was sent, as the proxy could not be reached, or did not know us: nobody's failure either."""
PROXY_FAILED = "proxy_failed"
"""The proxy would not, or could not, connect to the target, or did not say why."""
INTERNAL = "internal"

CODES = frozenset(
    (
        *(BLOCKED_ADDRESS, DNS_FAILURE, CONNECT_FAILED, TLS_FAILURE, TIMEOUT, CONNECTION_CLOSED),
        *(RESPONSE_HEADERS_TOO_LARGE, BAD_RESPONSE, INVALID_REQUEST, ABORTED, NO_TURN, INTERNAL),
        *(PROXY_UNAVAILABLE, PROXY_FAILED),
    )
)
"""Every code a Failure of `booper.sending.sender` can have."""

UNCHARGED = frozenset((NO_TURN, PROXY_UNAVAILABLE))
"""What is tried again soon, and counted as no attempt."""
TRIED_AGAIN = "; it is tried again, and this is not counted as an attempt"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request had come when it ended."""

    place: str
    """host:port"""
    timeout_seconds: float
    connect_timeout_seconds: float
    """The shorter of the two."""
    is_looked_up: bool
    is_sent: bool
    """The connection stood and the request was handed to it, in part at least."""
    is_answered: bool
    """A header line came back, in part at least of a head."""
    body_size: int
    """Bytes of the answer's body."""
    proxy: str | None = None
    """The URL of the proxy in between, without user and password."""

    @property
    def way(self) -> str:
        """The place, and how it is reached."""
        return self.place if self.proxy is None else f"{self.place} by way of the proxy {self.proxy}"


def blocked_address(progress: Progress, refusals: Sequence[str]) -> Failure:
    """`refusals` are the addresses that were not dialled, each with its reason."""
    return Failure(
        BLOCKED_ADDRESS,
        f"{progress.place} was not contacted: {'; '.join(refusals)}. "
        "If it should be, the operator can allow that network",
    )


def dns_failure(progress: Progress, detail: str) -> Failure:
    return Failure(
        DNS_FAILURE, f"no address for {progress.place}: {detail}. Check the spelling of the host and its DNS records"
    )


def connect_failed(progress: Progress, detail: str) -> Failure:
    return Failure(CONNECT_FAILED, f"no connection to {progress.way}: {detail}. Does anything listen there?")


def tls_failure(progress: Progress, detail: str) -> Failure:
    return Failure(TLS_FAILURE, f"no secure connection to {progress.way}: {detail}")


def timeout(progress: Progress) -> Failure:
    seconds = progress.timeout_seconds
    if not progress.is_looked_up:
        words = f"the name of {progress.place} was not looked up within {seconds:g} s"
    elif not progress.is_sent:
        words = f"no connection to {progress.way} within {progress.connect_timeout_seconds:g} s"
    elif not progress.is_answered:
        words = f"{progress.place} took the request and did not answer within {seconds:g} s"
    else:
        words = (
            f"{progress.place} began its answer and did not end it within {seconds:g} s; "
            f"{progress.body_size} bytes of its body came"
        )
    return Failure(TIMEOUT, words)


def connection_closed(progress: Progress, detail: str) -> Failure:
    if progress.is_answered:
        words = f"the answer of {progress.place} broke off: {detail}"
    else:
        words = f"{progress.place} closed the connection without an answer; it may have taken the request: {detail}"
    return Failure(CONNECTION_CLOSED, words)


def not_sent_twice(progress: Progress) -> Failure:
    return Failure(
        CONNECTION_CLOSED,
        f"{progress.place} closed a kept connection as the request went out on it, without an answer; "
        "it may have taken the request, so it was not sent again in the same attempt",
    )


def headers_too_large(progress: Progress, *, max_bytes: int, max_count: int) -> Failure:
    return Failure(
        RESPONSE_HEADERS_TOO_LARGE,
        f"{progress.place} answered with more headers than the {max_count} or the {max_bytes} bytes that are taken",
    )


def bad_response(progress: Progress, detail: str) -> Failure:
    return Failure(BAD_RESPONSE, f"{progress.place} answered, but not in proper HTTP/1: {detail}")


def invalid_request(detail: str) -> Failure:
    return Failure(INVALID_REQUEST, f"the request can't be sent: {detail}")


def aborted(progress: Progress) -> Failure:
    taken = "it may have taken the request" if progress.is_sent else "nothing was sent"
    return Failure(ABORTED, f"the request to {progress.place} was broken off by this side; {taken}")


def no_turn(progress: Progress) -> Failure:
    return Failure(
        NO_TURN,
        f"the name of {progress.place} was not looked up, as too many others were before it{TRIED_AGAIN}",
    )


def proxy_unavailable(progress: Progress, detail: str) -> Failure:
    return Failure(
        PROXY_UNAVAILABLE,
        f"nothing was sent to {progress.place}, as the proxy {progress.proxy} can't be used: {detail}{TRIED_AGAIN}",
    )


def proxy_failed(progress: Progress, detail: str) -> Failure:
    return Failure(PROXY_FAILED, f"no connection to {progress.way}: {detail}; nothing was sent")


def internal(progress: Progress, detail: str) -> Failure:
    return Failure(INTERNAL, f"the request to {progress.place} failed on this side: {detail}")
