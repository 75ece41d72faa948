"""Keeps when hosts were parked, out of what workers tell every few seconds: no worker writes anything for it.

A host that is parked again soon after it was released has one time of it, not many.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Count

from jobs.models import ParkedHost
from jobs.models.parked_host import LONGEST_ORIGIN
from jobs.telemetry import counter_rows, counters

# Workers tell it each few seconds; one that has not for so long is gone.
TOLD_WITHIN = timedelta(seconds=30)
# What begins so soon after the last time is its continuation.
_AGAIN_WITHIN = timedelta(minutes=10)
# Of one tenant, who might name ever new hosts.
_MOST_KEPT = 500
Host = tuple[UUID, str]
"""A tenant, and the origin."""


@dataclass(frozen=True, slots=True)
class _Told:
    """`until` is None while any worker parks it."""

    since: datetime
    until: datetime | None


def keep(*, now: datetime) -> None:
    """Writes what has begun and what is over since the last look. Two queries where nothing is parked."""
    told = _told(now=now)
    lasting = {(row.user_id, row.origin): row for row in ParkedHost.objects.filter(until__isnull=True)}
    for host, row in lasting.items():
        found = told.get(host)
        if found is None or found.until is not None:
            until = now if found is None or found.until is None else found.until
            ParkedHost.objects.filter(id=row.id, until__isnull=True).update(until=max(until, row.since))
    if new := {host: found for host, found in told.items() if host not in lasting}:
        _begin(new)


def _told(*, now: datetime) -> Mapping[Host, _Told]:
    """The hosts that any worker parks, and those that it has released within the last minute."""
    told: dict[Host, _Told] = {}
    for row in counter_rows.read():
        if now - row.flushed_at >= TOLD_WITHIN:
            continue
        for label, at in counters.by_label(row.gauges, counters.PARKED).items():
            owner, _, origin = label.partition("|")
            _add(told, (UUID(owner), origin[:LONGEST_ORIGIN]), _Told(_moment(at), None))
        for label, at in counters.by_label(row.gauges, counters.RELEASED).items():
            owner, since, origin = label.split("|", 2)
            _add(told, (UUID(owner), origin[:LONGEST_ORIGIN]), _Told(_moment(float(since)), _moment(at)))
    return told


def _add(told: dict[Host, _Told], host: Host, found: _Told) -> None:
    before = told.get(host, found)
    ends = [each.until for each in (before, found)]
    until = None if None in ends else max(end for end in ends if end is not None)
    told[host] = _Told(min(before.since, found.since), until)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _begin(new: Mapping[Host, _Told]) -> None:
    latest = _latest(new)
    counts = _counts({user_id for user_id, _ in new})
    rows = []
    for (user_id, origin), found in new.items():
        before = latest.get((user_id, origin))
        if before is not None and before.until is not None and found.since <= before.until + _AGAIN_WITHIN:
            if found.until is None or found.until > before.until:
                ParkedHost.objects.filter(id=before.id, until=before.until).update(until=found.until)
        elif counts.get(user_id, 0) < _MOST_KEPT:
            counts[user_id] = counts.get(user_id, 0) + 1
            rows.append(ParkedHost(user_id=user_id, origin=origin, since=found.since, until=found.until))
    ParkedHost.objects.bulk_create(rows, ignore_conflicts=True)


def _latest(hosts: Iterable[Host]) -> Mapping[Host, ParkedHost]:
    """The last time of each, if there was one."""
    wanted = set(hosts)
    rows = ParkedHost.objects.filter(
        user_id__in={user_id for user_id, _ in wanted}, origin__in={origin for _, origin in wanted}
    )
    return {host: row for row in rows.order_by("since") if (host := (row.user_id, row.origin)) in wanted}


def _counts(user_ids: Iterable[UUID]) -> dict[UUID, int]:
    groups = ParkedHost.objects.filter(user_id__in=list(user_ids)).order_by().values_list("user_id")
    return dict(groups.annotate(Count("id")))
