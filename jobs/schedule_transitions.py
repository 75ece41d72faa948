"""Every write of a schedule: made, switched off and on, edited, deleted. Its row is the lock for all of them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from booper import recurrence
from jobs import firing, periodic_tasks, queues, sql, transitions
from jobs.models import REQUEST_COLUMNS, REQUEST_FIELDS, Job, JobState, Schedule
from jobs.specs import JobSpec, RecurrenceSpec
from jobs.transitions import Scheduled

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a schedule was left as it was, in words for its owner."""

    reason: str


_RECURRENCE_FIELDS = (
    "frequency",
    "timezone",
    "starts_at",
    "ends_at",
    "max_runs",
    "overlap",
    "catch_up",
    "include_metadata",
)


def schedule_job(spec: JobSpec, plan: RecurrenceSpec | None, *, user_id: UUID, now: datetime) -> Scheduled:
    """A job, or with a `plan` a schedule and its first run; if the key is held, the job that holds it instead."""
    if plan is None:
        return transitions.schedule(spec, user_id=user_id, now=now)
    return create(spec, plan, user_id=user_id, now=now)


def create(spec: JobSpec, plan: RecurrenceSpec, *, user_id: UUID, now: datetime) -> Scheduled:
    """A schedule with its upcoming run, which is fired here and now if it is due: beat need not be waited for."""

    def insert() -> Job:
        with transaction.atomic():
            job = first_run(spec, plan, user_id=user_id, now=now)
            job.save(force_insert=True)
            begin([job], now=now)
        return job

    return transitions.unless_key_is_held(spec.idempotency_key, insert, user_id=user_id)


def first_run(spec: JobSpec, plan: RecurrenceSpec, *, user_id: UUID, now: datetime) -> Job:
    """The upcoming run of a new schedule, neither of them saved yet."""
    schedule = Schedule(
        user_id=user_id,
        anchor_at=plan.first_run_at,
        inserted_at=now,
        enabled_at=now,
        **{name: getattr(spec, name) for name in REQUEST_FIELDS},
        **{name: getattr(plan, name) for name in _RECURRENCE_FIELDS},
    )
    return _upcoming(schedule, at=plan.first_run_at, now=now)


def begin(first_runs: Sequence[Job], *, now: datetime) -> None:
    """Writes the schedules of first runs that are inserted already, and fires those runs that are due.

    Inside the transaction that has inserted them: in this order it is their keys that decide, before anything else is
    written; the database looks whether their schedules exist when it commits. A fixed number of queries.
    """
    if not first_runs:
        return
    schedules = [job.schedule for job in first_runs if job.schedule is not None]
    periodic_tasks.write_new(schedules)
    sql.insert(Schedule, schedules, **_SCHEDULE_COLUMNS)
    due = [job for job in first_runs if job.scheduled_at <= now]
    firing.fire(due, now=now)
    for job in due:
        job.is_upcoming = False


_SCHEDULE_COLUMNS = {
    **REQUEST_COLUMNS,
    "id": "uuid",
    "user_id": "uuid",
    "frequency": "jsonb",
    "timezone": "text",
    "anchor_at": "timestamptz",
    "starts_at": "timestamptz",
    "ends_at": "timestamptz",
    "max_runs": "int",
    "overlap": "text",
    "catch_up": "text",
    "include_metadata": "boolean",
    "inserted_at": "timestamptz",
    "enabled_at": "timestamptz",
    "run_count": "int",
    "state": "jsonb",
    "previous": "jsonb",
    "periodic_task_id": "int",
    "beat_frequency": "text",
}


def _upcoming(schedule: Schedule, *, at: datetime, now: datetime) -> Job:
    job = transitions.new_job(schedule, user_id=schedule.user_id, scheduled_at=at, now=now)
    job.schedule, job.occurrence_at, job.is_upcoming = schedule, at, True
    return job


def disable(schedule: Schedule, *, now: datetime) -> Schedule | None:
    """enabled -> disabled: the upcoming run is cancelled, `$previous` dropped, `$state` kept. None if it is already."""
    with transaction.atomic():
        locked = _lock(schedule)
        if locked is None or locked.disabled_at is not None:
            return None
        upcoming = Job.objects.filter(schedule_id=locked.id, is_upcoming=True)
        transitions.cancel_runs(upcoming, reason="schedule_disabled", now=now)
        firing.end([locked.id], forgets=True, now=now)
    return Schedule.objects.get(id=schedule.id)


def enable(schedule: Schedule, *, now: datetime) -> Schedule | Refused | None:
    """disabled -> enabled, from now on: what was missed stays missed, `$previous` is `{}`. None if it is already."""
    with transaction.atomic():
        locked = _lock(schedule)
        if locked is None or locked.disabled_at is None:
            return None
        if locked.max_runs is not None and locked.run_count >= locked.max_runs:
            return Refused(f"all of its {locked.max_runs} runs are done: raise max_runs first")
        _times_ahead(locked, now=now).filter(state=JobState.CANCELLED).update(occurrence_at=None)
        at = _next_free(locked, now=now)
        if at is None:
            return Refused("it has no run left before ends_at: move ends_at first")
        try:
            with transaction.atomic():
                _upcoming(locked, at=at, now=now).save(force_insert=True)
        except IntegrityError:
            return Refused(f"another job holds its idempotency key {locked.idempotency_key!r}: cancel that one first")
        Schedule.objects.filter(id=locked.id).update(disabled_at=None, enabled_at=now, previous={})
        periodic_tasks.set_enabled([locked.id], is_enabled=True)
    return Schedule.objects.get(id=schedule.id)


def delete(schedule: Schedule, *, now: datetime) -> Schedule | None:
    """Switched off and gone for its owner; its row stays while the jobs it has run do. None if it was gone."""
    with transaction.atomic():
        disable(schedule, now=now)
        if not Schedule.objects.existing().filter(id=schedule.id).update(deleted_at=now):
            return None
        schedule = Schedule.objects.get(id=schedule.id)
        periodic_tasks.delete(schedule)
    return schedule


def plan_of(schedule: Schedule) -> RecurrenceSpec:
    """How often it runs, as `edit` would be asked for it: with this, nothing changes."""
    return RecurrenceSpec(
        first_run_at=schedule.anchor_at, **{name: getattr(schedule, name) for name in _RECURRENCE_FIELDS}
    )


def edit(
    schedule: Schedule, edited: Callable[[Schedule], tuple[JobSpec, RecurrenceSpec]], *, now: datetime
) -> Schedule | Refused | None:
    """Replaces what is sent and when. The upcoming run follows; one that is executing goes on as it began.

    `edited` is asked under the lock of the row, so that of two edits at once none is lost. The grid stays where it is
    unless the plan has another `first_run_at`: then it hangs on that.
    """
    with transaction.atomic():
        locked = _lock(schedule)
        if locked is None:
            return None
        spec, plan = edited(locked)
        before = (locked.rule, locked.starts_at, locked.ends_at)
        for name in REQUEST_FIELDS:
            setattr(locked, name, getattr(spec, name))
        for name in _RECURRENCE_FIELDS:
            setattr(locked, name, getattr(plan, name))
        is_moved = plan.first_run_at != locked.anchor_at
        locked.anchor_at = plan.first_run_at
        periodic_tasks.write(locked)
        locked.save()
        if is_moved or locked.rule != before[0]:
            _times_ahead(locked, now=now).update(occurrence_at=None)
        if locked.disabled_at is None:
            first = locked.anchor_at if is_moved and locked.anchor_at >= now else None
            is_retimed = is_moved or before != (locked.rule, locked.starts_at, locked.ends_at)
            refused = _rewrite_upcoming(locked, first=first, is_retimed=is_retimed, now=now)
            if refused is not None:
                transaction.set_rollback(True)
                return refused
    return Schedule.objects.get(id=schedule.id)


def _rewrite_upcoming(schedule: Schedule, *, first: datetime | None, is_retimed: bool, now: datetime) -> Refused | None:
    fields: dict[str, Any] = {name: getattr(schedule, name) for name in REQUEST_FIELDS}
    if is_retimed:
        at = first or _next_free(schedule, now=now)
        if at is None:
            return Refused("it would have no run left: move ends_at, or disable it")
        fields |= {"scheduled_at": at, "occurrence_at": at}
    try:
        with transaction.atomic():
            Job.objects.filter(schedule_id=schedule.id, is_upcoming=True).update(**fields)
    except IntegrityError:
        return Refused(f"another job holds the idempotency key {schedule.idempotency_key!r}: cancel that one first")
    return None


def _times_ahead(schedule: Schedule, *, now: datetime) -> QuerySet[Job]:
    """The runs that have a time on the grid that is still to come: made before their time, skipped, or cancelled.

    No other run can have such a time. It is given up, and may be had again, once the grid is another or what was
    cancelled is wanted after all.
    """
    return Job.objects.filter(schedule_id=schedule.id, is_upcoming=False, occurrence_at__gte=now)


def _next_free(schedule: Schedule, *, now: datetime) -> datetime | None:
    """The next time on the grid that no run was made for."""
    latest: datetime | None = _times_ahead(schedule, now=now).aggregate(latest=Max("occurrence_at"))["latest"]
    starts_at, ends_at = schedule.starts_at, schedule.ends_at
    return recurrence.next_run(schedule.rule, after=latest or now, starts_at=starts_at, ends_at=ends_at)


def trigger(schedule: Schedule, *, now: datetime) -> Job:
    """One more run, now, outside the grid."""
    job = transitions.new_job(schedule, user_id=schedule.user_id, scheduled_at=now, now=now)
    job.schedule_id, job.idempotency_key = schedule.id, None
    job.save(force_insert=True)
    queues.touch([(job.queue_id, now)])
    return job


def cancel_job(job: Job, *, ends_schedule: bool = True, now: datetime) -> Job | None:
    """Cancels a job; with the upcoming run of a schedule, the schedule ends too. None if it has ended already."""
    cancelled = cancel_upcoming(job, ends_schedule=ends_schedule, now=now) if job.is_upcoming else None
    # Beat may have fired it in the meantime: then it is a job like any other.
    return cancelled or transitions.cancel(job, now=now)


def run_job(job: Job, *, now: datetime) -> Job | None:
    """Runs a waiting job now, be it the upcoming run of a schedule or not. None if it is not waiting."""
    fired = run_upcoming(job, now=now) if job.is_upcoming else None
    return fired or transitions.run_now(job, now=now)


def cancel_upcoming(job: Job, *, ends_schedule: bool, now: datetime) -> Job | None:
    """scheduled -> cancelled, for an upcoming run: with its schedule, or (`ends_schedule` false) just that run.

    None if it is not the upcoming run any more.
    """
    with transaction.atomic():
        schedule = _lock_of(job)
        upcoming = Job.objects.filter(id=job.id, is_upcoming=True)
        # Read anew: it may have been moved before the lock was had.
        occurrence_at = upcoming.values_list("occurrence_at", flat=True).first()
        if schedule is None or not transitions.cancel_runs(upcoming, reason="cancelled", now=now):
            return None
        after = occurrence_at or now
        at = recurrence.next_run(schedule.rule, after=after, starts_at=schedule.starts_at, ends_at=schedule.ends_at)
        if ends_schedule or at is None:
            firing.end([schedule.id], forgets=ends_schedule, now=now)
        else:
            firing.insert_upcoming([(schedule, at)], now=now)
    return Job.objects.get(id=job.id)


def run_upcoming(job: Job, *, now: datetime) -> Job | None:
    """Fires the upcoming run before its time. None if it is not the upcoming run any more."""
    with transaction.atomic():
        _lock_of(job)
        upcoming = Job.objects.select_related("schedule").filter(id=job.id, is_upcoming=True)
        if not upcoming.update(scheduled_at=now):
            return None
        firing.fire(list(upcoming), now=now)
    return Job.objects.get(id=job.id)


def fire_schedule(schedule_id: UUID, *, now: datetime) -> bool:
    """Fires the upcoming run if it is due: for whoever runs the PeriodicTask by hand or with another beat."""
    with transaction.atomic():
        Schedule.objects.select_for_update(no_key=True).filter(id=schedule_id).first()
        upcoming = Job.objects.filter(schedule_id=schedule_id, is_upcoming=True, scheduled_at__lte=now)
        jobs = list(upcoming.select_related("schedule"))
        firing.fire(jobs, now=now)
    return bool(jobs)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many schedules got an upcoming run again, or were ended; `last` is where to go on, None at the end."""

    restored: int
    last: UUID | None


def without_upcoming(*, after: UUID | None = None, limit: int) -> tuple[list[UUID], UUID | None]:
    """Of the next `limit` enabled schedules by id: those without an upcoming run, and the last that was looked at.

    That is None when these were the last ones.
    """
    enabled = Schedule.objects.filter(disabled_at__isnull=True, id__gt=after or UUID(int=0)).order_by("id")
    ids = list(enabled.values_list("id", flat=True)[:limit])
    upcoming = Job.objects.filter(schedule_id__in=ids, is_upcoming=True).values_list("schedule_id", flat=True)
    bare = set(ids).difference(upcoming)
    return sorted(bare), ids[-1] if len(ids) == limit else None


def restore_upcoming(*, after: UUID | None = None, limit: int, now: datetime) -> Swept:
    """Writes the upcoming run of enabled schedules that have none: the sweep for what fell through. Two queries."""
    bare, last = without_upcoming(after=after, limit=limit)
    return Swept(sum(_restore(schedule_id, now=now) for schedule_id in bare), last)


def _restore(schedule_id: UUID, *, now: datetime) -> bool:
    """The run after the latest there was: should its time be past, beat fires it late, as after an outage."""
    extra = {"schedule_id": schedule_id}
    try:
        with transaction.atomic():
            schedule = (
                Schedule.objects.select_for_update(no_key=True).filter(id=schedule_id, disabled_at__isnull=True).first()
            )
            runs = Job.objects.filter(schedule_id=schedule_id)
            if schedule is None or runs.filter(is_upcoming=True).exists():
                return False
            latest = runs.aggregate(latest=Max("occurrence_at"))["latest"]
            is_over = schedule.max_runs is not None and schedule.run_count >= schedule.max_runs
            at = None if is_over else _next_after(schedule, latest)
            if at is None:
                firing.end([schedule_id], now=now)
            else:
                firing.insert_upcoming([(schedule, at)], now=now)
    except IntegrityError:
        logger.warning("schedule %s has no upcoming run, and another job holds its key", schedule_id, extra=extra)
        return False
    logger.warning("schedule %s had no upcoming run, the next one is at %s", schedule_id, at, extra=extra)
    return True


def _next_after(schedule: Schedule, latest: datetime | None) -> datetime | None:
    just_before = schedule.enabled_at - timedelta(microseconds=1)
    after = just_before if latest is None else max(latest, just_before)
    return recurrence.next_run(schedule.rule, after=after, starts_at=schedule.starts_at, ends_at=schedule.ends_at)


def write_entry(schedule: Schedule) -> None:
    """Writes its entry in django-celery-beat anew, if it is enabled and has none."""
    with transaction.atomic():
        locked = _lock(schedule)
        if locked is not None and locked.disabled_at is None and locked.periodic_task_id is None:
            periodic_tasks.write(locked)
            locked.save(update_fields=["periodic_task", "beat_frequency"])


def _lock(schedule: Schedule) -> Schedule | None:
    return Schedule.objects.existing().select_for_update(no_key=True).filter(id=schedule.id).first()


def _lock_of(job: Job) -> Schedule | None:
    return (
        None
        if job.schedule_id is None
        else Schedule.objects.select_for_update(no_key=True).filter(id=job.schedule_id).first()
    )
