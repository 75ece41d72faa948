"""Makes, changes, tests and deletes alerts; each under the lock that who judges them holds too."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from jobs.alerting import changes, messages, watches
from jobs.alerting.incidents import Incidents
from jobs.guarding import audit, limits, stocks
from jobs.models import Alert, AlertIncident

# Of one alert in a minute: each goes to ten addresses of others.
MOST_TESTS = 10
_TESTS_WITHIN = timedelta(minutes=1)


class NameTaken(Exception):
    """409: another alert of this user has the name."""


class TooManyTests(Exception):
    """409: it was tested just now, often enough."""


def create(user_id: UUID, fields: Mapping[str, Any], *, actor: str, now: datetime) -> Alert:
    """Raises NameTaken and LimitReached. `fields` are name, when, of, to and mute_for."""
    with transaction.atomic():
        watches.hold(user_id, now=now)
        stocks.require_room(limits.ALERTS, Alert.objects.filter(user_id=user_id), user_id=user_id)
        _require_free(user_id, fields["name"])
        alert = Alert.objects.create(user_id=user_id, inserted_at=now, updated_at=now, watched_from=now, **fields)
        watches.judge_soon(user_id, now=now)
        audit.note("alert.created", user_id=user_id, actor=actor, now=now, name=alert.name)
    return alert


def edit(alert: Alert, fields: Mapping[str, Any], *, actor: str, now: datetime) -> tuple[Alert, bool] | None:
    """The alert with the `fields` that differ, and whether there is anything to tell. None if it is gone.

    Another `when` or `of` is another alert: it counts from now on, and what fires is over. Raises NameTaken.
    """
    with transaction.atomic():
        watches.hold(alert.user_id, now=now)
        before = Alert.objects.filter(id=alert.id).first()
        if before is None:
            watches.drop_if_idle(alert.user_id)
            return None
        wanted = {name: value for name, value in fields.items() if getattr(before, name) != value}
        if not wanted:
            return before, False
        if "name" in wanted:
            _require_free(alert.user_id, wanted["name"])
        is_another = bool({"when", "of"} & wanted.keys())
        has_told = is_another and _end_all(before, "the alert was changed", now=now)
        if is_another:
            wanted |= {"watched_from": now, "memory": {}}
        Alert.objects.filter(id=alert.id).update(**wanted, updated_at=now, version=F("version") + 1)
        watches.judge_soon(alert.user_id, now=now)
        audit.note(
            "alert.changed", user_id=alert.user_id, actor=actor, now=now, name=before.name, fields=sorted(fields)
        )
        return Alert.objects.get(id=alert.id), has_told


def delete(alert: Alert, *, actor: str, now: datetime) -> bool:
    """Deletes it with its incidents; those that fire are said to be over. Whether there is anything to tell."""
    with transaction.atomic():
        watches.hold(alert.user_id, now=now)
        has_told = _end_all(alert, "the alert was deleted", now=now)
        AlertIncident.objects.filter(alert_id=alert.id)._raw_delete("default")
        Alert.objects.filter(id=alert.id).delete()
        watches.drop_if_idle(alert.user_id)
        audit.note("alert.deleted", user_id=alert.user_id, actor=actor, now=now, name=alert.name)
    return has_told


def tell_test(alert: Alert, *, now: datetime) -> AlertIncident | None:
    """A marked message to each address; the incident that shows it, None if the alert is gone. Raises TooManyTests."""
    with transaction.atomic():
        watches.hold(alert.user_id, now=now)
        if not Alert.objects.filter(id=alert.id).exists():
            watches.drop_if_idle(alert.user_id)
            return None
        lately = AlertIncident.objects.filter(alert_id=alert.id, is_test=True, since__gt=now - _TESTS_WITHIN)
        if lately.count() >= MOST_TESTS:
            raise TooManyTests
        incident = AlertIncident.objects.create(
            alert_id=alert.id,
            user_id=alert.user_id,
            subject=changes.ALL,
            is_test=True,
            since=now,
            until=now,
            fired={"summary": "this is a test: nothing is wrong", "job": None},
            told_at=now,
        )
        messages.insert(messages.written(alert, incident, event=messages.FIRING, is_again=False, now=now), now=now)
    return incident


def firing_counts(rows: Sequence[Alert]) -> dict[UUID, int]:
    """How many incidents of each are open. One query."""
    counts = dict.fromkeys((alert.id for alert in rows), 0)
    for alert_id in AlertIncident.objects.filter(Q(alert_id__in=list(counts)), until__isnull=True).values_list(
        "alert_id", flat=True
    ):
        counts[alert_id] += 1
    return counts


def _end_all(alert: Alert, why: str, *, now: datetime) -> bool:
    incidents = Incidents([alert])
    over = [changes.resolves(subject, why, at=now) for subject in incidents.firing(alert)]
    incidents.apply(alert, over, now=now)
    return incidents.write(now=now)


def _require_free(user_id: UUID, name: str) -> None:
    if Alert.objects.filter(user_id=user_id, name=name).exists():
        raise NameTaken(name)
