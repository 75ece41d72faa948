"""Runs a batch of jobs: claim, render, (the engine sends,) decide, record."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import transaction

from booper.content import secret_references
from booper.content.reading import Reading
from booper.outcomes import expectations, failures, verdict
from booper.outcomes.expectations import Said
from booper.outcomes.outcome import Failure, Response
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.claimed_job import AnyJob, Claimed
from jobs.database.due_looks import DueLooks
from jobs.engine.stage import Finished, Started, Upcoming
from jobs.guarding import places
from jobs.guarding.secrets import NoSuchSecret, Vault
from jobs.models import Job, JobState, Schedule
from jobs.outgoing import secret_filling, shown_response, signing_secrets
from jobs.running import attempts, traced_attempts
from jobs.running.ended import CANCELLED, BrokenOff, Ended, handed_back
from jobs.telemetry import busiest, counters, log_records, spans, traces

logger = logging.getLogger(__name__)
_ENDED_AS = {
    verdict.Kind.SUCCEED: JobState.COMPLETED,
    verdict.Kind.RETRY: JobState.RETRYABLE,
    verdict.Kind.GIVE_UP: JobState.DISCARDED,
}
CLAIM_LOST = {"code": "claim_lost", "message": "the claim was made, but its answer did not reach the worker"}
UNCHARGED_WAIT = timedelta(seconds=5)
# Each has its number all the same, and the column has room for 32,767.
_MOST_UNCHARGED = 10_000
BROKEN_OFF = {"code": "worker_stopped", "message": "the worker was stopped or suspended before the target had answered"}
UNWANTED = {"code": CANCELLED, "message": "the job was cancelled or erased while its request was on the wire"}


new_looks = attempts.new_looks


def is_due(*, looks: DueLooks | None = None, now: datetime) -> bool:
    return (looks or new_looks()).finds_any(now=now)


def claim(
    worker_id: UUID,
    *,
    limit: int,
    is_crowded: bool,
    bounds: ClaimBounds = NONE,
    looks: DueLooks | None = None,
    now: datetime,
) -> tuple[list[Started], Upcoming]:
    with transaction.atomic():
        jobs = attempts.claim(worker_id, limit=limit, is_crowded=is_crowded, bounds=bounds, looks=looks, now=now)
        started = start(jobs, now=now)
    return started, Upcoming(deliveries=[now] if any(job.webhook_url for job in jobs) else [])


def start(jobs: Sequence[Claimed], *, now: datetime) -> list[Started]:
    """Renders the requests of jobs just claimed, and logs them, in the transaction of the claim."""
    if not jobs:
        return []
    signed_with = signing_secrets.signing_secrets({job.user_id for job in jobs}, now=now)
    vaults = secret_filling.vaults(jobs)
    schedule_ids = {job.schedule_id for job in jobs if job.schedule_id is not None}
    schedules = Schedule.objects.in_bulk(schedule_ids) if schedule_ids else {}
    prepared = [
        prepare(
            job,
            vault=vaults.get(job.user_id),
            schedule=schedules.get(job.schedule_id),
            signed_with=signed_with[job.user_id],
            now=now,
        )
        for job in jobs
    ]
    if traces.are_on():
        prepared = [(traced_attempts.with_header(item, shown), shown) for item, shown in prepared]
        traced_attempts.note_lateness(jobs, now=now)
    attempts.log_starts([(item.row, shown) for item, shown in prepared], now=now)
    # A queue's job may wait for its place on purpose: that is not late.
    late = [(now - job.scheduled_at).total_seconds() for job in jobs if job.queue_id is None]
    counters.own.observe(counters.LATENESS, late)
    return [item for item, _ in prepared]


def prepare(
    job: Claimed, *, vault: Vault | None, schedule: Schedule | None, signed_with: Sequence[str], now: datetime
) -> tuple[Started, dict[str, Any]]:
    """The attempt, and what the log shows of its request. A job that can't be rendered fails alone."""
    try:
        filled = secret_filling.of_job(job, vault=vault, schedule=schedule, signed_with=signed_with, now=now)
    except NoSuchSecret as missing:
        return Started(job, None, Failure("no_such_secret", str(missing))), {"method": job.method, "url": job.url}
    except Exception as error:
        logger.exception("job %s can't be rendered", job.id, extra=_log_fields(job))
        why = str(secret_references.hidden(str(error), [known.value for known in (vault or {}).values()]))
        failure = Failure("invalid_request", f"the request could not be built: {why}")
        return Started(job, None, failure), {"method": job.method, "url": job.url}
    return Started(job, filled.request, secrets=filled.secrets), filled.shown


def record(worker_id: UUID, finished: Sequence[Finished], *, now: datetime) -> Upcoming:
    ended = [decide(item, now=now) for item in finished]
    has_deliveries = attempts.record(worker_id, ended, now=now)
    _tell(ended, finished)
    if traces.are_on():
        traced_attempts.tell(ended, finished)
    return Upcoming(
        jobs=[item.retry_at for item in ended if item.retry_at is not None and item.job.queue_id is None],
        # A place is free, or a job is due again: either way the queue is to be looked at.
        queues=[now] if any(item.job.queue_id is not None for item in ended) else [],
        deliveries=[now] if has_deliveries else [],
    )


def _tell(ended: Sequence[Ended], finished: Sequence[Finished]) -> None:
    """The process's log and its counts."""
    outcomes = [counters.SUCCESS if item.error is None else str(item.error["code"]) for item in ended]
    counters.own.count(counters.ATTEMPTS, outcomes)
    counters.own.observe(counters.REQUEST_DURATION, [item.outcome.duration_ms / 1000 for item in finished])
    busiest.hosts.note([(item.job.user_id, _host(places.origin(item.job.url)), item.error is None) for item in ended])
    busiest.queues.note(
        [(item.job.user_id, str(item.job.queue_id), item.error is None) for item in ended if item.job.queue_id]
    )
    lines = [
        (
            f"job {item.job.id} attempt {item.job.attempt}: {item.state.value}",
            _log_fields(item.job) | {"outcome": outcome},
        )
        for item, outcome in zip(ended, outcomes, strict=True)
    ]
    log_records.log_each(logger, logging.INFO, lines)


@lru_cache(maxsize=256)
def _host(origin: str) -> str:
    """The host and port that the origin of a URL names, as it stands there."""
    return origin.partition("://")[2].rpartition("@")[2].rstrip("/")


def _log_fields(job: AnyJob) -> dict[str, Any]:
    return {"job_id": job.id, "attempt": job.attempt, "schedule_id": job.schedule_id}


def decide(finished: Finished, *, now: datetime) -> Ended:
    job: AnyJob = finished.started.row
    outcome = finished.outcome
    if outcome.failure is not None and outcome.failure.code == "aborted":
        came = _shown(finished, outcome.came, _said(finished, outcome.came))
        broken_off = BrokenOff(outcome.failure.message, came)
        if finished.is_unwanted:
            return Ended(job=job, state=JobState.CANCELLED, error=UNWANTED, broken_off=broken_off)
        return handed_back(job, BROKEN_OFF, broken_off=broken_off, now=now)
    if outcome.failure is not None and outcome.failure.code in failures.UNCHARGED and job.attempt < _MOST_UNCHARGED:
        waited = {"code": outcome.failure.code, "message": outcome.failure.message}
        return Ended(job=job, state=JobState.RETRYABLE, retry_at=now + UNCHARGED_WAIT, error=waited, is_forgiven=True)
    said = _said(finished, outcome.response)
    success_when = job.args.get("success_when")
    judged = verdict.decide(
        outcome,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        backoff_seconds=job.backoff_seconds,
        now=now,
        expectation=None if success_when is None else expectations.of(success_when),
        said=verdict.NOTHING_SAID if said is None else Said(said.value, said.is_json, said.text),
    )
    error = None if judged.code is None else {"code": judged.code, "message": judged.message}
    return Ended(
        job=job,
        state=_ENDED_AS[judged.kind],
        retry_at=judged.retry_at,
        response=_shown(finished, outcome.response, said),
        is_json=said is not None and said.is_json,
        error=secret_references.hidden(error, finished.started.secrets),
        wishes=judged.wishes,
        times_ms=outcome.times_ms,
    )


def _said(finished: Finished, response: Response | None) -> Reading | None:
    return None if response is None else shown_response.read(response, secrets=finished.started.secrets)


def _shown(finished: Finished, response: Response | None, said: Reading | None) -> dict[str, Any] | None:
    """What is shown of a response, whose body `said` that, without what is to be hidden."""
    if response is None or said is None:
        return None
    shown = shown_response.shown_response(response, said, duration_ms=finished.outcome.duration_ms)
    hidden: dict[str, Any] = secret_references.hidden(shown, finished.started.secrets)
    return hidden


def rescue(*, limit: int, now: datetime) -> tuple[int, Upcoming]:
    rescued = attempts.rescue(limit=limit, now=now)
    counters.own.count(counters.ATTEMPTS, [counters.LEASE_LOST] * len(rescued))
    if traces.are_on():
        spans.send(traces.attempt(job, None, counters.LEASE_LOST) for job in rescued)
    for job in rescued:
        extra = _log_fields(job)
        logger.warning("job %s attempt %s: its worker is gone, now %s", job.id, job.attempt, job.state, extra=extra)
    return len(rescued), Upcoming(jobs=[now], queues=[now], deliveries=[now]) if rescued else Upcoming()


def held(worker_id: UUID, ids: Sequence[int]) -> set[tuple[int, int]]:
    # Found by their ids alone: under an old snapshot the index of what is executing has all that the worker ever had.
    rows = Job.objects.filter(id__in=ids).values_list("id", "attempt", "worker_id", "state")
    return {(job_id, attempt) for job_id, attempt, *held in rows if held == [worker_id, JobState.EXECUTING]}


def hand_back(worker_id: UUID, *, known_ids: set[int], in_queues: bool = False, now: datetime) -> int:
    held = Job.objects.filter(worker_id=worker_id, state=JobState.EXECUTING, queue__isnull=not in_queues)
    orphans = [job for job in held if job.id not in known_ids]
    ended = [handed_back(job, CLAIM_LOST, now=now) for job in orphans]
    attempts.record(worker_id, ended, now=now)
    return len(ended)
