"""The one way out: sends HTTP requests under a policy, judges each address as it is dialled, and never raises for one.

`send` is for one request, `Sender` for thousands side by side on one thread. What went wrong is data: an Outcome.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import socket
import threading
import time
from collections.abc import Hashable, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import pycurl

from booper.content import payloads
from booper.outcomes import failures
from booper.outcomes.outcome import Failure, Outcome, Request
from booper.sending import endings
from booper.sending.connections import Connections
from booper.sending.exchange import Exchange
from booper.sending.lookups import Lookups
from booper.sending.waker import Waker
from booper.targets.policy import Policy
from booper.targets.urls import InvalidTarget, Target

__all__ = ("FAILURE_CODES", "Policy", "Sender", "open_socket", "resolve_by_system", "send")

Key = TypeVar("Key", bound=Hashable)

FAILURE_CODES = failures.CODES
_LONGEST_NAP_SECONDS = 3600.0
_MAX_IDLE_HANDLES = 256
# Connections kept beyond those in use. By itself libcurl would keep four times as many as there are transfers, and look
# through all of them for the oldest whenever there is one too many. Enough for a batch that ended to begin the next
# one: dialling anew costs as much as the rest of a request.
_MAX_IDLE_CONNECTIONS = 512
# Common servers close an idle connection after 5 s: one that is used up to that moment dies under a request.
_KEPT_IDLE_SECONDS = 4
_KEPT_AT_MOST_SECONDS = 60

_CURL_BITS = {
    selectors.EVENT_READ: pycurl.CSELECT_IN,
    selectors.EVENT_WRITE: pycurl.CSELECT_OUT,
    selectors.EVENT_READ | selectors.EVENT_WRITE: pycurl.CSELECT_IN | pycurl.CSELECT_OUT,
}
_SELECTOR_EVENTS = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}

_OPTIONS = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.PATH_AS_IS, 1),
    # An empty proxy outweighs http_proxy and its like in the environment.
    (pycurl.PROXY, ""),
    (pycurl.NOPROXY, "*"),
    (pycurl.NETRC, pycurl.NETRC_IGNORED),
    (pycurl.USERAGENT, ""),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.HTTP09_ALLOWED, 0),
    (pycurl.HTTP_CONTENT_DECODING, 0),
    (pycurl.SSL_VERIFYPEER, 1),
    (pycurl.SSL_VERIFYHOST, 2),
    (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
    (pycurl.TCP_NODELAY, 1),
    (pycurl.TCP_KEEPALIVE, 1),
    (pycurl.MAXAGE_CONN, _KEPT_IDLE_SECONDS),
    (pycurl.MAXLIFETIME_CONN, _KEPT_AT_MOST_SECONDS),
)
# Without a body, these say so: Content-Length: 0.
_METHODS_WITH_A_LENGTH = frozenset(("POST", "PUT", "PATCH"))

pycurl.global_init(pycurl.GLOBAL_DEFAULT)


def resolve_by_system(host: str) -> Sequence[str]:
    """The addresses of `host` in the order to try them, or OSError."""
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for _, _, _, _, address in found]


def open_socket(family: int, address: tuple[Any, ...]) -> socket.socket:
    """An unconnected TCP socket for an address that has been permitted, or OSError."""
    return socket.socket(family, socket.SOCK_STREAM)


class _Transfer(Generic[Key]):
    """An exchange on its libcurl handle: the callbacks, in libcurl's numbers."""

    __slots__ = ("_connections", "_dialled", "addresses", "easy", "exchange", "is_stale", "key")

    def __init__(self, key: Key, exchange: Exchange, *, connections: Connections) -> None:
        self.key = key
        self.exchange = exchange
        self.easy: Any = None
        self.addresses: Sequence[str] = ()
        self.is_stale = False
        """The kept connection that libcurl chose was closed already, or another owner's: nothing was sent on it."""
        self._connections = connections
        self._dialled: dict[tuple[str, int], int] = {}

    def on_dial(self, purpose: int, address: Any) -> int:
        if address.family not in (socket.AF_INET, socket.AF_INET6) or not self.exchange.may_dial(address.addr[0]):
            return int(pycurl.SOCKET_BAD)
        try:
            file = (self.exchange.policy.open_socket or open_socket)(address.family, address.addr).detach()
        except Exception as error:  # a hook's too: libcurl would print it and go on
            self.exchange.socket_error = str(error) or type(error).__name__
            return int(pycurl.SOCKET_BAD)
        self.exchange.has_dialled = True
        self._dialled[address.addr[:2]] = file
        return file

    def on_connected(self, remote_ip: str, local_ip: str, remote_port: int, local_port: int) -> int:
        endpoints = (remote_ip, remote_port, local_ip, local_port)
        file = self._dialled.get((remote_ip, remote_port))
        if file is not None:
            self._connections.opened(endpoints, file, owner=self.exchange.request.owner)
        elif not self.exchange.is_sent and not self._connections.may_serve(endpoints, self.exchange.request.owner):
            self.is_stale = True
            return int(pycurl.PREREQFUNC_ABORT)
        return int(pycurl.PREREQFUNC_OK if self.exchange.may_send() else pycurl.PREREQFUNC_ABORT)

    def on_header(self, line: bytes) -> int:
        return len(line) if self.exchange.reply.take_header(line) else -1

    def on_body(self, chunk: bytes) -> int:
        return len(chunk) if self.exchange.reply.take_body(chunk) else -1

    def dress(self, *, now: float) -> None:
        """Sets the options of the handle, which has none set."""
        easy, request, target, policy = self.easy, self.exchange.request, self.exchange.target, self.exchange.policy
        remaining_ms = max(1, math.ceil((self.exchange.deadline - now) * 1000))
        for option, value in _OPTIONS:
            easy.setopt(option, value)
        easy.setopt(pycurl.URL, target.url)
        # By itself libcurl would spell escapes in its own way: %2F for %2f.
        easy.setopt(pycurl.REQUEST_TARGET, target.path)
        easy.setopt(pycurl.TIMEOUT_MS, remaining_ms)
        easy.setopt(pycurl.CONNECTTIMEOUT_MS, min(remaining_ms, math.ceil(policy.connect_timeout_seconds * 1000)))
        if target.scheme == "https":
            easy.setopt(pycurl.CAINFO, policy.ca_file)
            # Some builds of libcurl trust a folder of the system's as well.
            easy.unsetopt(pycurl.CAPATH)
        if self.addresses:
            easy.setopt(pycurl.RESOLVE, [_resolve_entry(target, self.addresses)])
        if self.is_stale or not request.reuse_connection:
            easy.setopt(pycurl.FRESH_CONNECT, 1)
        _set_message(easy, request, header_lines=self.exchange.header_lines)
        easy.setopt(pycurl.OPENSOCKETFUNCTION, self.on_dial)
        easy.setopt(pycurl.PREREQFUNCTION, self.on_connected)
        easy.setopt(pycurl.HEADERFUNCTION, self.on_header)
        easy.setopt(pycurl.WRITEFUNCTION, self.on_body)


def _set_message(easy: Any, request: Request, *, header_lines: list[bytes]) -> None:
    if request.body is not None or request.method in _METHODS_WITH_A_LENGTH:
        easy.setopt(pycurl.POSTFIELDS, request.body or b"")
    if request.method != "GET" or request.body is not None:
        easy.setopt(pycurl.CUSTOMREQUEST, request.method)
    if request.reuse_connection:
        easy.setopt(pycurl.HTTPHEADER, header_lines)
    else:
        easy.setopt(pycurl.FORBID_REUSE, 1)
        # So that the target is the one to close, and its side waits out TCP's quarantine of the port.
        easy.setopt(pycurl.HTTPHEADER, [*header_lines, b"Connection: close"])


def _resolve_entry(target: Target, addresses: Sequence[str]) -> str:
    listed = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
    # The plus lets libcurl forget it again.
    return f"+{target.host}:{target.port}:{listed}"


class Sender(Generic[Key]):
    """Keeps any number of requests on the wire at once.

    The thread that first uses it owns it: everything but `wake` is called from there, and nothing after a fork. Each
    key that was submitted comes back from `poll` exactly once, with its outcome. Connections are kept and used again
    within one Sender, so under one policy.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._process_id = os.getpid()
        self._thread_id: int | None = None
        self._transfers: dict[Key, _Transfer[Key]] = {}
        self._on_the_wire: dict[Any, _Transfer[Key]] = {}
        self._finished: list[tuple[Key, Outcome]] = []
        self._idle_handles: list[Any] = []
        self._connections = Connections()
        self._connection_limit = 0
        self._timer_at = math.inf
        self._is_woken = False
        self._is_closed = False
        self._watched: set[int] = set()
        self._waker = Waker()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker, selectors.EVENT_READ)
        self._lookups: Lookups[_Transfer[Key]] = Lookups(policy.resolve or resolve_by_system, wake=self._waker.wake)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """How many keys `poll` has yet to return."""
        return len(self._transfers) + len(self._finished)

    def submit(self, key: Key, request: Request) -> None:
        """Takes a request; the next `poll` puts it on the wire. ValueError: the key is in flight already."""
        self._require_owner()
        if key in self._transfers:
            raise ValueError(f"key {key!r} is in flight already: give each request a key of its own")
        now = time.monotonic()
        try:
            transfer = _Transfer(key, Exchange(request, policy=self._policy, now=now), connections=self._connections)
        except InvalidTarget as error:
            code = failures.BLOCKED_ADDRESS if error.kind == "blocked" else failures.INVALID_REQUEST
            self._finished.append((key, Outcome(None, Failure(code, error.message), 0)))
        except ValueError as error:
            self._finished.append((key, Outcome(None, failures.invalid_request(str(error)), 0)))
        else:
            self._transfers[key] = transfer
            self._look_up(transfer, now=now)

    def poll(self, timeout_seconds: float) -> list[tuple[Key, Outcome]]:
        """What has ended, as soon as something has; nothing after `timeout_seconds`, or when `wake` is called."""
        self._require_owner()
        until = time.monotonic() + timeout_seconds
        while True:
            self._advance(until=until)
            if self._finished or self._is_woken or time.monotonic() >= until:
                break
        # A wake that comes just now is answered by this return as well.
        self._is_woken = False
        finished, self._finished = self._finished, []
        return finished

    def wake(self) -> None:
        """Makes `poll` return, the next one if none is waiting. For any thread; does nothing once closed."""
        self._is_woken = True
        self._waker.wake()

    def abort(self, key: Key) -> bool:
        """Breaks a request off; `poll` returns it as aborted. False if it had ended, or never was."""
        self._require_owner()
        transfer = self._transfers.get(key)
        if transfer is None:
            return False
        self._lookups.give_up(transfer.exchange.target.host, transfer)
        self._finish(transfer, failures.aborted(transfer.exchange.progress))
        return True

    def abort_all(self) -> None:
        """Breaks off everything in flight; `poll` returns it as aborted."""
        for key in list(self._transfers):
            self.abort(key)

    def close(self) -> None:
        """Breaks off everything in flight, unreported, and closes every connection."""
        if self._is_closed:
            return
        self._require_owner()
        self.abort_all()
        self._is_closed = True
        self._finished.clear()
        self._lookups.close()
        self._multi.close()
        for easy in self._idle_handles:
            easy.close()
        self._idle_handles.clear()
        self._selector.close()
        self._waker.close()

    def _require_owner(self) -> None:
        if self._is_closed:
            raise RuntimeError("this Sender is closed: make a new one")
        if self._process_id != os.getpid():
            raise RuntimeError("this Sender was made before a fork: make one in each process")
        if self._thread_id is None:
            self._thread_id = threading.get_ident()
        elif self._thread_id != threading.get_ident():
            raise RuntimeError("this Sender belongs to another thread, which used it first: make one for each thread")

    def _look_up(self, transfer: _Transfer[Key], *, now: float) -> None:
        target = transfer.exchange.target
        if target.address is not None:
            self._start(transfer, now=now)
        elif answer := self._lookups.kept(target.host, now=now):
            transfer.addresses = answer.addresses
            self._start(transfer, now=now)
        else:
            self._lookups.wait(
                target.host, transfer, until=transfer.exchange.deadline, owner=transfer.exchange.request.owner
            )

    def _start_looked_up(self, *, now: float) -> None:
        for transfer, answer in self._lookups.settled(now=now):
            progress = transfer.exchange.progress
            if answer is None:
                self._finish(transfer, failures.timeout(progress))
            elif answer.problem is not None:
                self._finish(transfer, failures.dns_failure(progress, answer.problem))
            else:
                transfer.addresses = answer.addresses
                self._start(transfer, now=now)

    def _start(self, transfer: _Transfer[Key], *, now: float) -> None:
        transfer.exchange.is_looked_up = True
        transfer.easy = self._idle_handles.pop() if self._idle_handles else pycurl.Curl()
        self._on_the_wire[transfer.easy] = transfer
        try:
            transfer.dress(now=now)
            self._multi.add_handle(transfer.easy)
        except (pycurl.error, TypeError, ValueError) as error:
            self._finish(transfer, failures.internal(transfer.exchange.progress, str(error)))

    def _advance(self, *, until: float) -> None:
        """Waits for something to do, does all of it once."""
        wait = min(until, self._timer_at, self._lookups.next_deadline()) - time.monotonic()
        if self._finished:
            wait = 0
        for ready, events in self._selector.select(max(0, min(wait, _LONGEST_NAP_SECONDS))):
            if ready.fd in self._watched:
                self._act(ready.fd, _CURL_BITS[events])
            elif ready.fileobj is self._waker:
                self._waker.drain()
        now = time.monotonic()
        self._start_looked_up(now=now)
        if self._timer_at <= now:
            self._timer_at = math.inf
            self._act(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()

    def _act(self, file: int, bits: int) -> None:
        _, running = self._multi.socket_action(file, bits)
        limit = running + _MAX_IDLE_CONNECTIONS
        if limit != self._connection_limit:
            self._connection_limit = limit
            self._multi.setopt(pycurl.M_MAXCONNECTS, limit)

    def _collect(self) -> None:
        is_more = True
        while is_more:
            queued, succeeded, failed = self._multi.info_read()
            is_more = queued > 0
            for easy, number, detail in [(easy, pycurl.E_OK, "") for easy in succeeded] + failed:
                # Some words quote the answer: what is no UTF-8 there comes as surrogates, which nothing can store.
                words = payloads.storable_text(detail or pycurl.easy_strerror(number))
                self._end(self._on_the_wire[easy], number, words)

    def _end(self, transfer: _Transfer[Key], number: int, words: str) -> None:
        if number == pycurl.E_ABORTED_BY_CALLBACK and transfer.is_stale and not transfer.exchange.is_sent:
            self._put_back(transfer.easy)
            self._start(transfer, now=time.monotonic())
            return
        system_error = transfer.easy.getinfo(pycurl.OS_ERRNO)
        self._finish(transfer, endings.failure(transfer.exchange, number, words=words, system_error=system_error))

    def _finish(self, transfer: _Transfer[Key], failure: Failure | None) -> None:
        exchange, easy = transfer.exchange, transfer.easy
        response = None
        if failure is None and easy is not None:
            response = exchange.reply.response(easy.getinfo(pycurl.RESPONSE_CODE))
        duration_ms = round((time.monotonic() - exchange.started_at) * 1000)
        del self._transfers[transfer.key]
        self._finished.append((transfer.key, Outcome(response, failure, duration_ms)))
        if easy is not None:
            self._put_back(easy)

    def _put_back(self, easy: Any) -> None:
        del self._on_the_wire[easy]
        if easy.multi() is not None:
            self._multi.remove_handle(easy)
        if len(self._idle_handles) < _MAX_IDLE_HANDLES:
            # Nothing of one tenant's request may be left for the next: reset, not only overwritten.
            easy.reset()
            self._idle_handles.append(easy)
        else:
            easy.close()

    def _on_socket(self, action: int, fd: int, multi: Any, data: Any) -> None:
        """libcurl tells which sockets to watch. What can't be watched ends by its time-out."""
        events = _SELECTOR_EVENTS.get(action)
        with contextlib.suppress(OSError):
            if events is None:
                if fd in self._watched:
                    self._watched.remove(fd)
                    self._selector.unregister(fd)
            elif fd in self._watched:
                self._selector.modify(fd, events)
            else:
                self._selector.register(fd, events)
                self._watched.add(fd)

    def _on_timer(self, timeout_ms: int) -> None:
        self._timer_at = math.inf if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000


def send(request: Request, *, policy: Policy) -> Outcome:
    """Sends one request and waits for its end. For more than a few, a Sender is many times as quick."""
    with Sender[None](policy) as sender:
        sender.submit(None, request)
        arrived: list[tuple[None, Outcome]] = []
        while not arrived:
            arrived = sender.poll(_LONGEST_NAP_SECONDS)
    return arrived[0][1]
