"""The threads that run requests: no caller has all of them, or more than its share while others call.

Who waits for one waits in turn with other callers. Threads of a process take turns at its interpreter, which a request
needs again after each of its queries: what one caller has at work is what the others wait for, each time.
"""

import asyncio
import logging
import queue
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
# How long after the last of the others one caller has all threads but one again.
_ALONE_AFTER_SECONDS = 1.0
# Of the threads, for each caller while there are others.
_SHARE = 4
logger = logging.getLogger(__name__)


class Full(Exception):
    """More is waiting than will be answered in time."""


@dataclass(frozen=True, slots=True)
class _Task(Generic[T]):
    caller: str
    is_heavy: bool
    call: Callable[[], T]
    answer: "asyncio.Future[T]"
    waits_until: float


class Pool(Generic[T]):
    """`threads` of them. All but the threads belongs to the thread of the running loop."""

    def __init__(self, *, threads: int, name: str, most_waiting: int, patience_seconds: float) -> None:
        self._most_busy = threads
        # One is left for everybody else, however much a caller asks for at once.
        self._most_alone = max(1, threads - 1)
        self._most_among_others = max(1, threads // _SHARE)
        # The two that called last, and when.
        self._latest: OrderedDict[str, float] = OrderedDict()
        self._most_waiting = most_waiting
        self._patience_seconds = patience_seconds
        self._loop = asyncio.get_running_loop()
        self._tasks: queue.SimpleQueue[_Task[T] | None] = queue.SimpleQueue()
        self._waiting: OrderedDict[str, deque[_Task[T]]] = OrderedDict()
        self._waiting_count = 0
        self._look: asyncio.TimerHandle | None = None
        self._busy: Counter[str] = Counter()
        self._busy_count = 0
        for index in range(threads):
            threading.Thread(target=self._work, name=f"{name}-{index}", daemon=True).start()

    async def run(self, call: Callable[[], T], *, caller: str, is_heavy: bool = False) -> T:
        """What `call` returns or raises. Raises Full where there was no thread for it in time.

        One that `is_heavy`, as it has much to read and to think, counts as much as a caller may have among others.
        """
        self._note(caller)
        answer: asyncio.Future[T] = self._loop.create_future()
        task = _Task(caller, is_heavy, call, answer, self._loop.time() + self._patience_seconds)
        # Not before those of its caller that wait, or a heavy one would wait for as long as light ones come.
        if caller not in self._waiting and self._has_room_for(task):
            self._start(task)
        elif self._waiting_count >= self._most_waiting:
            raise Full
        else:
            self._waiting.setdefault(caller, deque()).append(task)
            self._waiting_count += 1
            self._look_in_a_while()
        return await answer

    def stop(self) -> None:
        for _ in range(self._most_busy):
            self._tasks.put(None)

    def _note(self, caller: str) -> None:
        self._latest[caller] = self._loop.time()
        self._latest.move_to_end(caller)
        if len(self._latest) > 2:
            self._latest.popitem(last=False)

    def _has_room_for(self, task: _Task[T]) -> bool:
        most = self._most_alone if self._is_alone(task.caller) else self._most_among_others
        has_room = self._busy[task.caller] + self._weight(task) <= most
        return has_room and self._busy_count < self._most_busy

    def _weight(self, task: _Task[T]) -> int:
        return self._most_among_others if task.is_heavy else 1

    def _is_alone(self, caller: str) -> bool:
        """Whether no other has called for a while, or waits."""
        if len(self._waiting) > (caller in self._waiting):
            return False
        since = self._loop.time() - _ALONE_AFTER_SECONDS
        return not any(at > since for other, at in self._latest.items() if other != caller)

    def _start(self, task: _Task[T]) -> None:
        self._busy_count += 1
        self._busy[task.caller] += self._weight(task)
        self._tasks.put(task)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            result, failure = None, None
            try:
                result = task.call()
            except BaseException as error:  # it belongs to who waits for the answer
                failure = error
            try:
                self._loop.call_soon_threadsafe(self._finish, task, result, failure)
            except RuntimeError:
                # The loop has ended meanwhile, and with it whoever waited.
                return

    def _finish(self, task: _Task[T], result: Any, failure: BaseException | None) -> None:
        self._busy_count -= 1
        self._busy[task.caller] -= self._weight(task)
        if not self._busy[task.caller]:
            del self._busy[task.caller]
        if not task.answer.done():
            if failure is None:
                task.answer.set_result(result)
            else:
                task.answer.set_exception(failure)
        self._start_waiting()

    def _start_waiting(self) -> None:
        """Starts what there are threads for; who still waits is looked at again, as its caller may be alone by then."""
        while (following := self._take()) is not None:
            self._start(following)
        self._look_in_a_while()

    def _look_in_a_while(self) -> None:
        if self._waiting and self._look is None:
            self._look = self._loop.call_later(_ALONE_AFTER_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        self._start_waiting()

    def _take(self) -> _Task[T] | None:
        """The next one, of the callers in turn; None while there is no thread for any of them."""
        for caller in list(self._waiting):
            task = self._first_of(caller)
            if task is not None and self._has_room_for(task):
                self._waiting.move_to_end(caller)
                self._drop_first_of(caller)
                return task
        return None

    def _first_of(self, caller: str) -> _Task[T] | None:
        """The one that has waited longest; those that nobody waits for any more, or for too long, are dropped."""
        now = self._loop.time()
        while (tasks := self._waiting.get(caller)) is not None:
            task = tasks[0]
            if not task.answer.done():
                if task.waits_until >= now:
                    return task
                task.answer.set_exception(Full())
            self._drop_first_of(caller)
        return None

    def _drop_first_of(self, caller: str) -> None:
        tasks = self._waiting[caller]
        tasks.popleft()
        self._waiting_count -= 1
        if not tasks:
            del self._waiting[caller]
