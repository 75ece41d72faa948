"""What a job that follows another one asks for: the columns of its row, out of the fields that were judged once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from booper.timing import durations, recurrence
from jobs.guarding import allowed_targets
from jobs.models import tags


def columns(args: Mapping[str, Any]) -> dict[str, Any]:
    """Without its queue. Raises ValueError for what is not taken any more: a target that an operator has forbidden."""
    return {
        "args": dict(args),
        "method": str(args.get("method") or "get").lower(),
        "url": _target(args["url"]),
        "name": args.get("name"),
        "description": args.get("description"),
        "callback_url": _target(args.get("callback_url")),
        "webhook_url": _target(args.get("webhook_url")),
        # Forms send numbers as text.
        "timeout_seconds": float(args.get("timeout") or settings.DEFAULT_TIMEOUT_SECONDS),
        "max_attempts": int(float(args.get("max_attempts") or settings.DEFAULT_MAX_ATTEMPTS)),
        "backoff_seconds": _backoff_seconds(args.get("backoff")),
        "tags": tags.packed(args.get("tags") or ()),
    }


def due_at(args: Mapping[str, Any], *, now: datetime) -> datetime:
    """When it is due if the job before it has ended now."""
    wait = args.get("schedule_in")
    if wait is None:
        return now
    zone_name = args.get("timezone")
    return durations.parse(wait).after(now, zone=UTC if zone_name is None else recurrence.zone_named(zone_name))


def _target(value: Any) -> str | None:
    return None if value is None else allowed_targets.target(value).url


def _backoff_seconds(waits: Any) -> list[float] | None:
    return None if waits is None else [float(durations.parse(wait).nominal_seconds) for wait in waits]
