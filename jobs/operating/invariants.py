"""What must hold in the database of a live system at any moment: how to look, and where it is safe, how to repair.

Looks cost by what is wrong or recent, never by how much there is.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet
from django_celery_beat.models import PeriodicTask

from booper.timing.spans import span
from jobs.database import backlog, row_counts
from jobs.delivering import transitions as delivering_transitions
from jobs.models import Delivery, DeliveryKind, DeliveryState, Job, JobState, Process, ProcessRole, Schedule
from jobs.operating import health
from jobs.operating.findings import Check, Level, Trouble, examples
from jobs.recurring import beat_edits, beat_entries, repair
from jobs.running import attempts

_MOST = 1000
_WINDOW = 5000
_RECENT_DELIVERIES = 20_000
# A rescue comes within seconds; who is without a live lease for this long was not rescued.
_RESCUED_AFTER = timedelta(seconds=60)
_OVERDUE = timedelta(seconds=60)
_LONG_OVERDUE = timedelta(minutes=5)
# A day of the log goes as a whole, once its last row is too old.
_PRUNED_WITHIN = timedelta(days=1, hours=6)


def _workers(now: datetime) -> Iterator[Trouble]:
    yield from _alive(ProcessRole.WORKER, "no job runs", "celery -A config worker --pool threads", now=now)


def _beat(now: datetime) -> Iterator[Trouble]:
    yield from _alive(ProcessRole.BEAT, "no schedule runs", "celery -A config beat", now=now)


def _alive(role: ProcessRole, consequence: str, command: str, *, now: datetime) -> Iterator[Trouble]:
    seen = [heartbeat for heartbeat in health.heartbeats(now=now) if heartbeat.role == role]
    if not any(heartbeat.is_alive for heartbeat in seen):
        last = f"the last one was heard of {seen[0].age_seconds:.0f} s ago" if seen else "none was heard of lately"
        yield Trouble(f"no {role.value} is running, so {consequence}: {last}", f"start one: {command}")


def _upcoming(now: datetime) -> Iterator[Trouble]:
    bare = [schedule_id for window in _windows() for schedule_id in window]
    if bare:
        yield Trouble(
            f"{len(bare)} enabled schedules have no upcoming run: {examples(bare)}",
            "beat writes them within minutes, and so does manage.py doctor --fix",
        )


def _windows() -> Iterator[list[Any]]:
    after = None
    while True:
        bare, after = repair.without_upcoming(after=after, limit=_WINDOW)
        yield bare
        if after is None:
            return


def _restore_upcoming(now: datetime) -> int:
    restored, after = 0, None
    while True:
        swept = repair.restore_upcoming(after=after, limit=_WINDOW, now=now)
        restored, after = restored + swept.restored, swept.last
        if after is None:
            return restored


def _unfired(now: datetime) -> Iterator[Trouble]:
    late = Job.objects.filter(is_upcoming=True, scheduled_at__lt=now - _OVERDUE)
    yield from _overdue(late, "scheduled_at", "runs of schedules", "see that beat runs, and what it logs", now=now)


def _late_jobs(now: datetime) -> Iterator[Trouble]:
    late = Job.objects.due(now - _OVERDUE)
    yield from _overdue(late, "scheduled_at", "jobs", "start more workers (WORKER_PROCESSES)", now=now)


def _late_deliveries(now: datetime) -> Iterator[Trouble]:
    late = Delivery.objects.due(now - _OVERDUE)
    yield from _overdue(late, "due_at", "callbacks and webhooks", "start more workers (WORKER_PROCESSES)", now=now)


def _overdue(late: QuerySet[Any], column: str, what: str, remedy: str, *, now: datetime) -> Iterator[Trouble]:
    oldest_at = late.order_by(column).values_list(column, flat=True).first()
    if oldest_at is not None:
        count = row_counts.up_to(late, _MOST)
        some = f"{_MOST} or more" if count == _MOST else str(count)
        level = Level.ERROR if now - oldest_at > _LONG_OVERDUE else Level.WARNING
        waited = (now - oldest_at).total_seconds()
        yield Trouble(f"{some} {what} are due for more than a minute, the oldest for {waited:.0f} s", remedy, level)


def _leases_of_jobs(now: datetime) -> Iterator[Trouble]:
    held = Job.objects.filter(state=JobState.EXECUTING, attempted_at__lt=now - _RESCUED_AFTER)
    yield from _unleased(held, "jobs are executing", now=now)


def _leases_of_deliveries(now: datetime) -> Iterator[Trouble]:
    held = Delivery.objects.filter(state=DeliveryState.SENDING, attempted_at__lt=now - _RESCUED_AFTER)
    yield from _unleased(held, "deliveries are being sent", now=now)


def _unleased(held: QuerySet[Any], what: str, *, now: datetime) -> Iterator[Trouble]:
    alive = Process.objects.filter(id=OuterRef("worker_id"), lease_expires_at__gt=now)
    lost = list(held.filter(~Exists(alive)).order_by("id").values_list("id", flat=True)[:_MOST])
    if lost:
        yield Trouble(
            f"{len(lost)} {what} under no live lease: {examples(lost)}",
            "any live worker takes them up within seconds, and so does manage.py doctor --fix",
        )


def _rescue_jobs(now: datetime) -> int:
    rescued = 0
    while jobs := attempts.rescue(limit=_MOST, now=now):
        rescued += len(jobs)
    return rescued


def _rescue_deliveries(now: datetime) -> int:
    rescued = 0
    while count := delivering_transitions.rescue(limit=_MOST, now=now):
        rescued += count
    return rescued


def _sequences(now: datetime) -> Iterator[Trouble]:
    """Looks at the jobs with the latest webhooks; those of older ones may have been pruned in part."""
    since = row_counts.highest_id(Delivery) - _RECENT_DELIVERIES
    recent = Delivery.objects.filter(id__gt=since, kind=DeliveryKind.WEBHOOK).order_by().values("job_id")
    numbered = recent.annotate(count=Count("id"), first=Min("sequence"), last=Max("sequence"))
    rows = list(numbered.values_list("job_id", "count", "first", "last"))
    counted = dict(Job.objects.filter(id__in=[row[0] for row in rows]).values_list("id", "event_count"))
    holed = [
        job_id
        for job_id, count, first, last in rows
        if count != last - first + 1 or (job_id in counted and counted[job_id] != last)
    ]
    if holed:
        yield Trouble(
            f"the webhooks of {len(holed)} jobs are not numbered without holes: {examples(sorted(holed))}",
            "rows were deleted or written by hand: nothing repairs that",
        )


def _entries(now: datetime) -> Iterator[Trouble]:
    missing = [row.id for row in _without_entry()]
    if missing:
        yield Trouble(
            f"{len(missing)} enabled schedules have no entry in django-celery-beat: {examples(missing)}",
            "manage.py doctor --fix writes it anew; to switch a schedule off, disable it",
        )
    edited = [schedule_id for schedule_id in beat_entries.edited(limit=_MOST) if schedule_id not in missing]
    if edited:
        yield Trouble(
            f"{len(edited)} entries of django-celery-beat were edited, and beat did not take that over: "
            f"{examples(edited)}",
            "see that beat runs; manage.py doctor --fix takes it over too",
            Level.WARNING,
        )
    orphans = list(_orphans().values_list("id", flat=True)[:_MOST])
    if orphans:
        yield Trouble(
            f"{len(orphans)} entries of django-celery-beat belong to no schedule: {examples(orphans)}",
            "manage.py doctor --fix deletes them",
            Level.WARNING,
        )


def _without_entry() -> QuerySet[Schedule]:
    return Schedule.objects.filter(disabled_at__isnull=True, periodic_task__isnull=True)[:_MOST]


def _orphans() -> QuerySet[PeriodicTask]:
    orphans: QuerySet[PeriodicTask] = PeriodicTask.objects.filter(task=beat_entries.TASK, booper_schedule__isnull=True)
    return orphans


def _fix_entries(now: datetime) -> int:
    # First, for one may have the name of a missing one.
    ids = list(_orphans().values_list("id", flat=True)[:_MOST])
    PeriodicTask.objects.filter(id__in=ids)._raw_delete("default")
    # Before edits are taken over: a missing entry would count as one that was switched off.
    missing = list(_without_entry())
    for schedule in missing:
        repair.write_entry(schedule)
    edited = beat_edits.apply(beat_entries.edited(limit=_MOST), now=now)
    return len(missing) + edited + len(ids)


def _retention(now: datetime) -> Iterator[Trouble]:
    for kind, seconds in backlog.seconds_behind(now=now).items():
        if seconds > _PRUNED_WITHIN.total_seconds():
            yield Trouble(
                f"{kind}: the oldest row should have been deleted {span(seconds)} ago",
                "see that the entry booper.prune is enabled and workers are not full, or run manage.py prune",
                Level.WARNING,
            )


CHECKS = (
    Check("workers", "at least one is running", _workers),
    Check("beat", "at least one is running", _beat),
    Check("upcoming runs", "each enabled schedule has one", _upcoming, _restore_upcoming),
    Check("beat entries", "each enabled schedule has one, as Booper wrote it", _entries, _fix_entries),
    Check("fired runs", "none is late", _unfired),
    Check("jobs due", "none waits for more than a minute", _late_jobs),
    Check("deliveries due", "none waits for more than a minute", _late_deliveries),
    Check("leases of jobs", "nothing executes without one", _leases_of_jobs, _rescue_jobs),
    Check("leases of deliveries", "nothing is sent without one", _leases_of_deliveries, _rescue_deliveries),
    Check("retention", "what is too old has gone", _retention),
    Check("sequences", "the latest webhooks are numbered without holes", _sequences),
)
