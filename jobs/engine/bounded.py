"""A stage that remembers where its looks for what is due have come to, for one engine."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.engine.stage import Finished, Stage, Started, Upcoming


class Looking(Protocol):
    """A stage whose looks can begin where the ones before have come to. `looks` are of its `new_looks`."""

    new_looks: Callable[[], Any]

    def is_due(self, *, looks: Any, now: datetime) -> bool: ...
    def claim(
        self, worker_id: UUID, *, limit: int, is_crowded: bool, bounds: ClaimBounds, looks: Any, now: datetime
    ) -> tuple[list[Started], Upcoming]: ...
    def record(self, worker_id: UUID, finished: Sequence[Finished], *, now: datetime) -> Upcoming: ...
    def rescue(self, *, limit: int, now: datetime) -> tuple[int, Upcoming]: ...
    def held(self, worker_id: UUID, ids: Sequence[int]) -> set[tuple[int, int]]: ...
    def hand_back(self, worker_id: UUID, *, known_ids: set[int], now: datetime) -> int: ...


class Bounded(Stage):
    def __init__(self, stage: Looking) -> None:
        self._stage = stage
        self._looks = stage.new_looks()

    def is_due(self, *, now: datetime) -> bool:
        return self._stage.is_due(looks=self._looks, now=now)

    def claim(
        self, worker_id: UUID, *, limit: int, is_crowded: bool, bounds: ClaimBounds = NONE, now: datetime
    ) -> tuple[list[Started], Upcoming]:
        return self._stage.claim(
            worker_id, limit=limit, is_crowded=is_crowded, bounds=bounds, looks=self._looks, now=now
        )

    def record(self, worker_id: UUID, finished: Sequence[Finished], *, now: datetime) -> Upcoming:
        return self._stage.record(worker_id, finished, now=now)

    def rescue(self, *, limit: int, now: datetime) -> tuple[int, Upcoming]:
        return self._stage.rescue(limit=limit, now=now)

    def held(self, worker_id: UUID, ids: Sequence[int]) -> set[tuple[int, int]]:
        return self._stage.held(worker_id, ids)

    def hand_back(self, worker_id: UUID, *, known_ids: set[int], now: datetime) -> int:
        return self._stage.hand_back(worker_id, known_ids=known_ids, now=now)
