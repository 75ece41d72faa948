"""An attempt's transitions: claimed, recorded, rescued."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from booper.outcomes import steering
from booper.timing import timestamps
from jobs.database import claimed_job, lost_leases, lower_bounds, sql
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.claimed_job import AnyJob, Claimed
from jobs.database.due_looks import DueLooks
from jobs.database.event_log import Entry
from jobs.database.lower_bounds import Look, LowerBounds, Mark, firsts
from jobs.guarding import suspension
from jobs.models import EventType, JobState, Schedule
from jobs.outgoing import callback_bodies
from jobs.queues import limits
from jobs.running import (
    after_cancel,
    children,
    evidence,
    failing_schedules,
    held_runs,
    next_runs,
    schedule_memory,
    steered_schedules,
    watched_ends,
)
from jobs.running.children import Made
from jobs.running.ended import Ended
from jobs.telemetry import counters

_CLAIM = """
UPDATE jobs_job
SET state = 'executing', worker_id = %(worker)s, attempt = attempt + 1, attempted_at = %(now)s,
    event_count = event_count + 2
WHERE id {chosen} AND state IN ('scheduled', 'retryable') AND NOT is_upcoming
"""
# What has expired is never begun: `transitions.expire` ends it.
_STARTABLE = (
    "state IN ('scheduled', 'retryable') AND NOT is_upcoming"
    " AND (expires_at IS NULL OR expires_at > %(now)s OR attempt > 0)"
)
_WAITING = f"{_STARTABLE} AND queue_id IS NULL"
_WAITING_IN_QUEUE = f"{_STARTABLE} AND queue_id IS NOT NULL"


def new_looks() -> DueLooks:
    """What a worker remembers of its claims, to be given to each of them."""
    return DueLooks(table="jobs_job", waiting=_WAITING, due_at="scheduled_at")


def claim(
    worker_id: UUID,
    *,
    limit: int,
    is_crowded: bool = False,
    bounds: ClaimBounds = NONE,
    looks: DueLooks | None = None,
    now: datetime,
) -> list[Claimed]:
    """scheduled | retryable -> executing, under the lease of `worker_id`: the `limit` that are due the longest.

    If it `is_crowded`, more being due than fits, each tenant with something due gets an equal share instead: a
    million jobs of one hold up nobody else's. None gets more than its `bounds` leave it.
    Counts the attempt, and the two events (job.started, job.request)
    that `log_starts` is to write with it.
    """
    looks = looks or new_looks()
    chosen = looks.chosen(limit, is_crowded=is_crowded, without=suspension.held().users, bounds=bounds, now=now)
    if not chosen:
        return []
    began = time.monotonic()
    jobs = _claim(worker_id, chosen, waiting=_WAITING, within="AND user_id = '{key}'", now=now)
    found = [(job.user_id.hex, Mark(job.scheduled_at, job.id)) for job in jobs]
    looks.note(chosen, found, seconds=time.monotonic() - began, now=now)
    return jobs


def claim_from_queues(
    worker_id: UUID,
    allowed: Sequence[tuple[int, int]],
    *,
    passed_over: Mapping[int, tuple[str, ...]] | None = None,
    bounds: LowerBounds | None = None,
    now: datetime,
) -> list[Claimed]:
    """The same from queues: (id, how many) for each, whose rows the caller has locked.

    `passed_over` has the beginnings of URLs that are to be left alone, by queue.
    """
    bounds = bounds or LowerBounds()
    left_alone = passed_over or {}
    chosen = [
        Look(count, bounds.mark(queue_id, now=now), queue_id, left_alone.get(queue_id, ()))
        for queue_id, count in allowed
    ]
    began = time.monotonic()
    jobs = _claim(worker_id, chosen, waiting=_WAITING_IN_QUEUE, within="AND queue_id = {key}", now=now)
    seconds = time.monotonic() - began
    first_of = firsts((job.queue_id, Mark(job.scheduled_at, job.id)) for job in jobs)
    for look in chosen:
        if look.passed_over:
            continue
        bounds.note(look.key, began=look.mark, first=first_of.get(look.key), seconds=seconds, now=now)
    return jobs


def _claim(worker_id: UUID, chosen: Sequence[Look], *, waiting: str, within: str, now: datetime) -> list[Claimed]:
    selects, parameters = lower_bounds.selects(
        chosen, table="jobs_job", waiting=waiting, due_at="scheduled_at", within=within, now=now
    )
    parameters["worker"] = sql.uuid_value(worker_id)
    jobs = _returned(_CLAIM.format(chosen=sql.chosen(*selects)), parameters)
    return sorted(jobs, key=lambda job: (job.scheduled_at, job.id))


def _returned(statement: str, parameters: dict[str, Any]) -> list[Claimed]:
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} RETURNING {claimed_job.columns()}", parameters)
        return [claimed_job.from_row(row) for row in cursor.fetchall()]


def log_starts(started: Sequence[tuple[AnyJob, dict[str, Any]]], *, now: datetime) -> None:
    """The first two events of an attempt, for each job just claimed and the request it is about to make."""
    events, deliveries = [], []
    for job, request in started:
        begun = {"attempt": job.attempt, "scheduled_at": timestamps.timestamp(job.scheduled_at)}
        events.append(evidence.event(job, EventType.STARTED, begun, now))
        events.append(evidence.event(job, EventType.REQUEST, request, now))
        if job.webhook_url:
            sequence = job.event_count
            deliveries.append(
                callback_bodies.webhook(job, "job.started", sequence=sequence - 1, payload=begun, now=now)
            )
            deliveries.append(callback_bodies.webhook(job, "job.request", sequence=sequence, payload=request, now=now))
    evidence.insert(events, deliveries)


_RECORD = """
UPDATE jobs_job {by_id}
SET state = v.state, worker_id = NULL, event_count = event_count + v.events,
    max_attempts = max_attempts + v.forgiven, handed_back = jobs_job.handed_back + v.handed_back,
    scheduled_at = CASE WHEN v.state = 'retryable' THEN v.retry_at ELSE scheduled_at END,
    completed_at = CASE WHEN v.state = 'completed' THEN {now} END,
    discarded_at = CASE WHEN v.state = 'discarded' THEN {now} END,
    error_code = COALESCE(v.failed_with, error_code),
    error_message = CASE WHEN v.failed_with IS NULL THEN error_message ELSE v.because END,
    error_status = CASE WHEN v.failed_with IS NULL THEN error_status ELSE v.answered END,
    error_at = CASE WHEN v.failed_with IS NULL THEN error_at ELSE {now} END
FROM ({rows}) AS v
WHERE jobs_job.id = v.id AND jobs_job.attempt = v.attempt
    AND {guard} AND jobs_job.worker_id = %(worker)s
RETURNING jobs_job.id, {is_watched}
"""


_RECORDED = {
    "id": "bigint",
    "attempt": "int",
    "state": "text",
    "retry_at": "timestamptz",
    "forgiven": "int",
    "handed_back": "int",
    "events": "int",
    "failed_with": "text",
    "because": "text",
    "answered": "smallint",
}


def record(worker_id: UUID, ended: Sequence[Ended], *, now: datetime) -> bool:
    """executing -> completed | retryable | discarded, for attempts of `worker_id`, all in one transaction.

    Answers whether it wrote deliveries. An attempt whose lease was lost in the meantime changes nothing; if its job was
    cancelled, its response is logged all the same.
    """
    events_of = {item.job.id: _events_of(item) for item in ended}
    rows = [_record_row(item, len(events_of[item.job.id])) for item in ended]
    with transaction.atomic():
        runs = [item for item in ended if item.job.schedule_id is not None]
        schedules = schedule_memory.locked(schedule_id for item in runs if (schedule_id := _keeping(item)) is not None)
        won = _record_rows(worker_id, rows, now=now)
        kept = [item for item in ended if item.job.id in won]
        runs = [item for item in runs if item.job.id in won]
        moved = next_runs.move(runs, schedules, now=now)
        made = children.make(kept, now=now)
        events, deliveries = [], []
        for item in kept:
            told = _told(item, events_of[item.job.id], made=made, moved=moved)
            item_events, item_deliveries = _evidence(item, told, now=now)
            events += item_events
            deliveries += item_deliveries
        events += [*made.refusals, *moved.refusals]
        events += after_cancel.answers([item for item in ended if item.job.id not in won], now=now)
        events += _remember(runs, schedules, now=now)
        events += _refused_wishes(kept, now=now)
        failing_schedules.count([(item.job, item.state) for item in runs], now=now)
        held_runs.release([(item.job, item.state) for item in runs], now=now)
        steered_schedules.obey([(item.job, item.wishes) for item in runs], now=now)
        limits.touch([*((item.job.queue_id, now) for item in kept), *made.due])
        watched_ends.note([watched_ends.of(item) for item in kept if won[item.job.id]], now=now)
        evidence.insert(events, deliveries)
    evidence.count_ends([item.state for item in kept])
    return bool(deliveries)


def _record_row(item: Ended, event_count: int) -> dict[str, Any]:
    return {
        "id": item.job.id,
        "attempt": item.job.attempt,
        "state": item.state.value,
        "retry_at": None if item.retry_at is None else sql.time_text(item.retry_at),
        "forgiven": int(item.is_forgiven),
        "handed_back": int(item.is_handed_back),
        "events": event_count,
        "failed_with": None if item.error is None else item.error["code"],
        "because": None if item.error is None else item.error["message"],
        "answered": None if item.response is None else item.response["status"],
    }


def _record_rows(worker_id: UUID, rows: list[dict[str, Any]], *, now: datetime) -> dict[int, bool]:
    """The ids of those that were recorded, and of each whether its user has alerts."""
    if not rows:
        return {}
    source = sql.rows(**_RECORDED)
    parameters = {"rows": sql.json_parameter(rows), "worker": sql.uuid_value(worker_id), "now": sql.time_value(now)}
    guard = sql.guard("jobs_job.state", "executing")
    statement = _RECORD.format(
        rows=source, now=sql.null_time(), by_id=sql.by_id_alone(), guard=guard, is_watched=watched_ends.IS_WATCHED
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {job_id: bool(is_watched) for job_id, is_watched in cursor.fetchall()}


_Event = tuple[str, EventType, dict[str, Any]]
"""What a webhook calls it, what the log does, and the payload."""


def _events_of(item: Ended) -> list[_Event]:
    """The events of an attempt that ended, in their order."""
    events: list[_Event] = []
    if item.response is not None:
        events.append(("job.response", EventType.RESPONSE, item.response))
    if item.error is not None:
        retry_at = None if item.retry_at is None else timestamps.timestamp(item.retry_at)
        events.append(("job.error", EventType.ERROR, {**item.error, "retry_at": retry_at}))
    if item.state != JobState.RETRYABLE:
        granted = {"steered": names} if item.wishes is not steering.NONE and (names := item.wishes.names) else {}
        # What jobs.telemetry.rolled_up reads: an answer's own row may be large.
        took = {} if item.response is None else {"duration_ms": item.response["duration_ms"]}
        events.append(("job.finished", EventType.FINISHED, {"state": item.state.value, **took, **granted}))
    return events


def _told(item: Ended, events: list[_Event], *, made: Made, moved: next_runs.Moved = next_runs.NOTHING) -> list[_Event]:
    """The same, its end with what came of it: the jobs that follow, and when the schedule runs next."""
    numbers, next_at = made.numbers.get(item.job.id), moved.times.get(item.job.id)
    if numbers is None and next_at is None:
        return events
    webhook, kind, payload = events[-1]
    if next_at is not None:
        steered = [*payload.get("steered", ()), item.wishes.name_of_next]
        payload = payload | {"steered": steered, "next_run_at": timestamps.timestamp(next_at)}
    if numbers is not None:
        payload = payload | {"children": numbers}
    return [*events[:-1], (webhook, kind, payload)]


def _evidence(item: Ended, events: list[_Event], *, now: datetime) -> evidence.Rows:
    job = item.job
    # How an attempt went on the wire stands in its first row: with the answer, or with why there is none.
    logged = [
        evidence.event(job, kind, payload if place else _timed(payload, item.times_ms), now)
        for place, (_, kind, payload) in enumerate(events)
    ]
    deliveries = []
    if job.webhook_url:
        for sequence, (event, _, payload) in enumerate(events, start=job.event_count + 1):
            deliveries.append(callback_bodies.webhook(job, event, sequence=sequence, payload=payload, now=now))
    if job.callback_url and item.state != JobState.RETRYABLE:
        deliveries.append(
            callback_bodies.callback(job, state=item.state.value, response=item.response, error=item.error, now=now)
        )
    return logged, deliveries


def _timed(payload: dict[str, Any], times_ms: Mapping[str, float] | None) -> dict[str, Any]:
    """The keys stay in their places, by which jobs.database.ended_counts knows the row."""
    if not times_ms:
        return payload
    first = next(iter(payload))
    return {first: payload[first], "times_ms": times_ms, **payload}


def _keeping(item: Ended) -> UUID | None:
    """The schedule whose row this run writes to, if it does."""
    return (
        _remembering(item)
        or failing_schedules.counted(item.job, item.state)
        or steered_schedules.steered(item.job, item.wishes)
    )


def _refused_wishes(kept: list[Ended], *, now: datetime) -> list[Entry]:
    return [
        evidence.event(item.job, EventType.ERROR, {"code": steering.REFUSED, "message": refusal, "retry_at": None}, now)
        for item in kept
        if item.wishes is not steering.NONE
        for refusal in item.wishes.refusals
    ]


def _remembering(item: Ended) -> UUID | None:
    """The schedule that keeps what this run was answered."""
    return item.job.schedule_id if item.state == JobState.COMPLETED and item.response is not None else None


def _remember(kept: list[Ended], schedules: Mapping[UUID, Schedule], *, now: datetime) -> list[Entry]:
    """Keeps what completed runs were answered, for the runs after them; a log row for each `$set` that was refused."""
    jobs, answers = [], []
    for item in kept:
        job, schedule_id = item.job, _remembering(item)
        if schedule_id is not None and item.response is not None:
            jobs.append(job)
            body = item.response["body"]
            answers.append(
                schedule_memory.RunAnswer(
                    schedule_id=schedule_id, attempted_at=job.attempted_at, body=body, is_json=item.is_json
                )
            )
    return [
        evidence.event(job, EventType.ERROR, {"code": "set_refused", "message": refusal, "retry_at": None}, now)
        for job, refusal in zip(jobs, schedule_memory.remember(answers, schedules), strict=True)
        if refusal is not None
    ]


_RESCUE = """
UPDATE jobs_job
SET state = CASE WHEN attempt >= max_attempts THEN 'discarded' ELSE 'retryable' END,
    worker_id = NULL, scheduled_at = CASE WHEN attempt >= max_attempts THEN scheduled_at ELSE {now} END,
    discarded_at = CASE WHEN attempt >= max_attempts THEN {now} END,
    event_count = event_count + CASE WHEN attempt >= max_attempts THEN 2 ELSE 1 END,
    error_code = %(code)s, error_message = %(message)s, error_status = NULL, error_at = {now}
WHERE id {chosen} AND {guard}
"""
_LEASE_LOST = """
SELECT id FROM jobs_job
WHERE state = 'executing' AND NOT EXISTS (
    SELECT 1 FROM jobs_process WHERE jobs_process.id = jobs_job.worker_id AND lease_expires_at > %(now)s
)
ORDER BY id LIMIT %(limit)s
"""
LEASE_LOST = {"code": counters.LEASE_LOST, "message": "the worker that had the request on the wire is gone"}


def rescue(*, limit: int, now: datetime) -> list[Claimed]:
    """executing -> retryable | discarded, where the lease has run out. The lost attempt counts.

    It counts so that a job which kills its worker is discarded in the end instead of killing every worker in turn.
    """
    statement = _RESCUE.format(
        chosen=sql.chosen(_LEASE_LOST), now=sql.null_time(), guard=sql.guard("state", "executing")
    )
    parameters = {"now": sql.time_value(now), "limit": limit, **LEASE_LOST}
    if not lost_leases.are_any("jobs_job", leased="state = 'executing'", now=now):
        return []
    with transaction.atomic():
        jobs = _returned(statement, parameters)
        items = [_rescued(job) for job in jobs]
        made = children.make(items, now=now)
        limits.touch([*((job.queue_id, now) for job in jobs), *made.due])
        events, deliveries = [*made.refusals], []
        for item in items:
            happened = _events_of(item)
            # The row came back with its events counted in already.
            item.job.event_count -= len(happened)
            item_events, item_deliveries = _evidence(item, _told(item, happened, made=made), now=now)
            events += item_events
            deliveries += item_deliveries
        ended = [(item.job, item.state) for item in items]
        failing_schedules.count(ended, now=now)
        held_runs.release(ended, now=now)
        watched_ends.note_watched([(job, state, LEASE_LOST["code"]) for job, state in ended], now=now)
        evidence.insert(events, deliveries)
    evidence.count_ends([JobState(job.state) for job in jobs])
    return jobs


def _rescued(job: Claimed) -> Ended:
    retry_at = job.scheduled_at if job.state == JobState.RETRYABLE else None
    return Ended(job=job, state=JobState(job.state), retry_at=retry_at, error=LEASE_LOST)
