"""What the engine's tests run it with: a sender that answers from memory, a clock, an engine without threads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from booper.outcomes.outcome import Failure, Outcome, Request, Response
from jobs.database import clock
from jobs.delivering import stage
from jobs.engine import breaking_off, engine, held_lease, lane_state, outbox, reconcile, rescue
from jobs.engine.bounded import Bounded
from jobs.engine.engine import Engine
from jobs.guarding.places import unshared
from jobs.running import stage as running_stage
from jobs.waking.announcer import Lane

OK = Outcome(
    response=Response(200, (("Content-Type", "application/json"),), b'{"ok": true}', False), failure=None, duration_ms=1
)
ABORTED = Outcome(response=None, failure=Failure("aborted", "broken off"), duration_ms=1)


class MemorySender:
    """Answers each request with `answer(request)`, or keeps it on the wire where that is None."""

    def __init__(self, answer: Callable[[Request], Outcome | None]) -> None:
        self.requests: list[Request] = []
        self.addresses: dict[str, list[str]] = {}
        self._answer = answer
        self._on_the_wire: list[Any] = []
        self._ready: list[Any] = []
        self._woken = threading.Event()

    def submit(self, key, request: Request) -> None:
        self.requests.append(request)
        outcome = self._answer(request)
        (self._on_the_wire if outcome is None else self._ready).append((key, outcome))

    def poll(self, timeout_seconds: float) -> list[Any]:
        if not self._ready:
            self._woken.wait(timeout_seconds)
            self._woken.clear()
        ready, self._ready = self._ready, []
        return ready

    def wake(self) -> None:
        self._woken.set()

    def abort(self, key) -> bool:
        if (key, None) not in self._on_the_wire:
            return False
        self._on_the_wire.remove((key, None))
        self._ready.append((key, ABORTED))
        return True

    def known_addresses(self, host) -> list[str]:
        return self.addresses.get(host, [])

    def abort_all(self) -> None:
        self._ready += [(key, ABORTED) for key, _ in self._on_the_wire]
        self._on_the_wire = []

    def close(self) -> None:
        pass


def make_engine(sender: MemorySender, *, concurrency: int, make_places=unshared, targets=None) -> Engine:
    made = Engine(
        name="test",
        stages={Lane.JOBS: Bounded(running_stage), Lane.DELIVERIES: Bounded(stage)},
        make_sender=lambda: sender,
        announce=lambda lane, instants: made.wake(lane, instants),  # noqa: PLW0108 (it is not bound yet)
        concurrency=concurrency,
        lease=timedelta(seconds=20),
        make_places=make_places,
        targets=targets,
    )
    return made


@contextmanager
def running(sender: MemorySender, *, concurrency: int = 50, make_places=unshared, targets=None) -> Iterator[Engine]:
    started = make_engine(sender, concurrency=concurrency, make_places=make_places, targets=targets)
    started.start()
    try:
        yield started
    finally:
        started.shut_down(grace=timedelta(seconds=5))


def eventually(condition: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(500):
        if condition():
            return
        waited.wait(0.02)
    pytest.fail("it did not happen within ten seconds")


class SlowClock:
    """The module `time` with a clock that goes on while the database is asked."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        self.seconds += 0.001
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def set_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (breaking_off, engine, held_lease, lane_state, outbox, reconcile, rescue):
            monkeypatch.setattr(module, "time", self)


class Turns(Engine):
    """An engine without threads: a test has it do what they would, one thing at a time."""

    def __init__(self, sender: MemorySender, **stages: Any) -> None:
        super().__init__(
            name="turns",
            stages={Lane.JOBS: stages.get("jobs", running_stage)},
            make_sender=lambda: sender,
            announce=lambda lane, instants: None,
            concurrency=50,
            lease=timedelta(seconds=20),
        )
        self._lease.take(self._name)

    def allow(self, places: int) -> None:
        self._concurrency = places

    def renew(self) -> None:
        self._lease.renew()

    def turn(self) -> None:
        self._turn()

    def send(self, sender: MemorySender) -> None:
        self._submit(sender)

    def seconds_to_wait(self) -> float:
        return self._seconds_to_wait(clock.now())
