"""The hosts of a tenant that are parked, as they have brought failures alone: what waits for them is let go slowly."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from jobs.telemetry import counter_rows, counters, parked_hosts


@dataclass(frozen=True, slots=True)
class Parked:
    """`origin` as `https://a.example:8443/`; since when the first of the workers parks it."""

    origin: str
    since: datetime


def of_user(user_id: UUID, *, now: datetime) -> list[Parked]:
    """The hosts of one tenant that any worker parks, by origin. One query."""
    since: dict[str, float] = {}
    for row in counter_rows.read():
        if now - row.flushed_at >= parked_hosts.TOLD_WITHIN:
            continue
        for label, at in counters.by_label(row.gauges, counters.PARKED).items():
            owner, _, origin = label.partition("|")
            if owner == user_id.hex:
                since[origin] = min(at, since.get(origin, at))
    return [Parked(origin, datetime.fromtimestamp(at, UTC)) for origin, at in sorted(since.items())]


def of_url(user_id: UUID, url: str, *, now: datetime) -> Parked | None:
    """The one that a URL is at. One query."""
    return next((parked for parked in of_user(user_id, now=now) if url.startswith(parked.origin)), None)
