"""The one way out: sends HTTP requests under a policy, judges each address as it is dialled, and never raises for one.

`send` is for one request, `Sender` for thousands side by side on one thread. What went wrong is data: an Outcome.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from collections.abc import Hashable, Sequence
from types import TracebackType
from typing import Any, Generic, Self

import pycurl

from booper.content import payloads
from booper.outcomes import failures
from booper.outcomes.outcome import Failure, Outcome, Request
from booper.sending import endings, times
from booper.sending.by_proxy import Handshake
from booper.sending.connections import Connections
from booper.sending.exchange import Exchange
from booper.sending.lookups import Lookups
from booper.sending.sockets import Sockets
from booper.sending.transfer import Key, Transfer, open_socket
from booper.sending.waker import Waker
from booper.targets.policy import Policy
from booper.targets.urls import InvalidTarget

__all__ = ("FAILURE_CODES", "Policy", "Sender", "open_socket", "resolve_by_system", "send")

FAILURE_CODES = failures.CODES
_LONGEST_NAP_SECONDS = 3600.0
# For a lookup, behind those of the same owner: a bound of its own, as it is not counted in the time-out.
_LONGEST_WAIT_FOR_A_TURN_SECONDS = 30.0
_MAX_IDLE_HANDLES = 256
# Connections kept beyond those in use. By itself libcurl would keep four times as many as there are transfers, and look
# through all of them for the oldest whenever there is one too many. Enough for a batch that ended to begin the next
# one: dialling anew costs as much as the rest of a request.
_MAX_IDLE_CONNECTIONS = 512


def resolve_by_system(host: str) -> Sequence[str]:
    """The addresses of `host` in the order to try them, or OSError."""
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for _, _, _, _, address in found]


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
        self._transfers: dict[Key, Transfer[Key]] = {}
        self._on_the_wire: dict[Any, Transfer[Key]] = {}
        self._finished: list[tuple[Key, Outcome]] = []
        self._idle_handles: list[Any] = []
        self._connections = Connections()
        self._connection_limit = 0
        self._timer_at = math.inf
        self._is_woken = False
        self._is_closed = False
        self._waker = Waker()
        self._sockets = Sockets(self._waker)
        self._lookups: Lookups[Transfer[Key]] = Lookups(policy.resolve or resolve_by_system, wake=self._waker.wake)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._sockets.on_socket)
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
            exchange = Exchange(request, policy=self._policy, now=now)
        except InvalidTarget as error:
            code = failures.BLOCKED_ADDRESS if error.kind == "blocked" else failures.INVALID_REQUEST
            self._finished.append((key, Outcome(None, Failure(code, error.message), 0)))
        except ValueError as error:
            self._finished.append((key, Outcome(None, failures.invalid_request(str(error)), 0)))
        else:
            transfer = Transfer(key, exchange, connections=self._connections, sockets=self._sockets)
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

    def known_addresses(self, host: str) -> Sequence[str]:
        """What the name was looked up as a moment ago; nothing if it was not."""
        answer = self._lookups.kept(host, now=time.monotonic())
        return answer.addresses if answer is not None else ()

    def abort(self, key: Key) -> bool:
        """Breaks a request off; `poll` returns it as aborted. False if it had ended, or never was."""
        self._require_owner()
        transfer = self._transfers.get(key)
        if transfer is None:
            return False
        if transfer.waits_for is not None:
            self._lookups.give_up(transfer.waits_for, transfer)
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
        self._sockets.close()
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

    def _look_up(self, transfer: Transfer[Key], *, now: float) -> None:
        """Starts it, or has the next name that it needs looked up."""
        while (host := transfer.unknown_name) is not None:
            answer = self._lookups.kept(host, now=now)
            if answer is None:
                self._wait(transfer, host, until=transfer.exchange.deadline, now=now)
                return
            transfer.known[host] = answer.addresses
        self._start(transfer, now=now)

    def _wait(self, transfer: Transfer[Key], host: str, *, until: float, now: float) -> None:
        transfer.waits_for = host
        self._lookups.wait(host, transfer, until=until, owner=self._owner_of_lookup(transfer), now=now)

    def _owner_of_lookup(self, transfer: Transfer[Key]) -> Hashable:
        """Nobody in particular, for the name of the proxy: all wait for that one."""
        exchange = transfer.exchange
        return exchange.request.owner if transfer.waits_for == exchange.target.host else None

    def _start_looked_up(self, *, now: float) -> None:
        for transfer, answer in self._lookups.settled(now=now):
            exchange = transfer.exchange
            if answer is None:
                self._wait_on(transfer, now=now)
                continue
            exchange.wait_for_turn(answer.asked_at)
            transfer.waits_for = None
            if answer.problem is None:
                transfer.known[answer.host] = answer.addresses
                self._look_up(transfer, now=now)
            elif answer.host != exchange.target.host:
                self._finish(transfer, failures.proxy_unavailable(exchange.progress, f"no address: {answer.problem}"))
            else:
                self._finish(transfer, failures.dns_failure(exchange.progress, answer.problem))

    def _wait_on(self, transfer: Transfer[Key], *, now: float) -> None:
        """Ends a transfer whose time for the lookup is over, unless that was spent on waiting for a turn."""
        exchange, host = transfer.exchange, transfer.waits_for
        assert host is not None  # it comes from there
        asked_at = self._lookups.asked_at(host)
        if asked_at is not None:
            exchange.wait_for_turn(asked_at)
            until = exchange.deadline
        else:
            until = exchange.started_at + _LONGEST_WAIT_FOR_A_TURN_SECONDS
        if until > now:
            self._wait(transfer, host, until=until, now=now)
        elif host != exchange.target.host:
            self._finish(transfer, failures.proxy_unavailable(exchange.progress, "its name was not looked up in time"))
        elif asked_at is not None:
            self._finish(transfer, failures.timeout(exchange.progress))
        else:
            self._finish(transfer, failures.no_turn(exchange.progress))

    def _start(self, transfer: Transfer[Key], *, now: float) -> None:
        transfer.exchange.is_looked_up = True
        if self._policy.proxy is not None and transfer.told is None and not transfer.tell_next():
            self._finish(transfer, failures.blocked_address(transfer.exchange.progress, transfer.exchange.refusals))
            return
        transfer.easy = self._idle_handles.pop() if self._idle_handles else pycurl.Curl()
        self._on_the_wire[transfer.easy] = transfer
        transfer.begun_at = now
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
        for fd, bits in self._sockets.wait(max(0, min(wait, _LONGEST_NAP_SECONDS))):
            self._act(fd, bits)
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
                words = "" if number == pycurl.E_OK else payloads.storable_text(detail or pycurl.easy_strerror(number))
                self._end(self._on_the_wire[easy], number, words)

    def _end(self, transfer: Transfer[Key], number: int, words: str) -> None:
        if number == pycurl.E_ABORTED_BY_CALLBACK and transfer.is_stale and not transfer.exchange.is_sent:
            self._begin_again(transfer)
            return
        failure = endings.failure(
            transfer.exchange,
            number,
            words=words,
            system_error=transfer.easy.getinfo(pycurl.OS_ERRNO),
            handshake=None if self._policy.proxy is None else Handshake.of(transfer.easy),
        )
        # libcurl tries one address after the other by itself, but tells a proxy of one alone.
        if transfer.told is not None and _may_be_elsewhere(failure, number) and transfer.tell_next():
            self._begin_again(transfer)
        else:
            self._finish(transfer, failure)

    def _begin_again(self, transfer: Transfer[Key]) -> None:
        self._put_back(transfer.easy)
        self._start(transfer, now=time.monotonic())

    def _finish(self, transfer: Transfer[Key], failure: Failure | None) -> None:
        exchange, easy = transfer.exchange, transfer.easy
        response = came = None
        if failure is None and easy is not None:
            response = exchange.reply.response(easy.getinfo(pycurl.RESPONSE_CODE))
        elif failure is not None and failure.code == failures.ABORTED and easy is not None:
            came = exchange.reply.response_so_far(easy.getinfo(pycurl.RESPONSE_CODE))
        duration_ms = round((time.monotonic() - exchange.started_at) * 1000)
        steps = None
        if easy is not None:
            waited_seconds, is_encrypted = transfer.begun_at - exchange.started_at, exchange.target.scheme == "https"
            steps = times.of(easy, waited_seconds=waited_seconds, is_encrypted=is_encrypted)
        del self._transfers[transfer.key]
        self._finished.append((transfer.key, Outcome(response, failure, duration_ms, came, steps)))
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

    def _on_timer(self, timeout_ms: int) -> None:
        self._timer_at = math.inf if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000


def _may_be_elsewhere(failure: Failure | None, number: int) -> bool:
    """Whether there was no connection to an address, and time is left to try another one."""
    codes = (failures.CONNECT_FAILED, failures.PROXY_FAILED)
    return failure is not None and failure.code in codes and number != endings.Ending.OPERATION_TIMEDOUT


def send(request: Request, *, policy: Policy) -> Outcome:
    """Sends one request and waits for its end. For more than a few, a Sender is many times as quick."""
    with Sender[None](policy) as sender:
        sender.submit(None, request)
        arrived: list[tuple[None, Outcome]] = []
        while not arrived:
            arrived = sender.poll(_LONGEST_NAP_SECONDS)
    return arrived[0][1]
