"""Runs the jobs of queues: claims what their limits allow; all else is as jobs.running.stage has it."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from django.db import transaction

from jobs.database import sql
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.lower_bounds import LowerBounds
from jobs.engine.stage import Started, Upcoming
from jobs.queues import limits
from jobs.running import attempts, stage

record = stage.record
held = stage.held


class QueueLooks:
    """The marks from where to look: for queues that are ready, and in each for what is due."""

    def __init__(self) -> None:
        self.ready = LowerBounds()
        self.within = LowerBounds()


def new_looks() -> QueueLooks:
    return QueueLooks()


def is_due(*, looks: QueueLooks | None = None, now: datetime) -> bool:
    return limits.is_any_ready(bounds=(looks or new_looks()).ready, now=now)


def claim(
    worker_id: UUID,
    *,
    limit: int,
    is_crowded: bool,
    bounds: ClaimBounds = NONE,
    looks: QueueLooks | None = None,
    now: datetime,
) -> tuple[list[Started], Upcoming]:
    looks = looks or new_looks()
    # Whoever wakes this does not always know that a queue has something, and a transaction waits for SQLite's writers.
    if not sql.is_postgresql() and not is_due(looks=looks, now=now):
        return [], Upcoming()
    with transaction.atomic():
        allowed = limits.allowances(limit=limit, of_tenants=bounds, bounds=looks.ready, now=now)
        startable = [(item.queue.id, item.count) for item in allowed if item.count]
        resumed = limits.resumed((queue_id for queue_id, _ in startable), bounds=looks.within, now=now)
        full_hosts = {item.queue.id: bounds.full_hosts.get(item.queue.user_id, ()) for item in allowed}
        jobs = (
            attempts.claim_from_queues(worker_id, startable, passed_over=full_hosts, bounds=looks.within, now=now)
            if startable
            else []
        )
        started_of = Counter(job.queue_id for job in jobs if job.queue_id)
        ready_at = limits.settle(allowed, started_of, resumed=resumed, now=now)
        started = stage.start(jobs, now=now)
    return started, Upcoming(queues=ready_at, deliveries=[now] if any(job.webhook_url for job in jobs) else [])


def rescue(*, limit: int, now: datetime) -> tuple[int, Upcoming]:
    """Looks for queues that were overlooked. Jobs of dead workers are rescued with all others."""
    count = limits.sweep(now=now)
    return 0, Upcoming(queues=[now]) if count else Upcoming()


def hand_back(worker_id: UUID, *, known_ids: set[int], now: datetime) -> int:
    return stage.hand_back(worker_id, known_ids=known_ids, in_queues=True, now=now)
