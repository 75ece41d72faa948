"""`{"receiver_off": true}` and `{"schedule_disabled": true}`: read from their rows, as nothing ends with them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from booper.timing.timestamps import timestamp
from jobs.alerting import matching
from jobs.alerting.changes import Change, Judgement, fires, resolves
from jobs.models import Alert, Receiver, Schedule
from jobs.recurring import firing

LOOKED_AT_EVERY = timedelta(seconds=15)
_MOST = 1000
# Ends that its owner has planned.
_PLANNED = (firing.ALL_DONE, firing.NO_RUN_LEFT)


def judge_receivers(alert: Alert, *, firing_subjects: Collection[str], now: datetime) -> Judgement:
    """Fires for each receiver that was switched off since the alert was made; on again, it is over."""
    off = Receiver.objects.filter(user_id=alert.user_id, disabled_at__gte=alert.watched_from)
    if alert.of:
        off = off.filter(matching.receivers(alert.of))
    found = {
        f"receiver:{row.origin}": f"{row.origin} was switched off, as nothing has reached it since "
        f"{timestamp(row.failing_since or now)} ({row.error_message})"
        for row in off.order_by("origin")[:_MOST]
    }
    changes = [fires(subject, words, at=now) for subject, words in found.items()]
    over = [resolves(subject, "it was switched on", at=now) for subject in firing_subjects if subject not in found]
    return Judgement([*changes, *over], due_at=now + LOOKED_AT_EVERY)


def judge_schedules(alert: Alert, *, firing_subjects: Collection[str], now: datetime) -> Judgement:
    """Fires for each schedule that was disabled since, but as it was planned to end. Enabled or deleted, it is over."""
    disabled = Schedule.objects.existing().filter(user_id=alert.user_id, disabled_at__gte=alert.watched_from)
    if alert.of:
        disabled = disabled.filter(matching.schedules(alert.of))
    rows = disabled.exclude(disabled_reason__in=_PLANNED).order_by("disabled_at", "id")
    changes: list[Change] = [
        fires(f"schedule:{row.id}", _words(row), at=now)
        for row in rows.only("id", "name", "disabled_reason", "disabled_at")[:_MOST]
        if f"schedule:{row.id}" not in firing_subjects
    ]
    return Judgement([*changes, *_enabled(firing_subjects, now=now)], due_at=now + LOOKED_AT_EVERY)


def _enabled(subjects: Collection[str], *, now: datetime) -> Sequence[Change]:
    if not subjects:
        return ()
    ids = [UUID(subject.removeprefix("schedule:")) for subject in subjects]
    still = Schedule.objects.existing().filter(id__in=ids, disabled_at__isnull=False)
    off = {f"schedule:{each}" for each in still.values_list("id", flat=True)}
    return [resolves(subject, "it was enabled or deleted", at=now) for subject in subjects if subject not in off]


def _words(row: Schedule) -> str:
    named = f" ({row.name})" if row.name else ""
    why = f": {row.disabled_reason}" if row.disabled_reason else ""
    return f"schedule {row.id}{named} was disabled{why}"
