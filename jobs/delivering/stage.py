"""Sends a batch of callbacks and webhooks as jobs.running.stage runs jobs, with retries of their own for a day."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from booper.outcomes import failures, verdict
from booper.outcomes.outcome import Failure
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.claimed_delivery import AnyDelivery
from jobs.database.due_looks import DueLooks
from jobs.delivering import receivers, traced_deliveries, transitions
from jobs.delivering.transitions import Attempted
from jobs.engine.stage import Finished, Started, Upcoming
from jobs.guarding.secrets import NoSuchSecret, Vault
from jobs.models import Delivery, DeliveryState
from jobs.outgoing import secret_filling, signing_secrets
from jobs.telemetry import counters, traces

logger = logging.getLogger(__name__)
UNCHARGED_WAIT = timedelta(seconds=5)
_ENDED_AS = {
    verdict.Kind.SUCCEED: DeliveryState.DELIVERED,
    verdict.Kind.RETRY: DeliveryState.PENDING,
    verdict.Kind.GIVE_UP: DeliveryState.FAILED,
}


new_looks = transitions.new_looks


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
        claimed = transitions.claim(worker_id, limit=limit, is_crowded=is_crowded, bounds=bounds, looks=looks, now=now)
        owners = {delivery.user_id for delivery in claimed}
        secrets = signing_secrets.signing_secrets(owners, now=now) if claimed else {}
        vaults = secret_filling.delivery_vaults(claimed)
        receivers.look_up(claimed)
        started = [
            _prepare(delivery, vault=vaults.get(delivery.user_id), secrets=secrets, now=now) for delivery in claimed
        ]
        if traces.are_on() and claimed:
            traced_deliveries.look_up(claimed)
            started = [traced_deliveries.with_header(item) for item in started]
    return started, Upcoming()


def _prepare(
    delivery: AnyDelivery, *, vault: Vault | None, secrets: Mapping[UUID, Sequence[str]], now: datetime
) -> Started:
    """One that can't be signed, as its user is gone or has a secret that is none, fails alone."""
    refusal = receivers.refusal(delivery)
    if refusal is not None:
        return Started(delivery, None, refusal)
    try:
        signed_with = secrets[delivery.user_id]
        return Started(delivery, secret_filling.of_delivery(delivery, vault=vault, signed_with=signed_with, now=now))
    except NoSuchSecret as missing:
        return Started(delivery, None, Failure("no_such_secret", str(missing)))
    except Exception as error:
        logger.exception("delivery %s can't be made ready", delivery.uuid, extra={"delivery_id": delivery.uuid})
        return Started(delivery, None, Failure("internal", f"the request could not be built: {type(error).__name__}"))


def record(worker_id: UUID, finished: Sequence[Finished], *, now: datetime) -> Upcoming:
    attempted = [decide(item, now=now) for item in finished]
    transitions.record(worker_id, attempted, now=now)
    receivers.note(
        [
            receivers.DeliveryAttempt(item.delivery, item.response_status, item.error_code, item.error_message)
            for item in attempted
            if not item.is_uncounted
        ],
        now=now,
    )
    _tell(attempted, finished)
    if traces.are_on():
        traced_deliveries.tell(attempted, finished)
    return Upcoming(deliveries=[item.retry_at for item in attempted if item.retry_at is not None])


def _tell(attempted: Sequence[Attempted], finished: Sequence[Finished]) -> None:
    """The process's log and its counts. At the level of debugging: there may be five a job, and a receiver that is down
    would fill the log; the deliveries themselves say why each failed."""
    outcomes = [_outcome(item) for item in attempted]
    counters.own.count(counters.DELIVERY_ATTEMPTS, outcomes)
    sent = [item for item in finished if item.started.request is not None]
    counters.own.observe(counters.DELIVERY_DURATION, [item.outcome.duration_ms / 1000 for item in sent])
    for item, outcome in zip(attempted, outcomes, strict=True):
        row = item.delivery
        if logger.isEnabledFor(logging.DEBUG):
            extra = {"delivery_id": row.uuid, "job_id": row.job_id, "attempt": row.attempt, "outcome": outcome}
            logger.debug("delivery %s attempt %s: %s", row.uuid, row.attempt, item.state.value, extra=extra)


def _outcome(item: Attempted) -> str:
    if item.is_silent:
        return "aborted"
    return item.error_code or counters.SUCCESS


def decide(finished: Finished, *, now: datetime) -> Attempted:
    delivery: AnyDelivery = finished.started.row
    outcome = finished.outcome
    if outcome.failure is not None and outcome.failure.code == "aborted":
        return transitions.handed_back(delivery, outcome.failure.message, now=now)
    if outcome.failure is not None and outcome.failure.code in failures.UNCHARGED:
        return Attempted(
            delivery=delivery, state=DeliveryState.PENDING, retry_at=now + UNCHARGED_WAIT, is_uncounted=True
        )
    if outcome.failure is not None and outcome.failure.code == receivers.OFF:
        reason = outcome.failure
        return Attempted(
            delivery=delivery, state=DeliveryState.FAILED, error_code=reason.code, error_message=reason.message
        )
    # One that was sent again on request has its day and its waits anew.
    attempt = delivery.attempt - (delivery.resent_after or 0)
    first_at = delivery.resent_at or delivery.inserted_at
    judged = verdict.decide_delivery(outcome, attempt=attempt, first_at=first_at, now=now)
    return Attempted(
        delivery=delivery,
        state=_ENDED_AS[judged.kind],
        retry_at=judged.retry_at,
        response_status=None if outcome.response is None else outcome.response.status,
        error_code=judged.code,
        error_message=judged.message,
    )


def rescue(*, limit: int, now: datetime) -> tuple[int, Upcoming]:
    count = transitions.rescue(limit=limit, now=now)
    return count, Upcoming(deliveries=[now]) if count else Upcoming()


def held(worker_id: UUID, ids: Sequence[int]) -> set[tuple[int, int]]:
    # Found by their ids alone, as jobs.running.stage finds jobs.
    rows = Delivery.objects.filter(id__in=ids).values_list("id", "attempt", "worker_id", "state")
    return {(row_id, attempt) for row_id, attempt, *held in rows if held == [worker_id, DeliveryState.SENDING]}


def hand_back(worker_id: UUID, *, known_ids: set[int], now: datetime) -> int:
    held = Delivery.objects.filter(worker_id=worker_id, state=DeliveryState.SENDING)
    orphans = [
        transitions.handed_back(delivery, "its claim's answer did not reach the worker", now=now)
        for delivery in held
        if delivery.id not in known_ids
    ]
    transitions.record(worker_id, orphans, now=now)
    return len(orphans)
