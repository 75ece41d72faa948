"""When a job is not worth starting any more: what `expires_in` and `expires_at` come to for one that is due then."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from booper.timing import durations, recurrence

FIELDS = ("expires_in", "expires_at")


def moment(args: Mapping[str, Any], *, due_at: datetime, now: datetime) -> datetime | None:
    """The moment, in UTC; None for a job that does not expire. `args` are what a client sent, and were judged once."""
    wait, at = args.get("expires_in"), args.get("expires_at")
    if wait is None and at is None:
        return None
    zone_name = args.get("timezone")
    zone = UTC if zone_name is None else recurrence.zone_named(zone_name)
    if wait is not None:
        return durations.parse(wait).after(due_at, zone=zone)
    return durations.parse_moment(at, now=now, zone=zone)
