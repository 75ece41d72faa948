"""How the instance is doing, on one page that never goes through a big table: every count stops at a bound."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum

from booper.content import redaction
from booper.timing import timestamps
from booper.timing.spans import span
from jobs.guarding import suspension
from jobs.models import (
    WAITING_STATES,
    Delivery,
    DeliveryState,
    EventType,
    Job,
    JobState,
    LogEvent,
    Process,
    ProcessRole,
    RolledUpCount,
)
from jobs.models.rolled_up_count import MINUTE

MOST_COUNTED = 10_000
# A healthy worker takes a job within a second.
OVERDUE_AFTER = timedelta(seconds=10)
EVENTS_LOOKED_AT = 5_000
_MOST_FAILURES = 10
_FAILURES_LOOKED_AT = 1_000
LATELY = timedelta(hours=1)
_MOST_PROCESSES = 50


@dataclass(frozen=True, slots=True)
class Figure:
    """A count that stopped at `MOST_COUNTED`, shown as `10,000+` then; `query` leads to the list of what it counts."""

    label: str
    count: int
    query: str
    is_bounded: bool = False

    @property
    def text(self) -> str:
        is_bounded = self.is_bounded or self.count > MOST_COUNTED
        return f"{min(self.count, MOST_COUNTED):,}{'+' if is_bounded else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    figures: list[Figure]
    overdue: Figure
    oldest: Job | None
    oldest_late_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    figures: list[Figure]
    oldest_late_by: str


@dataclass(slots=True)
class FailedAttempt:
    """The latest of those of one owner that failed alike, and how many there were of them lately."""

    event: LogEvent
    reason: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Lately:
    """What has ended within LATELY: jobs completed and discarded, attempts that failed."""

    completed: int
    discarded: int
    failed: int


def jobs(now: datetime) -> Jobs:
    """Five queries, each by a partial index on what has not ended."""
    free, queued = _waiting(Job.objects.waiting().order_by("scheduled_at", "id"), now=now), _queued(now)
    executing = _bounded(Job.objects.filter(state=JobState.EXECUTING))
    upcoming = Job.objects.filter(is_upcoming=True).order_by("scheduled_at")
    late_upcoming = _bounded(upcoming.filter(scheduled_at__lte=now - OVERDUE_AFTER))
    oldest = Job.objects.due(now).order_by("scheduled_at", "id").defer("args", "description").first()
    free_is_cut, queued_is_cut = free["total"] > MOST_COUNTED, queued["total"] > MOST_COUNTED
    is_cut = free_is_cut or queued_is_cut
    # Outside queues those that are due come first: all were seen if one that is not due was.
    due_is_cut = queued_is_cut or (free_is_cut and not free["scheduled"])
    counts = {name: free[name] + queued[name] for name in ("scheduled", "available", "retryable")}
    return Jobs(
        figures=[
            Figure("scheduled", counts["scheduled"], "?state=scheduled", is_cut),
            Figure("available", counts["available"], "?state=available", due_is_cut),
            Figure("executing", executing, "?state=executing"),
            Figure("retryable", counts["retryable"], "?state=retryable", is_cut),
        ],
        overdue=Figure("overdue", free["overdue"] + late_upcoming, "?due=overdue"),
        oldest=oldest,
        oldest_late_by="" if oldest is None else span(now - oldest.scheduled_at),
    )


def _queued(now: datetime) -> dict[str, int]:
    """What waits in queues: late there as often as not by its owner's wish, so it is not overdue."""
    in_queues = Job.objects.filter(state__in=WAITING_STATES, is_upcoming=False, queue__isnull=False)
    return _waiting(in_queues.order_by("queue_id", "scheduled_at", "id"), now=now)


def _waiting(rows: QuerySet[Job], *, now: datetime) -> dict[str, int]:
    """Counts among the first `MOST_COUNTED` + 1 of `rows`, in one go through the index that has their order."""
    is_due = Q(scheduled_at__lte=now)
    return rows.values("id", "state", "scheduled_at")[: MOST_COUNTED + 1].aggregate(
        total=Count("id"),
        scheduled=Count("id", filter=Q(state=JobState.SCHEDULED) & ~is_due),
        available=Count("id", filter=Q(state=JobState.SCHEDULED) & is_due),
        retryable=Count("id", filter=Q(state=JobState.RETRYABLE)),
        overdue=Count("id", filter=Q(scheduled_at__lte=now - OVERDUE_AFTER)),
    )


def _bounded(rows: Any) -> int:
    count: int = rows.values("pk")[: MOST_COUNTED + 1].count()
    return count


def deliveries(now: datetime) -> Deliveries:
    """One query, by the index of what is due."""
    first = Delivery.objects.filter(state=DeliveryState.PENDING).order_by("due_at", "id")
    found = first.values("id", "due_at")[: MOST_COUNTED + 1].aggregate(
        total=Count("id"), due=Count("id", filter=Q(due_at__lte=now)), oldest=Min("due_at")
    )
    is_late = found["oldest"] is not None and found["oldest"] <= now
    return Deliveries(
        figures=[
            Figure("pending", found["total"], "?state=pending", found["total"] > MOST_COUNTED),
            Figure("due", found["due"], "?state=pending", found["due"] > MOST_COUNTED),
        ],
        oldest_late_by=span(now - found["oldest"]) if is_late else "",
    )


def processes(now: datetime) -> list[Process]:
    """The living ones, workers first."""
    return list(Process.objects.filter(lease_expires_at__gt=now).order_by("-role", "name")[:_MOST_PROCESSES])


def failures() -> list[FailedAttempt]:
    """The latest failed attempts, equal ones together, among the latest events alone: no index tells them apart.

    Two queries.
    """
    newest_first = LogEvent.objects.order_by("-pk")
    floor = list(newest_first.values_list("pk", flat=True)[EVENTS_LOOKED_AT - 1 : EVENTS_LOOKED_AT])
    within = newest_first.filter(pk__gte=floor[0]) if floor else newest_first
    groups: dict[tuple[Any, str], FailedAttempt] = {}
    for event in within.filter(event=EventType.ERROR).select_related("user")[:_FAILURES_LOOKED_AT]:
        reason = _reason(event)
        known = groups.get((event.user_id, reason))
        if known is not None:
            known.count += 1
        elif len(groups) < _MOST_FAILURES:
            groups[event.user_id, reason] = FailedAttempt(event, reason)
    return list(groups.values())


def lately(now: datetime) -> Lately:
    """The counts of all tenants, out of what beat counts. One query."""
    rows = RolledUpCount.objects.filter(seconds=MINUTE, at__gte=now - LATELY)
    found = rows.aggregate(Sum("completed"), Sum("discarded"), Sum("failed"))
    return Lately(*(found[f"{name}__sum"] or 0 for name in ("completed", "discarded", "failed")))


def _reason(event: LogEvent) -> str:
    return redaction.redacted_text(f"{event.payload.get('code')}: {event.payload.get('message')}")


def alarms(*, overview: Jobs | None, alive: list[Process] | None) -> list[str]:
    """What is wrong, in sentences; None stands for what the reader may not see."""
    found = []
    paused_at = suspension.paused_at()
    if paused_at is not None:
        since = timestamps.timestamp(paused_at)
        found.append(f"Paused since {since}: nothing starts until `manage.py unpause` is run.")
    roles = None if alive is None else {process.role for process in alive}
    if roles is not None and ProcessRole.WORKER not in roles:
        found.append("No worker is alive: nothing is executed until one is started.")
    if roles is not None and ProcessRole.BEAT not in roles:
        found.append(
            "No beat is alive: schedules stand still, and what is due later is not announced, until it is started."
        )
    if overview is not None and overview.overdue.count:
        oldest = f", the longest of them for {overview.oldest_late_by}" if overview.oldest else ""
        is_one = overview.overdue.count == 1
        who = "1 job has" if is_one else f"{overview.overdue.text} jobs have"
        found.append(f"{who} been due for more than {span(OVERDUE_AFTER)}{oldest}.")
    return found
