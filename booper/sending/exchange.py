"""One request and its answer while they are under way: what may still be dialled and sent, and how far it has come."""

from __future__ import annotations

from booper.outcomes.failures import Progress
from booper.outcomes.outcome import Request
from booper.sending.reply import Reply
from booper.targets import addresses, headers
from booper.targets.addresses import blocked_reason
from booper.targets.policy import Policy
from booper.targets.urls import MAX_SENT_LENGTH, parse

METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))

_LONGEST_TIMEOUT_SECONDS = 86_400.0


class Exchange:
    """Decides for the transport, which asks before each step. The answers never raise: libcurl could not pass it on."""

    __slots__ = (
        "deadline",
        "has_dialled",
        "header_lines",
        "is_looked_up",
        "is_sent",
        "is_sent_again",
        "policy",
        "proxy_addresses",
        "refusals",
        "reply",
        "request",
        "socket_error",
        "started_at",
        "target",
    )

    def __init__(self, request: Request, *, policy: Policy, now: float) -> None:
        """`now` in seconds, on any clock that only goes forward. InvalidTarget or ValueError: it can't be sent."""
        if request.method not in METHODS:
            raise ValueError(f"the method {request.method!a} is none of {', '.join(sorted(METHODS))}")
        if not 0 < request.timeout_seconds <= _LONGEST_TIMEOUT_SECONDS:
            raise ValueError(
                f"the time-out {request.timeout_seconds:g} s is not above 0 and at most {_LONGEST_TIMEOUT_SECONDS:g} s"
            )
        self.request = request
        self.policy = policy
        self.target = parse(
            request.url,
            allow_http=policy.allow_http,
            allowed_networks=policy.allowed_networks,
            blocked_networks=policy.blocked_networks,
            ports=policy.ports,
            max_length=MAX_SENT_LENGTH,
        )
        self.header_lines = headers.lines(request.headers)
        self.reply = Reply(
            max_header_bytes=policy.max_header_bytes,
            max_header_count=policy.max_header_count,
            max_body_bytes=policy.max_response_bytes,
        )
        self.started_at = now
        self.deadline = now + request.timeout_seconds
        self.is_looked_up = self.target.address is not None
        self.has_dialled = False
        """A socket was opened to connect with."""
        self.socket_error: str | None = None
        """Why none could be opened for an address that may be dialled."""
        self.is_sent = False
        self.is_sent_again = False
        """The transport wanted to send the request a second time by itself, and was not let."""
        self.refusals: list[str] = []
        """The addresses that were not to be dialled, each with its reason."""
        self.proxy_addresses: frozenset[str] = frozenset()
        """Where the proxy of the policy is: with one, these are dialled alone."""

    def wait_for_turn(self, asked_at: float) -> None:
        """Begins the time-out when the look-up of the name did: what it waited for its turn is not counted."""
        self.deadline = max(self.started_at, asked_at) + self.request.timeout_seconds

    def may_dial(self, ip: str) -> bool:
        """Whether the very address that is about to be connected to may be."""
        if self.is_sent:
            self.is_sent_again = True
            return False
        return ip in self.proxy_addresses if self.policy.proxy is not None else self.may_reach(ip)

    def may_reach(self, ip: str) -> bool:
        """Asked for the very address of the target that is about to be connected to, or named to the proxy."""
        reason = blocked_reason(ip, self.policy.allowed_networks, self.policy.blocked_networks)
        if reason is not None:
            self.refusals.append(
                f"{ip} is {reason}" if reason == addresses.BY_THE_OPERATOR else f"{ip} is blocked as {reason}"
            )
            return False
        return True

    def may_send(self) -> bool:
        """Asked when a connection stands. Once only: a target whose connection died may have taken the request."""
        if self.is_sent:
            self.is_sent_again = True
            return False
        self.is_sent = True
        return True

    @property
    def progress(self) -> Progress:
        host, port = self.target.host, self.target.port
        return Progress(
            place=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            timeout_seconds=self.request.timeout_seconds,
            connect_timeout_seconds=min(self.policy.connect_timeout_seconds, self.request.timeout_seconds),
            is_looked_up=self.is_looked_up,
            is_sent=self.is_sent,
            proxy=None if self.policy.proxy is None else self.policy.proxy.url,
            is_answered=self.reply.is_begun,
            body_size=self.reply.body_size,
        )
