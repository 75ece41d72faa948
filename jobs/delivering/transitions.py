"""Every write of a delivery's state, the same way as jobs.running.transitions does it for jobs."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from booper.outcomes import hand_backs
from booper.timing.timestamps import timestamp
from jobs.database import claimed_delivery, event_log, lost_leases, lower_bounds, sql
from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.claimed_delivery import AnyDelivery, ClaimedDelivery
from jobs.database.due_looks import DueLooks
from jobs.database.event_log import Entry
from jobs.database.lower_bounds import Mark
from jobs.guarding import suspension
from jobs.models import Delivery, DeliveryState, EventType

# A day has room for 17,280 more, one each five seconds, and the column for 32,767: one that is beyond that can't be
# claimed, nor can those that are claimed with it.
MOST_ATTEMPTS = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """How one attempt at a delivery ended.

    `is_uncounted`: nothing came of it, and it is none. `is_handed_back`: that was as it was broken off, which counts
    by itself.
    """

    delivery: AnyDelivery
    state: DeliveryState
    retry_at: datetime | None = None
    response_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    is_uncounted: bool = False
    is_handed_back: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether it leaves nothing in the log: it waits as before."""
        return self.is_uncounted and self.state == DeliveryState.PENDING


def handed_back(delivery: AnyDelivery, why: str, *, now: datetime) -> Attempted:
    """An attempt without an outcome, for the reason `why`: due again at once, unless that was so too often."""
    if not hand_backs.is_too_often(delivery.handed_back):
        return Attempted(
            delivery=delivery, state=DeliveryState.PENDING, retry_at=now, is_uncounted=True, is_handed_back=True
        )
    error = hand_backs.reason(why)
    return Attempted(
        delivery=delivery,
        state=DeliveryState.FAILED,
        error_code=error["code"],
        error_message=error["message"],
        is_uncounted=True,
        is_handed_back=True,
    )


_CLAIM = f"""
UPDATE jobs_delivery
SET state = 'sending', worker_id = %(worker)s, attempt = attempt + 1, attempted_at = %(now)s
WHERE id {{chosen}} AND {sql.guard("state", "pending")}
RETURNING {{columns}}
"""
_WAITING = "state = 'pending'"


def new_looks() -> DueLooks:
    """What a worker remembers of its claims, to be given to each of them."""
    return DueLooks(table="jobs_delivery", waiting=_WAITING, due_at="due_at")


def claim(
    worker_id: UUID,
    *,
    limit: int,
    is_crowded: bool = False,
    bounds: ClaimBounds = NONE,
    looks: DueLooks | None = None,
    now: datetime,
) -> list[ClaimedDelivery]:
    """pending -> sending, under the lease of `worker_id`: the `limit` that are due the longest.

    If it `is_crowded`, more being due than fits, each tenant with something due gets an equal share instead: a
    receiver that is down, and lets each of a million wait, holds up nobody else's. None gets more than its `bounds`
    leave it.
    """
    looks = looks or new_looks()
    chosen = looks.chosen(limit, is_crowded=is_crowded, without=suspension.held().users, bounds=bounds, now=now)
    if not chosen:
        return []
    selects, parameters = lower_bounds.selects(
        chosen, table="jobs_delivery", waiting=_WAITING, due_at="due_at", within="AND user_id = '{key}'", now=now
    )
    parameters["worker"] = sql.uuid_value(worker_id)
    began = time.monotonic()
    statement = _CLAIM.format(chosen=sql.chosen(*selects), columns=claimed_delivery.columns())
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        claimed = [claimed_delivery.from_row(row) for row in cursor.fetchall()]
    found = [(delivery.user_id.hex, Mark(delivery.due_at, delivery.id)) for delivery in claimed]
    looks.note(chosen, found, seconds=time.monotonic() - began, now=now)
    return sorted(claimed, key=lambda delivery: (delivery.due_at, delivery.id))


_RECORD = """
UPDATE jobs_delivery {by_id}
SET state = v.state, worker_id = NULL, attempt = jobs_delivery.attempt - v.uncounted,
    handed_back = jobs_delivery.handed_back + v.handed_back,
    due_at = CASE WHEN v.state = 'pending' THEN v.retry_at ELSE due_at END,
    delivered_at = CASE WHEN v.state = 'delivered' THEN {now} END,
    failed_at = CASE WHEN v.state = 'failed' THEN {now} END,
    response_status = v.response_status, error_code = v.error_code, error_message = v.error_message
FROM ({rows}) AS v
WHERE jobs_delivery.id = v.id AND jobs_delivery.attempt = v.attempt
    AND {guard} AND jobs_delivery.worker_id = %(worker)s
RETURNING jobs_delivery.id
"""


def record(worker_id: UUID, attempted: Sequence[Attempted], *, now: datetime) -> None:
    """sending -> delivered | pending | failed, for attempts of `worker_id`, all in one transaction."""
    source = sql.rows(
        id="bigint",
        attempt="int",
        state="text",
        retry_at="timestamptz",
        uncounted="int",
        handed_back="int",
        response_status="smallint",
        error_code="text",
        error_message="text",
    )
    rows = sql.json_parameter([_row(item) for item in attempted])
    guard = sql.guard("jobs_delivery.state", "sending")
    statement = _RECORD.format(rows=source, now=sql.null_time(), by_id=sql.by_id_alone(), guard=guard)
    parameters = {"rows": rows, "worker": sql.uuid_value(worker_id), "now": sql.time_value(now)}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            won = {row[0] for row in cursor.fetchall()}
        event_log.append(
            _events([item for item in attempted if item.delivery.id in won and not item.is_silent], now=now)
        )


def _row(item: Attempted) -> dict[str, object]:
    return {
        "id": item.delivery.id,
        "attempt": item.delivery.attempt,
        "state": item.state.value,
        "retry_at": None if item.retry_at is None else sql.time_text(item.retry_at),
        "uncounted": int(item.is_uncounted),
        "handed_back": int(item.is_handed_back),
        "response_status": item.response_status,
        "error_code": item.error_code,
        "error_message": item.error_message,
    }


def _events(items: Iterable[Attempted], *, now: datetime) -> list[Entry]:
    """The log is one of jobs: what came of an alert's is shown by its incident alone."""
    return [_event(item, item.delivery.job_id, now) for item in items if item.delivery.job_id is not None]


def _event(item: Attempted, job_id: int, now: datetime) -> Entry:
    delivery = item.delivery
    is_delivered = item.state == DeliveryState.DELIVERED
    return event_log.entry(
        event=EventType.DELIVERY_SENT if is_delivered else EventType.DELIVERY_FAILED,
        now=now,
        job_id=job_id,
        user_id=delivery.user_id,
        payload={
            "id": str(delivery.uuid),
            "kind": delivery.kind,
            "event": delivery.event,
            "sequence": delivery.sequence,
            "url": delivery.url,
            "attempt": delivery.attempt,
            "status": item.response_status,
            "error": None if is_delivered else {"code": item.error_code, "message": item.error_message},
            "retry_at": None if item.retry_at is None else timestamp(item.retry_at),
        },
    )


def resend(delivery: Delivery, *, now: datetime) -> Delivery | None:
    """delivered | failed -> pending, due now, for another day; same body, same webhook-id.

    None from another state, or after MOST_ATTEMPTS.
    """
    won = resend_locked([delivery.id], now=now)
    return Delivery.objects.get(id=delivery.id) if won else None


def resend_locked(ids: Sequence[int], *, now: datetime) -> int:
    """The same for those of `ids` that it may be done to. Answers how many."""
    ended = Delivery.objects.filter(id__in=ids, state__in=(DeliveryState.DELIVERED, DeliveryState.FAILED))
    return ended.filter(attempt__lt=MOST_ATTEMPTS).update(
        state=DeliveryState.PENDING,
        due_at=now,
        resent_at=now,
        resent_after=F("attempt"),
        handed_back=0,
        delivered_at=None,
        failed_at=None,
    )


_RESCUE = f"""
UPDATE jobs_delivery
SET state = CASE WHEN handed_back >= %(most)s THEN 'failed' ELSE 'pending' END,
    worker_id = NULL, handed_back = handed_back + 1,
    due_at = CASE WHEN handed_back >= %(most)s THEN due_at ELSE %(now)s END,
    failed_at = CASE WHEN handed_back >= %(most)s THEN {{now}} END,
    error_code = CASE WHEN handed_back >= %(most)s THEN %(code)s ELSE error_code END,
    error_message = CASE WHEN handed_back >= %(most)s THEN %(message)s ELSE error_message END
WHERE id {{chosen}} AND {sql.guard("state", "sending")}
RETURNING *
"""
_LEASE_LOST = """
SELECT id FROM jobs_delivery
WHERE state = 'sending' AND NOT EXISTS (
    SELECT 1 FROM jobs_process WHERE jobs_process.id = jobs_delivery.worker_id AND lease_expires_at > %(now)s
)
ORDER BY id LIMIT %(limit)s
"""


def rescue(*, limit: int, now: datetime) -> int:
    """sending -> pending | failed, where the lease has run out. Answers how many.

    It counts as handed back, so that one which kills its worker fails in the end instead of killing each in turn.
    """
    if not lost_leases.are_any("jobs_delivery", leased="state = 'sending'", now=now):
        return 0
    given_up = hand_backs.reason("the worker that had it in hand is gone")
    parameters = {"now": sql.time_value(now), "limit": limit, "most": hand_backs.MOST_HAND_BACKS, **given_up}
    statement = _RESCUE.format(chosen=sql.chosen(_LEASE_LOST), now=sql.null_time())
    with transaction.atomic():
        rescued = list(Delivery.objects.raw(statement, parameters))
        failed = [delivery for delivery in rescued if delivery.state == DeliveryState.FAILED]
        event_log.append(_events(map(_lost, failed), now=now))
    return len(rescued)


def _lost(delivery: Delivery) -> Attempted:
    return Attempted(
        delivery=delivery,
        state=DeliveryState.FAILED,
        error_code=delivery.error_code,
        error_message=delivery.error_message,
    )
