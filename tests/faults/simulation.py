"""A small world in one thread, on a clock of its own, where everything that can go wrong does, by a seed.

The engine's own turns and the real transitions run on the test's database. What is made up is all around them: the
network, the target, the time, who gets to run when, and what becomes of a call to the database.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import (
    DatabaseError,
    Error,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from booper.outcomes.outcome import Failure, Outcome, Request, Response
from jobs.models import UNFINISHED_STATES, Delivery, Job, Schedule
from jobs.outgoing import signing_secrets
from jobs.recurring import firing, schedules
from jobs.waking.announcer import Lane
from tests.factories import NOON
from tests.faults.evidence import Evidence, Fault, Ledger
from tests.faults.simulated_clients import Clients
from tests.faults.simulated_worker import LEASE, Key, Worker
from tests.processes.harness import record
from tests.processes.harness.target import Arrival

Answer = TypeVar("Answer")

_STEPS = 24
_DRAIN_STEPS = 600
_WORKERS = 3
_BEATS = 2
_GRACE_SECONDS = 4.0
# What a database was seen to answer for a while: the class that Django raises, the SQLSTATE that its driver names.
_ANSWERS: tuple[tuple[type[Error], str | None], ...] = (
    (OperationalError, None),  # the connection is lost, or SQLite's file is locked
    (OperationalError, "57P01"),  # it shuts down
    (OperationalError, "57014"),  # statement_timeout
    (OperationalError, "55P03"),  # lock_timeout
    (OperationalError, "40001"),  # a serialization failure
    (OperationalError, "53300"),  # too many connections
    (OperationalError, "53100"),  # the disk is full
    (InternalError, "25006"),  # a standby, or read-only
    (InternalError, "25P03"),  # idle in transaction for too long
    (InterfaceError, None),  # the driver has closed the connection
    (ProgrammingError, "42P01"),  # not migrated yet
    (NotSupportedError, "0A000"),  # a plan that a migration has outdated
    (DatabaseError, "XX000"),  # what the database itself did not expect
    (DatabaseError, None),  # a pooler's words
)
_ABORTED = Outcome(response=None, failure=Failure("aborted", "broken off"), duration_ms=1)
_TIMED_OUT = Outcome(response=None, failure=Failure("timeout", "no answer in time"), duration_ms=1)


@dataclass
class Flight:
    """A request on the wire."""

    worker: Worker
    key: Key
    arrival: Arrival
    ends_at: datetime
    status: int | None


class _DriverError(Exception):
    """The error of a driver, as psycopg has them: `sqlstate` says what the server named."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class World:
    """One run of everything, all of it decided by `seed`."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        # Backoff and shares are drawn from the module's own.
        random.seed(seed)
        self.now = NOON
        self.ledger = Ledger()
        self.arrivals: list[Arrival] = []
        self.flights: list[Flight] = []
        self.workers: list[Worker] = []
        self.is_calm = False
        self._worker_count = 0
        self.down_until = NOON
        self._beats_paused_until = [NOON] * _BEATS
        signing_secrets.forget_secrets()
        self.clients = Clients(self)

    # --- What the engine knows of the world -----------------------------------------------------------------------

    def monotonic(self) -> float:
        return (self.now - NOON).total_seconds() + 1000

    def database(self, call: Callable[[], Answer]) -> Answer:
        """What becomes of a call: it is carried out and answered, or not carried out, or its answer is lost."""
        if self.now < self.down_until:
            raise self._answer("the database is away")
        fate = 0.0 if self.is_calm else self.random.random()
        # It takes its time, which goes on meanwhile.
        self.now += timedelta(milliseconds=2)
        with transaction.atomic():
            answer = call()
            transaction.set_rollback(0.95 < fate <= 0.975)
        if fate > 0.95:
            raise self._answer("rolled back" if fate <= 0.975 else "committed, but the answer is lost")
        return answer

    def _answer(self, words: str) -> Error:
        kind, sqlstate = self.random.choice(_ANSWERS)
        error = kind(f"{words} ({sqlstate})")
        if sqlstate is not None:
            error.__cause__ = _DriverError(sqlstate)
        return error

    def announce(self, lane: Lane, instants: Iterable[datetime]) -> None:
        """Some wake-ups are lost, some come twice, and each to whom it happens to come."""
        if not self.workers:
            return
        listed = list(instants)
        for _ in range(self.random.choice((0, 1, 1, 2))):
            self.random.choice(self.workers).wake(lane, listed)

    # --- Time goes by ---------------------------------------------------------------------------------------------

    def run(self) -> Evidence:
        for _ in range(2):
            self._start_worker()
        for _ in range(_STEPS):
            self._step(self.random.choice((0.05, 0.3, 1.0, 2.0, 4.0)))
            if self.random.random() < 0.75:
                self.clients.act()
            if self.random.random() < 0.15:
                self._go_wrong()
        self._calm_down()
        for _ in range(_DRAIN_STEPS):
            if not self._is_busy():
                break
            self._step(self._until_next())
        with connection.cursor() as cursor:
            found = record.read(cursor)
        seconds = LEASE.total_seconds()
        return Evidence(
            self.ledger,
            found,
            self.arrivals,
            self.now.timestamp(),
            record_seconds=seconds,
            neighbourhood_seconds=0,
            dial_seconds=seconds,
            read_seconds=0,
        )

    def _step(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._land()
        turns = [
            (worker, turn)
            for worker in self.workers
            for turn in (worker.database_turn, worker.network_turn, worker.lease_turn)
        ]
        self.random.shuffle(turns)
        for worker, turn in turns:
            # A busy machine: not everybody gets to run each time, but a lease that nobody renews is a fault by itself.
            has_its_turn = self.is_calm or turn == worker.lease_turn or self.random.random() < 0.85
            if worker.paused_until <= self.now and has_its_turn:
                turn()
        for number in range(_BEATS):
            self._beat(number)
        self._end_stopped()
        self._check()

    def _land(self) -> None:
        for flight in [flight for flight in self.flights if flight.ends_at <= self.now]:
            if flight.worker.paused_until > self.now:
                # The answer waits in its socket.
                flight.arrival.answered_at = flight.arrival.answered_at or flight.ends_at.timestamp()
                flight.arrival.status = flight.status
                continue
            self.flights.remove(flight)
            if flight.status is not None:
                flight.arrival.answered_at, flight.arrival.status = flight.ends_at.timestamp(), flight.status
            flight.worker.bring(flight.key, _outcome(flight.status))

    def carry(self, worker: Worker, key: Key, request: Request) -> None:
        """Takes a request to its target, which has it at once; the answer takes its time."""
        headers = {name.lower(): value for name, value in request.headers}
        arrival = Arrival(self.now.timestamp(), request.method, "/", headers, request.body or b"")
        self.arrivals.append(arrival)
        seconds = 0.0 if self.is_calm else self.random.choice((0.0, 0.3, 1.0, 3.0, 12.0, 45.0))
        self.flights.append(Flight(worker, key, arrival, self.now + timedelta(seconds=seconds), self._status(key[0])))

    def break_off(self, worker: Worker, key: Key) -> bool:
        """Ends a flight that its worker wants no more: False if it has landed."""
        for flight in self.flights:
            if (flight.worker, flight.key) == (worker, key):
                self.flights.remove(flight)
                worker.bring(key, _ABORTED)
                return True
        return False

    def _status(self, lane: Lane) -> int | None:
        if self.is_calm:
            return 200
        if lane == Lane.DELIVERIES:
            return self.random.choice((200, 200, 200, 500))
        return self.random.choice((200, 200, 200, 200, 200, 200, 503, 503, 410, None))

    def _beat(self, number: int) -> None:
        if self.now < self._beats_paused_until[number] or self.random.random() < 0.3:
            return
        try:
            self.database(lambda: firing.fire_due(limit=5, now=self.now))
        except Error:
            return

    # --- What goes wrong ------------------------------------------------------------------------------------------

    def _go_wrong(self) -> None:
        self.random.choice(
            (self._kill_worker, self._pause_worker, self._stop_worker, self._stop_database, self._pause_beat)
        )()
        while len(self.workers) < _WORKERS and self.now >= self.down_until:
            self._start_worker()

    def _start_worker(self) -> None:
        self._worker_count += 1
        self.workers.append(Worker(self, self._worker_count))

    def _fault(self, kind: str, *, seconds: float = 0.0) -> None:
        began_at = self.now.timestamp()
        self.ledger.faults.append(Fault(kind, began_at, began_at + seconds))

    def _kill_worker(self) -> None:
        if self.workers:
            self._fault("worker killed")
            self._forget(self.random.choice(self.workers))

    def _forget(self, worker: Worker) -> None:
        if worker.told_at < self.now:
            # One that is paused as well, or can't reach the database, takes longer to end than it is given.
            self.ledger.faults.append(Fault("worker stopping", worker.told_at.timestamp(), self.now.timestamp()))
        self.workers.remove(worker)
        self.flights = [flight for flight in self.flights if flight.worker is not worker]

    def _pause_worker(self) -> None:
        if self.workers:
            seconds = self.random.choice((2, 15, 25, 50))
            self._fault("worker paused", seconds=seconds)
            worker = self.random.choice(self.workers)
            worker.paused_until = max(worker.paused_until, self.now + timedelta(seconds=seconds))

    def _stop_worker(self) -> None:
        if self.workers:
            self._fault("worker told to stop", seconds=2 * _GRACE_SECONDS)
            worker = self.random.choice(self.workers)
            worker.told_at = min(worker.told_at, self.now)
            worker.stop_claiming()
            worker.abort_at = worker.abort_at or self.now + timedelta(seconds=_GRACE_SECONDS)

    def _end_stopped(self) -> None:
        for worker in [worker for worker in self.workers if worker.abort_at is not None]:
            if worker.paused_until > self.now:
                continue
            if worker.abort_at is not None and worker.abort_at <= self.now:
                worker.abort()
                for flight in [flight for flight in self.flights if flight.worker is worker]:
                    self.flights.remove(flight)
                    worker.bring(flight.key, _ABORTED)
            if worker.has_ended:
                worker.end()
                self._forget(worker)

    def _stop_database(self) -> None:
        seconds = self.random.choice((1, 6, 25))
        self._fault("database killed", seconds=seconds)
        self.down_until = max(self.down_until, self.now + timedelta(seconds=seconds))

    def _pause_beat(self) -> None:
        seconds = self.random.choice((3, 30, 90))
        self._fault("beat paused", seconds=seconds)
        self._beats_paused_until[self.random.randrange(_BEATS)] = self.now + timedelta(seconds=seconds)

    # --- How it ends ----------------------------------------------------------------------------------------------

    def _calm_down(self) -> None:
        """Nothing goes wrong any more, and nothing new is asked for."""
        self.is_calm = True
        while self.now < self.down_until:
            self._step(1.0)
        self._start_worker()
        for schedule in Schedule.objects.filter(disabled_at__isnull=True):
            schedules.disable(schedule, now=self.now)

    def _is_busy(self) -> bool:
        waiting = Job.objects.filter(state__in=UNFINISHED_STATES)
        return waiting.exists() or Delivery.objects.filter(state__in=("pending", "sending")).exists()

    def _until_next(self) -> float:
        """Half a second while there is something to do; else until then: nobody waits hours for a webhook's retry."""
        due = Delivery.objects.filter(state="pending").order_by("due_at").values_list("due_at", flat=True).first()
        is_idle = not self.flights and not any(worker.in_hand for worker in self.workers)
        if self.flights:
            # Never so long that a lease would run out for want of a turn.
            nearest = min(flight.ends_at for flight in self.flights)
            return min(max(0.5, (nearest - self.now).total_seconds()), LEASE.total_seconds() / 5)
        if due is None or not is_idle or Job.objects.filter(state__in=UNFINISHED_STATES).exists():
            return 0.5
        return max(0.5, (due - self.now).total_seconds())

    def _check(self) -> None:
        """What must hold at every moment."""
        held = [key for worker in self.workers for key in worker.on_the_wire]
        assert len(held) == len(set(held)), f"at {self.now} two workers have the same attempt: {sorted(held)}"
        running = Job.objects.filter(queue_id__isnull=False, state="executing").values_list("queue_id", flat=True)
        for queue_id, count in Counter(running).items():
            allowed = next(queue.concurrency for queue in self.clients.queues if queue.id == queue_id)
            assert allowed is None or count <= allowed, f"at {self.now} queue {queue_id} runs {count} jobs"


def _outcome(status: int | None) -> Outcome:
    if status is None:
        return _TIMED_OUT
    response = Response(status, (("Content-Type", "application/json"),), b'{"ok": true}', False)
    return Outcome(response=response, failure=None, duration_ms=1)
