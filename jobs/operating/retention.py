"""What is old is deleted: ended jobs, their log, deliveries, and what they leave. In small bites, by primary key.

Each kind has a batch in turn, so that none waits until another is done with. No transaction is longer than one batch,
and none waits for a row that somebody else holds.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from jobs.database import log_parts
from jobs.engine import leases
from jobs.guarding import audit, inbox, password_resets, sessions
from jobs.models import AlertedEnd, AlertIncident, AlertLetter, AuditEvent, ParkedHost, Receiver, RolledUpCount, Usage
from jobs.models.identifiers import earliest_uuid7
from jobs.models.rolled_up_count import DAY, HOUR, MINUTE
from jobs.operating import old_rows
from jobs.operating.old_rows import Places
from jobs.telemetry import counter_rows, rolled_up

_PROCESS_KEPT = timedelta(hours=1)
# A window before the last one is asked for by nobody, and what is held is counted anew where no row is.
_USAGE_KEPT = timedelta(days=3)
_UNJUDGED_KEPT = timedelta(days=1)
# While something is due that nobody has taken up, a batch is followed by a pause of as many times what it took.
_GIVES_WAY = 4


def _for_ever() -> bool:
    return True


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much is deleted at once, and whether to go on. In the pauses others get SQLite's one write lock.

    `is_busy`: whether workers have more to do than they get done, so that deleting is to give way.
    """

    batch: int = 1000
    pause_seconds: float = 0.02
    has_time: Callable[[], bool] = _for_ever
    is_busy: Callable[[], bool] = _never

    def pause(self, after_seconds: float) -> None:
        time.sleep(max(self.pause_seconds, _GIVES_WAY * after_seconds if self.is_busy() else 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows were deleted. `is_all`: the time sufficed, and nothing old is left."""

    log_events: int
    deliveries: int
    jobs: int
    schedules: int
    receivers: int
    processes: int
    is_all: bool

    @property
    def is_any(self) -> bool:
        return any((self.log_events, self.deliveries, self.jobs, self.schedules, self.receivers))


def prune(*, now: datetime, pace: Pace | None = None, places: Places | None = None) -> Pruned:
    """Prunes by LOG_RETENTION_DAYS (the log, deliveries) and JOB_RETENTION_DAYS (jobs, by when they ended).

    With the `places` to which earlier rounds of this process have come, it goes on from there.
    """
    pace, places = pace or Pace(), places or Places()
    places.begin(now=now)
    log_before = now - timedelta(days=settings.LOG_RETENTION_DAYS)
    jobs_before = now - timedelta(days=settings.JOB_RETENTION_DAYS)
    if places.are_parts_due(now=now):
        log_parts.maintain(before=log_before, now=now)
    counts = dict.fromkeys(("log_events", "deliveries", "jobs", "schedules"), 0)
    kinds = {
        "log_events": old_rows.log_events(log_before, pace.batch, places),
        "deliveries": old_rows.deliveries(log_before, pace.batch, places),
        "jobs": old_rows.jobs(jobs_before, pace.batch, places),
        "schedules": old_rows.schedules(pace.batch),
    }
    left = deque(kinds)
    while left and pace.has_time():
        kind, began = left.popleft(), time.monotonic()
        deleted = next(kinds[kind], None)
        if deleted is None:
            continue
        counts[kind] += deleted
        left.append(kind)
        if deleted:
            pace.pause(time.monotonic() - began)
    _guarded(now=now)
    _counts(now=now)
    _alerts(log_before, now=now)
    return Pruned(
        **counts,
        receivers=_receivers(log_before),
        processes=leases.forget_dead(silent_since=now - _PROCESS_KEPT)
        + counter_rows.close_old(gone_since=now - counter_rows.GONE_AFTER),
        is_all=not left,
    )


def _guarded(*, now: datetime) -> None:
    """Deletes what is old of audit trail, counts against limits, inboxes, sessions and forgotten passwords."""
    old_rows.delete(AuditEvent.objects.filter(id__lt=earliest_uuid7(now - timedelta(days=audit.KEPT_DAYS))))
    old_rows.delete(Usage.objects.filter(at__lt=now - _USAGE_KEPT))
    old_rows.delete(inbox.old(now=now))
    sessions.delete_old(now=now)
    password_resets.delete_old(now=now)


def _counts(*, now: datetime) -> None:
    """Deletes the rolled-up counts of times that are long over, and when hosts were parked back then."""
    for seconds, kept in ((MINUTE, rolled_up.MINUTES_KEPT), (HOUR, rolled_up.HOURS_KEPT), (DAY, rolled_up.HOURS_KEPT)):
        old_rows.delete(RolledUpCount.objects.filter(seconds=seconds, at__lt=now - kept))
    before = now - rolled_up.HOURS_KEPT
    old_rows.delete(ParkedHost.objects.filter(id__lt=earliest_uuid7(before), until__lt=before))


def _alerts(before: datetime, *, now: datetime) -> None:
    """Deletes incidents that ended long ago, and what was not judged in a day: that is of who has no alert any more."""
    old_rows.delete(AlertIncident.objects.filter(id__lt=earliest_uuid7(before), until__lt=before))
    old_rows.delete(AlertLetter.objects.filter(id__lt=earliest_uuid7(before), inserted_at__lt=before))
    old_rows.delete(AlertedEnd.objects.filter(ended_at__lt=now - _UNJUDGED_KEPT))


def _receivers(before: datetime) -> int:
    """Deletes receivers whose last failure is long ago. One that is off stays off until somebody switches it on."""
    return old_rows.delete(Receiver.objects.filter(last_failed_at__lt=before, disabled_at__isnull=True))
