"""A worker of the simulation: the real engine, whose threads, clock, database and wire are the world's."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import Error

from booper.outcomes.outcome import Outcome, Request
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.delivering import stage as delivering_stage
from jobs.engine import engine
from jobs.engine.bounded import Bounded
from jobs.engine.stage import Finished, Stage, Started, Upcoming
from jobs.running import queue_stage
from jobs.running import stage as running_stage
from jobs.waking.announcer import Lane

if TYPE_CHECKING:
    from tests.faults.simulation import World

Key = tuple[Lane, int, int]

LEASE = timedelta(seconds=20)


class FaultyStage:
    """A stage whose database fails it now and then: before the commit, or after it, or for a while altogether."""

    def __init__(self, stage: Stage, world: "World") -> None:
        self._stage = stage
        self._world = world

    def is_due(self, *, now: datetime) -> bool:
        return self._world.database(lambda: self._stage.is_due(now=now))

    def claim(
        self, worker_id: UUID, *, limit: int, is_crowded: bool, bounds: ClaimBounds = NONE, now: datetime
    ) -> tuple[list[Started], Upcoming]:
        stage = self._stage
        return self._world.database(
            lambda: stage.claim(worker_id, limit=min(limit, 3), is_crowded=is_crowded, bounds=bounds, now=now)
        )

    def record(self, worker_id: UUID, finished: Sequence[Finished], *, now: datetime) -> Upcoming:
        return self._world.database(lambda: self._stage.record(worker_id, finished, now=now))

    def rescue(self, *, limit: int, now: datetime) -> tuple[int, Upcoming]:
        return self._world.database(lambda: self._stage.rescue(limit=limit, now=now))

    def held(self, worker_id: UUID, ids: Sequence[int]) -> set[tuple[int, int]]:
        return self._world.database(lambda: self._stage.held(worker_id, ids))

    def hand_back(self, worker_id: UUID, *, known_ids: set[int], now: datetime) -> int:
        return self._world.database(lambda: self._stage.hand_back(worker_id, known_ids=known_ids, now=now))


class Worker(engine.Engine):
    """An engine whose threads are the world's: each does a turn when it is its turn."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self._wire = Wire(self)
        stages = {Lane.JOBS: running_stage, Lane.QUEUES: queue_stage, Lane.DELIVERIES: delivering_stage}
        super().__init__(
            name=f"worker {number}",
            stages={lane: FaultyStage(Bounded(stage), world) for lane, stage in stages.items()},
            make_sender=lambda: self._wire,
            announce=world.announce,
            concurrency=6,
            lease=LEASE,
        )
        self.paused_until = world.now
        self.abort_at: datetime | None = None
        self.told_at = datetime.max.replace(tzinfo=UTC)
        self._lease.take(self._name)
        self._renew_at = world.now + LEASE / 4

    @property
    def in_hand(self) -> set[Key]:
        return {key for lane in self._lanes.values() for key in lane.in_hand}

    @property
    def on_the_wire(self) -> set[Key]:
        """What is in hand and has not ended: an end that was recorded may be in hand still, its answer lost."""
        return self.in_hand - {key for key, _ in self._arrived}

    @property
    def has_ended(self) -> bool:
        return self._is_done()

    def database_turn(self) -> None:
        try:
            self._turn()
        except Error as error:
            self._pause(error)

    def lease_turn(self) -> None:
        if self.world.now >= self._renew_at:
            self._renew_at = self.world.now + timedelta(seconds=self._lease.renew())

    def network_turn(self) -> None:
        self._submit(self._wire)

    def bring(self, key: Key, outcome: Outcome) -> None:
        self._arrived.append((key, outcome))

    def abort(self) -> None:
        self._is_aborting = True

    def end(self) -> None:
        self._lease.give_up()


class Wire:
    """The sender of a worker: the world carries what it submits."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def submit(self, key: Key, request: Request) -> None:
        self._worker.world.carry(self._worker, key, request)

    def poll(self, timeout_seconds: float) -> list[tuple[Key, Outcome]]:
        return []

    def wake(self) -> None: ...
    def abort(self, key: Key) -> bool:
        return self._worker.world.break_off(self._worker, key)

    def known_addresses(self, host: str) -> list[str]:
        return []

    def abort_all(self) -> None: ...
    def close(self) -> None: ...
