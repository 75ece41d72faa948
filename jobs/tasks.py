"""Celery's doors, a few lines each: wake-ups in and out, and the worker's life."""

import logging
import threading
import time
from collections import deque
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import Error

from jobs.alerting import judging, letters, services
from jobs.database import clock
from jobs.database.outages import Outage
from jobs.operating import heartbeat, reset_mails, retention
from jobs.operating.old_rows import Places
from jobs.recurring import beat_entries, upcoming
from jobs.running import attempts
from jobs.waking import listeners
from jobs.waking.announcements import TASKS, announce_deliveries, announce_jobs
from jobs.waking.announcer import Lane

logger = logging.getLogger(__name__)

# Of the ten between two rounds.
_PRUNE_SECONDS = 8.0
# What was not taken up for this long waits for a worker that is busy.
_BUSY_AFTER = timedelta(seconds=1)
# Of the fifteen between two rounds.
_JUDGE_SECONDS = 6.0
_POST_SECONDS = 10.0
_places = Places()
_looks = attempts.new_looks()
_is_pruning = threading.Lock()
_is_posting = threading.Lock()
_kinds: deque[Any] = deque((services, reset_mails, letters))
_outage = Outage(logger, begins="what is old can't be deleted", ends="what is old is deleted again")


@shared_task(name=TASKS[Lane.JOBS])
def run_due(instants: list[float]) -> None:
    """Wakes the worker for the jobs that are due at `instants` (unix seconds), the first of which has come."""
    listeners.wake(Lane.JOBS, instants)


@shared_task(name=TASKS[Lane.QUEUES])
def run_queued(instants: list[float]) -> None:
    """Wakes the worker for the queues that may start something at `instants` (unix seconds)."""
    listeners.wake(Lane.QUEUES, instants)


@shared_task(name=TASKS[Lane.DELIVERIES])
def deliver_due(instants: list[float]) -> None:
    """Wakes the worker for the callbacks and webhooks that are due at `instants` (unix seconds)."""
    listeners.wake(Lane.DELIVERIES, instants)


@shared_task(name=beat_entries.TASK)
def fire_schedule(schedule_id: str) -> None:
    """Fires a schedule's run if it is due. Booper's own beat does that itself; this is for any other."""
    now = clock.now()
    if upcoming.fire_schedule(UUID(schedule_id), now=now):
        announce_jobs([now])


@shared_task(name="booper.prune")
def prune() -> None:
    """Deletes what is older than the retention settings, for some seconds: the rest is for the next time."""
    ends_at = time.monotonic() + _PRUNE_SECONDS
    pace = retention.Pace(has_time=lambda: time.monotonic() < ends_at, is_busy=_is_busy)
    if not _is_pruning.acquire(blocking=False):
        return
    try:
        pruned = retention.prune(now=clock.now(), pace=pace, places=_places)
    except Error as error:
        # The next round is ten seconds away, and whoever works with the database says more of it.
        _outage.fails(error)
        return
    finally:
        _is_pruning.release()
    _outage.works()
    logger.log(logging.INFO if pruned.is_any else logging.DEBUG, "pruned: %s", pruned)


@shared_task(name="booper.judge")
def judge() -> None:
    """Judges the alerts of those who have any, for some seconds: the rest is for the next time."""
    now, ends_at = clock.now(), time.monotonic() + _JUDGE_SECONDS
    if judging.judge_due(now=now, has_time=lambda: time.monotonic() < ends_at):
        announce_deliveries([now])


@shared_task(name="booper.post")
def post() -> None:
    """Sends what is due by e-mail and by services; one thread of a worker at a time, however slow a server is."""
    if not _is_posting.acquire(blocking=False):
        return
    try:
        ends_at = time.monotonic() + _POST_SECONDS
        # Another is the first each time: a mail server that hangs takes all the time of its round.
        _kinds.rotate(-1)
        for kind in tuple(_kinds):
            kind.send_due(now=clock.now(), has_time=lambda: time.monotonic() < ends_at)
    finally:
        _is_posting.release()


@shared_task(name="booper.heartbeat")
def call_watcher() -> None:
    """Tells a watcher elsewhere that all is well, if the operator has named one."""
    heartbeat.beat(now=clock.now())


def _is_busy() -> bool:
    return _looks.finds_any(now=clock.now() - _BUSY_AFTER)
