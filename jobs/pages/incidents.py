"""The last incidents of an owner, in sentences, for /home: what was switched off, disabled, parked, suspended or fired.

Read from what is stored about each. Those that are over stay, with their end, as far as that is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID

from django.db.models import F, Q
from django.urls import reverse

from booper.content import redaction
from booper.timing import spans
from jobs.explaining.parked import Parked
from jobs.models import AlertIncident, AuditEvent, ParkedHost, Receiver, Schedule

MOST = 10
# Of the audit trail, which is in the order of time alone.
_LOOKED_THROUGH = 200
_SUSPENSIONS = {
    "user.suspended": ("Your account was suspended", "by the operator: nothing of yours started from then on."),
    "user.resumed": ("Your account was resumed", "by the operator: what had waited went on."),
}


@dataclass(frozen=True, slots=True)
class Incident:
    """`what` in bold, then `why`; the page that says more is at `url`, if there is one. `until`: of what is over."""

    at: datetime
    what: str
    why: str
    url: str = ""
    until: datetime | None = None


def of_user(user_id: UUID, parked: Sequence[Parked], *, since: datetime) -> list[Incident]:
    """At most MOST, the newest first. Five queries.

    `parked` are the hosts that are so now; others are those that were so after `since`.
    """
    hosts = _parked(user_id, parked, since=since)
    found = chain(_receivers(user_id), _schedules(user_id), _alerts(user_id), _suspensions(user_id), hosts)
    return sorted(found, key=lambda incident: incident.at, reverse=True)[:MOST]


def _receivers(user_id: UUID) -> Iterable[Incident]:
    off = Receiver.objects.filter(user_id=user_id, disabled_at__isnull=False).order_by("-disabled_at")[:MOST]
    for row in off:
        last = row.error_message or row.response_status
        why = f"was switched off, as nothing reached it{f': {last}' if last else ''}."
        if row.disabled_at is not None:
            yield Incident(row.disabled_at, row.origin, redaction.redacted_text(why), reverse("pages:deliveries"))


def _schedules(user_id: UUID) -> Iterable[Incident]:
    """Those that failed too often in a row; what an owner has paused is no incident."""
    failed = Schedule.objects.existing().filter(
        user_id=user_id, disabled_at__isnull=False, discarded_in_a_row__gte=F("disable_after")
    )
    columns = ("id", "name", "method", "url", "disabled_at", "discarded_in_a_row")
    for row in failed.only(*columns).order_by("-disabled_at")[:MOST]:
        name = row.name or f"{row.method.upper()} {redaction.redacted_url(row.url)}"
        why = f"was disabled after {row.discarded_in_a_row} runs in a row that were discarded."
        if row.disabled_at is not None:
            yield Incident(row.disabled_at, name, why, reverse("pages:schedule", args=[row.id]))


def _alerts(user_id: UUID) -> Iterable[Incident]:
    fired = AlertIncident.objects.filter(user_id=user_id, is_test=False).select_related("alert")
    for row in fired.order_by("-id")[:MOST]:
        until = "; it goes on" if row.until is None else "; it is over"
        why = f"fired: {row.fired.get('summary', '')}{until}."
        yield Incident(
            row.since,
            row.alert.name,
            redaction.redacted_text(why),
            reverse("pages:alert", args=[row.alert_id]),
            row.until,
        )


def _suspensions(user_id: UUID) -> Iterable[Incident]:
    trail = AuditEvent.objects.filter(user_id=user_id).order_by("-id").values_list("at", "action")
    for at, action in trail[:_LOOKED_THROUGH]:
        if action in _SUSPENSIONS:
            yield Incident(at, *_SUSPENSIONS[action])


def _parked(user_id: UUID, parked: Sequence[Parked], *, since: datetime) -> Iterable[Incident]:
    """What workers say now is newer than what beat has written down of it."""
    now = {each.origin: each.since for each in parked}
    kept = ParkedHost.objects.filter(Q(until__isnull=True) | Q(until__gte=since), user_id=user_id)
    for row in kept.order_by("-since")[:MOST]:
        if row.until is not None or row.origin not in now:
            lasted = f" for {spans.span(row.until - row.since)}" if row.until else ""
            said = f"brought failures alone{lasted}: what waited for it was let go slowly."
            yield _of_host(row.origin, row.since, said, row.until)
    why = "brings failures alone: what waits for it is let go slowly until it answers again."
    for origin, began in now.items():
        yield _of_host(origin, began, why)


def _of_host(origin: str, since: datetime, why: str, until: datetime | None = None) -> Incident:
    host = origin.partition("://")[2].strip("/")
    return Incident(since, host, why, f"{reverse('pages:jobs')}?q=host:{host}", until)
