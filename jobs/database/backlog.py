"""How far deleting is behind what is to be kept: read at the low end of each table, by primary key."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from jobs.models import Delivery, Job, LogEvent

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


def _first_log_event() -> datetime | None:
    """The time of the log's first row by id, which is retention's order."""
    first = LogEvent.objects.order_by("id").values_list("id", flat=True).first()
    return None if first is None else datetime.fromtimestamp((first.int >> 80) / 1000, UTC)


def _first_end(rows: QuerySet[Job] | QuerySet[Delivery], *ends: str) -> datetime | None:
    lowest = rows.order_by("id").values_list(*ends)[:_LOOKED_AT]
    return min((at for row in lowest for at in row if at is not None), default=None)


def _since(moment: datetime | None, before: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (before - moment).total_seconds())
