"""How far deleting is behind what is to be kept: read at the low end of each table, by primary key."""

import functools
import operator
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Model, Q, QuerySet

from jobs.database import row_counts
from jobs.models import Delivery, Job, LogEvent
from jobs.models.identifiers import earliest_uuid7

# So many of the lowest rows of each table are looked at to count those that should have gone.
MOST_ROWS = 10_000
# Of the lowest ids: what has not ended is passed by, so that one may be met that is to stay.
_LOOKED_AT = 200


def seconds_behind(*, now: datetime) -> Mapping[str, float]:
    """Says for how long the oldest row of each kind should have been gone; 0 where none should."""
    log_before = now - timedelta(days=settings.LOG_RETENTION_DAYS)
    jobs_before = now - timedelta(days=settings.JOB_RETENTION_DAYS)
    return {
        "log": _since(_first_log_event(), log_before),
        "deliveries": _since(_first_end(Delivery.objects.all(), "delivered_at", "failed_at"), log_before),
        "jobs": _since(_first_end(Job.objects.all(), "completed_at", "discarded_at", "cancelled_at"), jobs_before),
    }


def rows_behind(*, now: datetime) -> Mapping[str, int]:
    """Counts the rows of each kind that should have been gone, among the MOST_ROWS lowest of each."""
    log_before = now - timedelta(days=settings.LOG_RETENTION_DAYS)
    jobs_before = now - timedelta(days=settings.JOB_RETENTION_DAYS)
    return {
        "log": row_counts.up_to(LogEvent.objects.filter(id__lt=earliest_uuid7(log_before)), MOST_ROWS),
        "deliveries": _ended_before(Delivery, log_before, "delivered_at", "failed_at"),
        "jobs": _ended_before(Job, jobs_before, "completed_at", "discarded_at", "cancelled_at"),
    }


def _ended_before(model: type[Model], before: datetime, *ends: str) -> int:
    # Counted among the lowest themselves: rows whose id is one of theirs were looked for in the whole table.
    lowest: Any = model._default_manager.order_by("id").values("id", *ends)[:MOST_ROWS]
    has_ended = functools.reduce(operator.or_, (Q(**{f"{end}__lt": before}) for end in ends))
    counted: int = lowest.aggregate(count=Count("id", filter=has_ended))["count"]
    return counted


def _first_log_event() -> datetime | None:
    """The time of the log's first row by id, which is retention's order."""
    first = LogEvent.objects.order_by("id").values_list("id", flat=True).first()
    return None if first is None else datetime.fromtimestamp((first.int >> 80) / 1000, UTC)


def _first_end(rows: QuerySet[Job] | QuerySet[Delivery], *ends: str) -> datetime | None:
    lowest = rows.order_by("id").values_list(*ends)[:_LOOKED_AT]
    return min((at for row in lowest for at in row if at is not None), default=None)


def _since(moment: datetime | None, before: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (before - moment).total_seconds())
