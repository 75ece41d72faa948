"""The incidents of one user's alerts while these are judged or edited: opened, resolved, told again, then written.

Inside the transaction that holds the lock on their watch, so that what fires and what tells of it is one.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from booper.timing import durations
from jobs.alerting import messages
from jobs.alerting.changes import Change
from jobs.models import Alert, AlertIncident
from jobs.models.alert import DEFAULT_MUTE

# Of one alert at once: ten thousand schedules that fail together are no ten thousand messages.
MOST_OPEN = 100


def mute_for(alert: Alert) -> timedelta:
    """How long it is not said again that an incident goes on."""
    return timedelta(seconds=durations.parse(alert.mute_for or DEFAULT_MUTE).nominal_seconds)


class Incidents:
    def __init__(self, alerts: Sequence[Alert]) -> None:
        """Reads those that are open. One query."""
        self._alerts = {alert.id: alert for alert in alerts}
        rows = AlertIncident.objects.filter(alert_id__in=list(self._alerts), until__isnull=True)
        self._open = {(row.alert_id, row.subject): row for row in rows.order_by("id")}
        self._counts = Counter(alert_id for alert_id, _ in self._open)
        self._new: dict[UUID, AlertIncident] = {}
        self._changed: dict[UUID, AlertIncident] = {}
        self._told: list[messages.Message] = []

    def firing(self, alert: Alert) -> Collection[str]:
        """The subjects of which it fires just now."""
        return [subject for alert_id, subject in self._open if alert_id == alert.id]

    def apply(self, alert: Alert, changes: Sequence[Change], *, now: datetime) -> None:
        for change in changes:
            known = self._open.get((alert.id, change.subject))
            if change.fires and known is None and self._counts[alert.id] < MOST_OPEN:
                self._fire(alert, change, now=now)
            elif not change.fires and known is not None:
                self._resolve(alert, known, change, now=now)

    def _fire(self, alert: Alert, change: Change, *, now: datetime) -> None:
        row = AlertIncident(
            alert_id=alert.id,
            user_id=alert.user_id,
            subject=change.subject,
            since=change.at,
            fired={"summary": change.summary, "job": messages.shown_job(change.end)},
            told_at=now,
        )
        self._open[alert.id, change.subject] = row
        self._counts[alert.id] += 1
        self._new[row.id] = row
        self._told += messages.written(alert, row, event=messages.FIRING, is_again=False, now=now)

    def _resolve(self, alert: Alert, row: AlertIncident, change: Change, *, now: datetime) -> None:
        row.until = max(change.at, row.since)
        row.resolved = {"summary": change.summary, "job": messages.shown_job(change.end)}
        del self._open[alert.id, row.subject]
        self._counts[alert.id] -= 1
        if row.id not in self._new:
            self._changed[row.id] = row
        self._told += messages.written(alert, row, event=messages.RESOLVED, is_again=False, now=now)

    def remind(self, *, now: datetime) -> None:
        """Says once more of those that go on, and were not told of for as long as their alerts are muted."""
        for row in self._open.values():
            alert = self._alerts[row.alert_id]
            if row.told_at + mute_for(alert) <= now:
                row.told_at = now
                self._changed[row.id] = row
                self._told += messages.written(alert, row, event=messages.FIRING, is_again=True, now=now)

    def remind_at(self) -> datetime | None:
        """When one is to be told of again, unless it is over by then."""
        moments = (row.told_at + mute_for(self._alerts[row.alert_id]) for row in self._open.values())
        return min(moments, default=None)

    def write(self, *, now: datetime) -> bool:
        """Writes what became of them, and what tells of it; whether there is anything to tell."""
        # First what is over: of the same subject another one may have begun since.
        AlertIncident.objects.bulk_update(self._changed.values(), ["until", "resolved", "told_at"])
        AlertIncident.objects.bulk_create(self._new.values())
        messages.insert(self._told, now=now)
        return bool(self._told)
