"""Receivers that fail: noted when they begin to, switched off after five days of nothing else, on again by one call.

A receiver is a server of one user's: scheme, host and port. It is switched off only when no delivery at all has reached
it, so one dead path among others that work does not count. While all goes well, nothing is written.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from booper.outcomes import failures
from booper.outcomes.outcome import Failure
from booper.timing.timestamps import timestamp
from jobs.database import sql
from jobs.database.claimed_delivery import AnyDelivery
from jobs.models import Receiver
from jobs.models.identifiers import uuid7
from jobs.models.receiver import origin_of

logger = logging.getLogger(__name__)

OFF_AFTER = timedelta(days=5)
# Two failures that are further apart than this are no one failure that lasts: nothing was tried in between.
_SILENCE = timedelta(days=2)
# A receiver that is down fails hundreds of times a minute; once a minute is enough to know it by.
_NOTED_EVERY = timedelta(minutes=1)
OFF = "receiver_off"
# Of these the receiver knows nothing.
_NOT_ITS_FAULT = frozenset({OFF, "internal", failures.PROXY_FAILED})

_Key = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """What came of one attempt at a delivery; `error_code` is None where it went well."""

    delivery: AnyDelivery
    response_status: int | None
    error_code: str | None
    error_message: str | None


def look_up(deliveries: Sequence[AnyDelivery]) -> None:
    """Sets `receiver` of each delivery whose receiver ever failed. One query, whatever they are."""
    if not deliveries:
        return
    users, origins = {delivery.user_id for delivery in deliveries}, {origin_of(delivery.url) for delivery in deliveries}
    found = {(row.user_id, row.origin): row for row in Receiver.objects.filter(user__in=users, origin__in=origins)}
    for delivery in deliveries:
        delivery.receiver = found.get(_key_of(delivery))


def refusal(delivery: AnyDelivery) -> Failure | None:
    """Why the delivery is not to be sent: its receiver was off when it was looked up."""
    receiver = delivery.receiver
    if receiver is None or receiver.disabled_at is None or receiver.failing_since is None:
        return None
    return Failure(
        OFF,
        f"{receiver.origin} was switched off at {timestamp(receiver.disabled_at)}, as nothing has reached it since "
        f"{timestamp(receiver.failing_since)} ({receiver.error_message}): "
        f"POST /api/receivers/{receiver.id}/enable switches it on",
    )


def note(attempts: Iterable[DeliveryAttempt], *, now: datetime) -> None:
    """Writes which receivers began to fail, failed on for too long, or work again. No query where there is no news."""
    reached: dict[_Key, Receiver | None] = {}
    failed: dict[_Key, DeliveryAttempt] = {}
    for attempt in attempts:
        if attempt.error_code is None:
            reached[_key_of(attempt.delivery)] = attempt.delivery.receiver
        elif attempt.error_code not in _NOT_ITS_FAULT:
            failed[_key_of(attempt.delivery)] = attempt
    recovered = [row.id for row in reached.values() if row is not None and row.failing_since is not None]
    if recovered:
        Receiver.objects.failing().filter(id__in=recovered).update(failing_since=None, disabled_at=None)
    news = {key: item for key, item in failed.items() if key not in reached and _is_news(item.delivery.receiver, now)}
    if news:
        _write(news, now=now)


def enable(receiver: Receiver) -> Receiver:
    """Switches it on, if it is off, and has its five days begin anew."""
    Receiver.objects.filter(id=receiver.id).update(failing_since=None, disabled_at=None)
    return Receiver.objects.get(id=receiver.id)


def _is_news(known: Receiver | None, now: datetime) -> bool:
    if known is None or known.failing_since is None:
        return True
    is_due_to_end = known.disabled_at is None and now - known.failing_since >= OFF_AFTER
    return is_due_to_end or now - known.last_failed_at >= _NOTED_EVERY


# An existing row's last_failed_at is still that of the failure before.
_WRITE = """
INSERT INTO jobs_receiver
    (id, user_id, origin, failing_since, last_failed_at, response_status, error_code, error_message)
SELECT id, user_id, origin, failed_at, failed_at, response_status, error_code, error_message FROM ({rows}) AS r
WHERE true ORDER BY user_id, origin
ON CONFLICT (user_id, origin) DO UPDATE SET
    failing_since = CASE
        WHEN jobs_receiver.failing_since IS NULL THEN excluded.failing_since
        WHEN jobs_receiver.disabled_at IS NULL AND jobs_receiver.last_failed_at < %(silent_since)s
            THEN excluded.failing_since
        ELSE jobs_receiver.failing_since
    END,
    disabled_at = CASE
        WHEN jobs_receiver.disabled_at IS NOT NULL THEN jobs_receiver.disabled_at
        WHEN jobs_receiver.failing_since <= %(off_since)s AND jobs_receiver.last_failed_at >= %(silent_since)s
            THEN excluded.last_failed_at
    END,
    last_failed_at = excluded.last_failed_at, response_status = excluded.response_status,
    error_code = excluded.error_code, error_message = excluded.error_message
RETURNING origin, user_id, disabled_at = last_failed_at
"""


def _write(failed: Mapping[_Key, DeliveryAttempt], *, now: datetime) -> None:
    values = [
        {
            "id": uuid7().hex,
            "user_id": user_id.hex,
            "origin": origin,
            "failed_at": sql.time_text(now),
            "response_status": attempt.response_status,
            "error_code": attempt.error_code,
            "error_message": attempt.error_message,
        }
        for (user_id, origin), attempt in failed.items()
    ]
    source = sql.rows(
        id="uuid",
        user_id="uuid",
        origin="text",
        failed_at="timestamptz",
        response_status="smallint",
        error_code="text",
        error_message="text",
    )
    parameters = {
        "rows": sql.json_parameter(values),
        "silent_since": sql.time_value(now - _SILENCE),
        "off_since": sql.time_value(now - OFF_AFTER),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITE.format(rows=source), parameters)
        for origin, user_id, is_off_now in cursor.fetchall():
            if is_off_now:
                extra = {"user_id": user_id}
                logger.warning("%s has failed for %d days and is switched off", origin, OFF_AFTER.days, extra=extra)


def _key_of(delivery: AnyDelivery) -> _Key:
    return delivery.user_id, origin_of(delivery.url)
