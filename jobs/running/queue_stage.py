"""Runs the jobs of queues: claims what their limits allow; all else is as jobs.running.stage has it."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from django.db import transaction

from jobs.engine.stage import Started, Upcoming
from jobs.models import Queue
from jobs.queues import limits
from jobs.running import attempts, stage

record = stage.record


def is_due(*, now: datetime) -> bool:
    return Queue.objects.ready(now).exists()


def claim(worker_id: UUID, *, limit: int, is_crowded: bool, now: datetime) -> tuple[list[Started], Upcoming]:
    with transaction.atomic():
        allowed = limits.allowances(limit=limit, now=now)
        startable = [(item.queue.id, item.count) for item in allowed if item.count]
        jobs = attempts.claim_from_queues(worker_id, startable, now=now) if startable else []
        ready_at = limits.settle(allowed, Counter(job.queue_id for job in jobs if job.queue_id), now=now)
        started = stage.start(jobs, now=now)
    return started, Upcoming(queues=ready_at, deliveries=[now] if any(job.webhook_url for job in jobs) else [])


def rescue(*, limit: int, now: datetime) -> tuple[int, Upcoming]:
    """Those of dead workers are rescued with all others; here it is the queues that were overlooked."""
    count = limits.sweep(now=now)
    return 0, Upcoming(queues=[now]) if count else Upcoming()


def hand_back(worker_id: UUID, *, known_ids: set[int], now: datetime) -> int:
    return stage.hand_back(worker_id, known_ids=known_ids, in_queues=True, now=now)
