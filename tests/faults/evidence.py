"""What a trial knows when it is over: what was promised, what was done, what the target saw, what is recorded."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tests.processes.harness.record import EventRow, Record
from tests.processes.harness.target import Arrival


@dataclass(frozen=True, slots=True)
class Promise:
    """A job that was answered 201; times are unix seconds."""

    answered_at: float
    due_at: float


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` begins with what it was done to: a worker, a beat, web, the broker, the database, the disk."""

    kind: str
    began_at: float
    ended_at: float


@dataclass
class Ledger:
    """What a trial did. Only the thread that does a thing writes it down."""

    promises: dict[int, Promise] = field(default_factory=dict)
    # When the cancel of a job was answered 200.
    cancels: dict[int, float] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unanswered_count: int = 0

    @contextlib.contextmanager
    def fault(self, kind: str) -> Iterator[None]:
        began_at = time.time()
        try:
            yield
        finally:
            self.faults.append(Fault(kind, began_at, time.time()))

    @property
    def last_fault_at(self) -> float:
        return max((fault.ended_at for fault in self.faults), default=0.0)


@dataclass
class Evidence:
    """`arrivals` in the order they came in. `now` is when the record was read.

    An answer that has come in is recorded within `record_seconds` of the moment when its turn comes; until then the
    attempt is on the wire. It begins to be there with the claim: `dial_seconds` later, on a machine that has other
    things to do, the request has gone out.
    """

    ledger: Ledger
    record: Record
    arrivals: list[Arrival]
    now: float
    record_seconds: float = 1.5
    neighbourhood_seconds: float = 3.0
    dial_seconds: float = 2.0
    # So much later than it came in may the target, which has threads and a processor to wait for, read a request.
    read_seconds: float = 1.0

    @cached_property
    def sent(self) -> dict[int, list[Arrival]]:
        """The requests of each job, in their order."""
        found: dict[int, list[Arrival]] = defaultdict(list)
        for arrival in self.arrivals:
            if arrival.job_id in self.record.jobs:
                found[arrival.job_id].append(arrival)
        return found

    @cached_property
    def delivered(self) -> dict[str, list[Arrival]]:
        """The callbacks and webhooks that arrived, by their webhook-id."""
        found: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in self.arrivals:
            if arrival.job_id is None and "webhook-id" in arrival.headers:
                found[arrival.headers["webhook-id"]].append(arrival)
        return found

    def events(self, job_id: int, event: str, *, attempt: int | None = None) -> list[EventRow]:
        """The job's log rows of one kind, of one attempt or of all."""
        rows = self.record.events.get(job_id, [])
        return [row for row in rows if row.event == event and attempt in (None, row.attempt)]

    def error_code(self, job_id: int, attempt: int) -> str | None:
        """Why the attempt failed, as the log has it."""
        errors = self.events(job_id, "job.error", attempt=attempt)
        return str(errors[0].payload["code"]) if errors else None

    def recorded_by(self, answered_at: float) -> float:
        """When an answer is recorded at the latest. Its turn comes when that of others did, of about the same time:
        with the database just back, or the processor shared with a broker that starts, they wait longer."""
        waits = (wait for at, wait in self._waits if abs(at - answered_at) <= self.neighbourhood_seconds)
        recorded_by = answered_at + max(waits, default=0.0) + self.record_seconds
        # While the database is away nothing is recorded at all.
        for fault in sorted(self.ledger.faults, key=lambda fault: fault.began_at):
            if fault.kind.startswith("database") and answered_at <= fault.ended_at and fault.began_at <= recorded_by:
                recorded_by = max(recorded_by, fault.ended_at + self.record_seconds)
        return recorded_by

    @cached_property
    def _waits(self) -> list[tuple[float, float]]:
        """When each answer came that is recorded, and how many seconds later its turn had come."""
        ends = [
            (arrival.answered_at, event.inserted_at.timestamp())
            for job_id, arrivals in self.sent.items()
            for arrival in arrivals
            for event in self.events(job_id, "job.finished", attempt=arrival.attempt)
        ]
        ends += [
            (arrivals[-1].answered_at, row.delivered_at.timestamp())
            for rows in self.record.deliveries.values()
            for row in rows
            if row.delivered_at is not None and (arrivals := self.delivered.get(str(row.uuid)))
        ]
        return [(answered_at, ended_at - answered_at) for answered_at, ended_at in ends if answered_at is not None]

    def worker_faults(self, began_at: float, ended_at: float) -> list[str]:
        """What was done to workers in this span of time: no other fault excuses a request that is sent again."""
        faults = [fault for fault in self.ledger.faults if fault.kind.startswith("worker")]
        sent_at = began_at - self.read_seconds
        return [fault.kind for fault in faults if fault.began_at <= ended_at and fault.ended_at >= sent_at]
