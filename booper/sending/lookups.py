"""Names become addresses in threads, side by side: one lookup at a time for each name, kept for some seconds.

libcurl's own resolver has 20 threads and no way to raise that: ten names of a name server that doesn't answer hold up
all the others, and closing waits for those threads. Here a name that hangs takes one thread, however many wait for it.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Generic, TypeVar

Waiter = TypeVar("Waiter", bound=Hashable)

_KEPT_SECONDS = 10.0
_MAX_KEPT = 10_000
_MAX_THREADS = 128
# Of one owner: names whose servers never answer hold up the names of nobody else.
_MAX_THREADS_OF_ONE = 64
# A name server may send hundreds of addresses; each would be dialled.
_MAX_ADDRESSES = 16


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name stands for."""

    host: str
    addresses: tuple[str, ...]
    """The addresses in the order to try them; empty if there is a problem."""
    problem: str | None
    asked_at: float = field(default=0.0, compare=False)
    """When its turn came: until then it waited for one of the threads."""


class Lookups(Generic[Waiter]):
    """Everything but the two callables is for one thread. Times are seconds on any clock that only goes forward.

    `resolve` turns a name into addresses, or raises; `wake` says that `settled` has something. Both are called in
    threads of their own.
    """

    def __init__(self, resolve: Callable[[str], Sequence[str]], *, wake: Callable[[], None]) -> None:
        self._resolve = resolve
        self._wake = wake
        self._hosts: SimpleQueue[str | None] = SimpleQueue()
        self._answers: deque[Resolved] = deque()
        self._under_way: dict[str, Hashable] = {}
        self._asked_at: dict[str, float] = {}
        self._queued: dict[Hashable, deque[str]] = {}
        self._kept: dict[str, tuple[float, Resolved]] = {}
        self._waiting: dict[str, dict[Waiter, None]] = {}
        self._deadlines: list[tuple[float, int, str, Waiter]] = []
        self._numbers = itertools.count()
        self._thread_count = 0

    def kept(self, host: str, *, now: float) -> Resolved | None:
        """The answer of a moment ago, if there is one."""
        until, answer = self._kept.get(host, (now, None))
        return answer if until > now else None

    def wait(self, host: str, waiter: Waiter, *, until: float, owner: Hashable = None, now: float = 0.0) -> None:
        """`settled` returns `waiter` once `host` has been looked up, or at `until`.

        Each `owner` has a part of the threads at most; None, which is nobody in particular, any number.
        """
        self._waiting.setdefault(host, {})[waiter] = None
        heapq.heappush(self._deadlines, (until, next(self._numbers), host, waiter))
        if host not in self._under_way:
            # Somebody else's queue, which the name may be in already, may be a long one.
            self._queued.setdefault(owner, deque()).append(host)
            self._begin(now)

    def asked_at(self, host: str) -> float | None:
        """When the lookup that is under way began; None if the name waits for its turn."""
        return self._asked_at.get(host)

    def give_up(self, host: str, waiter: Waiter) -> None:
        """`waiter` does not wait any longer."""
        self._waiting.get(host, {}).pop(waiter, None)

    def next_deadline(self) -> float:
        """When `settled` will have something at the latest; infinity if nobody waits."""
        while self._deadlines and not self._is_waiting(*self._deadlines[0][2:]):
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else math.inf

    def settled(self, *, now: float) -> list[tuple[Waiter, Resolved | None]]:
        """Gives the waiters whose wait is over, each with the answer, or with None where the time ran out."""
        over: list[tuple[Waiter, Resolved | None]] = []
        while self._answers:
            answer = self._answers.popleft()
            self._under_way.pop(answer.host, None)
            answer = replace(answer, asked_at=self._asked_at.pop(answer.host, now))
            if answer.problem is None:
                self._keep(answer, now=now)
            over += [(waiter, answer) for waiter in self._waiting.pop(answer.host, ())]
            self._begin(now)
        while self.next_deadline() <= now:
            _, _, host, waiter = heapq.heappop(self._deadlines)
            self.give_up(host, waiter)
            over.append((waiter, None))
        return over

    def close(self) -> None:
        """Ends the threads, each after the lookup it is in, without waiting for that."""
        for _ in range(self._thread_count):
            self._hosts.put(None)
        self._thread_count = 0

    def _begin(self, now: float) -> None:
        """Hands names to the threads, of the owner with the fewest under way first."""
        had = Counter(self._under_way.values())
        while self._queued and len(self._under_way) < _MAX_THREADS:
            able = [owner for owner in self._queued if owner is None or had[owner] < _MAX_THREADS_OF_ONE]
            if not able:
                break
            owner = min(able, key=had.__getitem__)
            host = self._queued[owner].popleft()
            if not self._queued[owner]:
                del self._queued[owner]
            if host not in self._under_way and self._waiting.get(host):
                self._under_way[host] = owner
                self._asked_at[host] = now
                had[owner] += 1
                self._hosts.put(host)
                self._add_thread_if_short()

    def _is_waiting(self, host: str, waiter: Waiter) -> bool:
        return waiter in self._waiting.get(host, ())

    def _keep(self, answer: Resolved, *, now: float) -> None:
        if len(self._kept) >= _MAX_KEPT:
            self._kept = {host: entry for host, entry in self._kept.items() if entry[0] > now}
        if len(self._kept) < _MAX_KEPT:
            self._kept[answer.host] = (now + _KEPT_SECONDS, answer)

    def _add_thread_if_short(self) -> None:
        if self._thread_count >= min(len(self._under_way), _MAX_THREADS):
            return
        try:
            # A daemon: a lookup that hangs must not hold up the end of the process.
            threading.Thread(target=self._work, name="booper-lookup", daemon=True).start()
        except RuntimeError:
            # The machine has no thread left. The ones there are serve the queue; with none, deadlines end the wait.
            return
        self._thread_count += 1

    def _work(self) -> None:
        while (host := self._hosts.get()) is not None:
            self._answers.append(self._look_up(host))
            self._wake()

    def _look_up(self, host: str) -> Resolved:
        try:
            addresses = tuple(dict.fromkeys(self._resolve(host)))[:_MAX_ADDRESSES]
        except Exception as error:  # a thread that dies would leave its name unanswered for ever
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            return Resolved(host=host, addresses=(), problem=words)
        return Resolved(host=host, addresses=addresses, problem=None if addresses else "it has none")
