"""The values that travel between a stage and the engine that drives it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from booper.outcomes.outcome import Failure, Outcome, Request
from jobs.database.claim_bounds import NONE, ClaimBounds


@dataclass(frozen=True, slots=True)
class Started:
    """One attempt on its way: the row that was claimed, and the request to make for it, or why there is none."""

    row: Any
    request: Request | None
    failure: Failure | None = None
    # What is to be hidden wherever the answer has it.
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    started: Started
    outcome: Outcome
    # The row was no longer its worker's, so the request was broken off.
    is_unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What should happen next: when the lanes have something due."""

    jobs: Sequence[datetime] = field(default_factory=tuple)
    queues: Sequence[datetime] = field(default_factory=tuple)
    deliveries: Sequence[datetime] = field(default_factory=tuple)


class Stage(Protocol):
    """What the engine carries out: jobs, or deliveries."""

    def is_due(self, *, now: datetime) -> bool:
        """Whether a claim would find anything."""

    def claim(
        self, worker_id: UUID, *, limit: int, is_crowded: bool, bounds: ClaimBounds = NONE, now: datetime
    ) -> tuple[list[Started], Upcoming]:
        """Takes up to `limit` that are due under the lease of `worker_id`, and says what to send for each.

        `is_crowded`: the claim before this one left some behind. No tenant gets more than its `bounds` leave it.
        """

    def record(self, worker_id: UUID, finished: Sequence[Finished], *, now: datetime) -> Upcoming:
        """Writes what became of them, all in one transaction."""

    def rescue(self, *, limit: int, now: datetime) -> tuple[int, Upcoming]:
        """Makes due again what is under a lease that has run out; how many they were."""

    def held(self, worker_id: UUID, ids: Sequence[int]) -> set[tuple[int, int]]:
        """Gives those of the rows `ids` that `worker_id` has in hand, as (id, attempt)."""

    def hand_back(self, worker_id: UUID, *, known_ids: set[int], now: datetime) -> int:
        """Makes due again what the database says this worker has, but it does not."""
