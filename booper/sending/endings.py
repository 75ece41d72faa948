"""How libcurl says that an exchange ended becomes the Failure that it was, or none."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import IntEnum

from booper.outcomes import failures
from booper.outcomes.failures import Progress
from booper.outcomes.outcome import Failure
from booper.sending import by_proxy
from booper.sending.by_proxy import Handshake
from booper.sending.exchange import Exchange


class Ending(IntEnum):
    """libcurl's numbers, which are part of its binary interface; pycurl has no name for the last one."""

    OK = 0
    UNSUPPORTED_PROTOCOL = 1
    COULDNT_RESOLVE_HOST = 6
    COULDNT_CONNECT = 7
    WEIRD_SERVER_REPLY = 8
    PARTIAL_FILE = 18
    WRITE_ERROR = 23
    OPERATION_TIMEDOUT = 28
    SSL_CONNECT_ERROR = 35
    GOT_NOTHING = 52
    SEND_ERROR = 55
    RECV_ERROR = 56
    SSL_CERTPROBLEM = 58
    SSL_CIPHER = 59
    PEER_FAILED_VERIFICATION = 60
    BAD_CONTENT_ENCODING = 61
    SSL_SHUTDOWN_FAILED = 80
    SSL_ISSUER_ERROR = 83
    SSL_INVALIDCERTSTATUS = 91
    TOO_LARGE = 100


_FAILURES: dict[int, Callable[[Progress, str], Failure]] = {
    Ending.UNSUPPORTED_PROTOCOL: failures.bad_response,
    Ending.COULDNT_RESOLVE_HOST: failures.dns_failure,
    Ending.WEIRD_SERVER_REPLY: failures.bad_response,
    Ending.PARTIAL_FILE: failures.connection_closed,
    Ending.SSL_CONNECT_ERROR: failures.tls_failure,
    Ending.GOT_NOTHING: failures.connection_closed,
    Ending.SEND_ERROR: failures.connection_closed,
    Ending.RECV_ERROR: failures.connection_closed,
    Ending.SSL_CERTPROBLEM: failures.tls_failure,
    Ending.SSL_CIPHER: failures.tls_failure,
    Ending.PEER_FAILED_VERIFICATION: failures.tls_failure,
    Ending.BAD_CONTENT_ENCODING: failures.bad_response,
    Ending.SSL_SHUTDOWN_FAILED: failures.connection_closed,
    Ending.SSL_ISSUER_ERROR: failures.tls_failure,
    Ending.SSL_INVALIDCERTSTATUS: failures.tls_failure,
}


_OF_TLS = frozenset(number for number, made in _FAILURES.items() if made is failures.tls_failure)


def failure(
    exchange: Exchange, number: int, *, words: str, system_error: int, handshake: Handshake | None = None
) -> Failure | None:
    """Gives the failure of an exchange that ended with libcurl's `number` and `words`; None if there is a response.

    `system_error` is the errno of the connection attempt, 0 if there is none; `handshake` is that with the proxy.
    """
    reply, policy = exchange.reply, exchange.policy
    if number == Ending.OK and reply.is_head_complete:
        return None
    if number == Ending.WRITE_ERROR and reply.excess == "body":
        return None
    progress = exchange.progress
    if number == Ending.OK:
        # To libcurl, headers that end with the connection are headers.
        return failures.connection_closed(progress, "its headers have no end")
    if number == Ending.TOO_LARGE or reply.excess == "headers":
        return failures.headers_too_large(
            progress, max_bytes=policy.max_header_bytes, max_count=policy.max_header_count
        )
    if reply.excess == "protocols":
        return failures.bad_response(progress, "it switches to another protocol (101), which nobody asked for")
    if exchange.is_sent_again:
        return failures.not_sent_twice(progress)
    return (
        _no_socket(exchange, number)
        or _by_proxy(exchange, number, words, handshake)
        or _other(exchange, number, words, system_error)
    )


def _other(exchange: Exchange, number: int, words: str, system_error: int) -> Failure:
    progress = exchange.progress
    if number == Ending.OPERATION_TIMEDOUT:
        return failures.timeout(progress)
    if number == Ending.COULDNT_CONNECT:
        return _connect_failure(exchange, os.strerror(system_error) if system_error else words)
    if number in _FAILURES:
        return _FAILURES[number](progress, words)
    return failures.internal(progress, f"{words} (libcurl error {number})")


def _no_socket(exchange: Exchange, number: int) -> Failure | None:
    if number != Ending.COULDNT_CONNECT or exchange.has_dialled or exchange.socket_error is None:
        return None
    return failures.internal(exchange.progress, f"no socket to connect with: {exchange.socket_error}")


def _by_proxy(exchange: Exchange, number: int, words: str, handshake: Handshake | None) -> Failure | None:
    """What went wrong before the request was sent, if it was the proxy that it went wrong with."""
    if handshake is None or exchange.is_sent or number in _OF_TLS:
        return None
    return by_proxy.failure(exchange.progress, handshake, number, words)


def _connect_failure(exchange: Exchange, words: str) -> Failure:
    if not exchange.has_dialled and exchange.refusals:
        return failures.blocked_address(exchange.progress, exchange.refusals)
    return failures.connect_failed(exchange.progress, words)
