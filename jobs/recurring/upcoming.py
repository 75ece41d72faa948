"""What is done to an upcoming run: cancel it, run it now, fire it."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from booper.timing import recurrence
from jobs.models import Job, Schedule
from jobs.recurring import firing
from jobs.recurring.schedules import Refused, lock, lock_of
from jobs.running import transitions

CANCELLED = "its upcoming run was cancelled"


def cancel_upcoming(job: Job, *, ends_schedule: bool, now: datetime) -> Job | None:
    """scheduled -> cancelled, for an upcoming run: with its schedule, or (`ends_schedule` false) just that run.

    None if it is not the upcoming run any more.
    """
    with transaction.atomic():
        schedule = lock_of(job)
        upcoming = Job.objects.filter(id=job.id, is_upcoming=True)
        # Read anew: it may have been moved before the lock was had.
        occurrence_at = upcoming.values_list("occurrence_at", flat=True).first()
        if schedule is None or not transitions.cancel_runs(upcoming, reason="cancelled", now=now):
            return None
        if ends_schedule:
            firing.end([schedule.id], reason=CANCELLED, forgets=True, now=now)
        else:
            _go_on(schedule, after=occurrence_at or now, now=now)
    return Job.objects.get(id=job.id)


def skip(schedule: Schedule, *, until: datetime | None, now: datetime) -> Schedule | Refused:
    """Leaves out the upcoming run, or all runs before `until`; the schedule ends if that leaves none."""
    with transaction.atomic():
        locked = lock(schedule)
        upcoming = Job.objects.filter(schedule_id=schedule.id, is_upcoming=True)
        occurrence_at = upcoming.values_list("occurrence_at", flat=True).first()
        if locked is None or locked.disabled_at is not None or occurrence_at is None:
            return Refused("it is disabled, so that no run is to come")
        if until is None or occurrence_at < until:
            after = occurrence_at if until is None else until - timedelta(microseconds=1)
            transitions.cancel_runs(upcoming, reason="skipped", now=now)
            _go_on(locked, after=after, now=now)
    return Schedule.objects.get(id=schedule.id)


def _go_on(schedule: Schedule, *, after: datetime, now: datetime) -> None:
    runs = Job.objects.filter(schedule_id=schedule.id, is_upcoming=False, occurrence_at__gt=after)
    # Where the run that goes was steered to before one that was made ahead of its time.
    after = runs.aggregate(latest=Max("occurrence_at"))["latest"] or after
    at = recurrence.next_run(schedule.rule, after=after, starts_at=schedule.starts_at, ends_at=schedule.ends_at)
    if at is None:
        firing.end([schedule.id], reason=firing.why_over(schedule), now=now)
    else:
        firing.insert_upcoming([(schedule, at)], now=now)


def run_upcoming(job: Job, *, now: datetime) -> Job | None:
    """Fires the upcoming run before its time. None if it is not the upcoming run any more."""
    with transaction.atomic():
        lock_of(job)
        upcoming = Job.objects.select_related("schedule").filter(id=job.id, is_upcoming=True)
        if not upcoming.update(scheduled_at=now, expires_at=None):
            return None
        firing.fire(list(upcoming), is_asked_for=True, now=now)
    return Job.objects.get(id=job.id)


def fire_schedule(schedule_id: UUID, *, now: datetime) -> bool:
    """Fires the upcoming run if it is due: for whoever runs the PeriodicTask by hand or with another beat."""
    with transaction.atomic():
        Schedule.objects.select_for_update(no_key=True).filter(id=schedule_id).first()
        upcoming = Job.objects.filter(schedule_id=schedule_id, is_upcoming=True, scheduled_at__lte=now)
        jobs = list(upcoming.select_related("schedule"))
        firing.fire(jobs, now=now)
    return bool(jobs)
