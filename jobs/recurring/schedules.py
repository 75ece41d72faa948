"""Every write of a schedule: made, switched off and on, edited, deleted. Its row is the lock for all of them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from booper.timing import recurrence
from jobs.database import sql
from jobs.models import REQUEST_COLUMNS, REQUEST_FIELDS, Job, JobState, Schedule
from jobs.queues import limits
from jobs.recurring import beat_entries, calendars, firing, traced_runs
from jobs.running import expiry, transitions
from jobs.running.transitions import Scheduled
from jobs.specs import JobSpec, RecurrenceSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a schedule was left as it was, in words for its owner."""

    reason: str


# As many as take a hundredth of a second.
_MOST_FIRED = 20
_RECURRENCE_FIELDS = (
    "frequency",
    "timezone",
    "starts_at",
    "ends_at",
    "max_runs",
    "overlap",
    "catch_up",
    "include_metadata",
    "disable_after",
    "jitter_seconds",
    "managed_by",
    "skip_on",
    "only_on",
)


def create(spec: JobSpec, plan: RecurrenceSpec, *, user_id: UUID, now: datetime) -> Scheduled:
    """A schedule with its upcoming run, which is fired here and now if it is due: beat need not be waited for."""
    with transaction.atomic():
        job = first_run(spec, calendars.held(plan, user_id=user_id), user_id=user_id, now=now)
        scheduled = transitions.insert(job)
        if scheduled.is_new:
            begin([job], now=now)
    return scheduled


def create_keyed(spec: JobSpec, plan: RecurrenceSpec, *, user_id: UUID, now: datetime) -> Job | Refused | None:
    """The first run of a new schedule that has the key of its `plan`; None if another schedule has it."""
    try:
        with transaction.atomic():
            scheduled = create(spec, plan, user_id=user_id, now=now)
    except IntegrityError:
        if not Schedule.objects.existing().filter(user_id=user_id, key=plan.key).exists():
            raise
        return None
    if not scheduled.is_new:
        return Refused(f"another job holds the idempotency key {spec.idempotency_key!r}: cancel that one first")
    return scheduled.job


def first_run(spec: JobSpec, plan: RecurrenceSpec, *, user_id: UUID, now: datetime) -> Job:
    """The upcoming run of a new schedule, neither of them saved yet."""
    schedule = Schedule(
        user_id=user_id,
        key=plan.key,
        anchor_at=plan.first_run_at,
        inserted_at=now,
        enabled_at=now,
        **{name: getattr(spec, name) for name in REQUEST_FIELDS},
        **{name: getattr(plan, name) for name in _RECURRENCE_FIELDS},
    )
    schedule.known_days = plan.known_days
    schedule.periodic_task = beat_entries.new_entry(schedule)
    # Should its calendars leave none by now, it ends when that run is due.
    first = recurrence.at_or_after(schedule.rule, plan.first_run_at, ends_at=plan.ends_at) or plan.first_run_at
    return _upcoming(schedule, at=first, now=now)


def row_of(first_run: Job) -> sql.Row:
    """The row of its schedule, for `begin`: so much can be done before the transaction."""
    assert first_run.schedule is not None
    return sql.row(first_run.schedule, _OWN_COLUMNS)


def begin(first_runs: Sequence[Job], *, rows: Mapping[UUID, sql.Row] = {}, now: datetime) -> None:
    """Writes the schedules of first runs that are inserted already, and fires those runs that are due, up to twenty.

    Inside the transaction that has inserted them: in this order it is their keys that decide, before anything else is
    written; the database looks whether their schedules exist when it commits. A fixed number of queries. What it
    leaves is for beat, which knows of other tenants. `rows` are those of `row_of` that there are, by run.
    """
    if not first_runs:
        return
    beat_entries.insert_new([job.schedule for job in first_runs if job.schedule is not None])
    own_rows = [
        (*(rows.get(job.uuid) or row_of(job)), job.schedule.periodic_task_id)
        for job in first_runs
        if job.schedule is not None
    ]
    sql.insert_rows(Schedule._meta.db_table, own_rows, **_OWN_COLUMNS, periodic_task_id="int")
    due = [job for job in first_runs if job.scheduled_at <= now][:_MOST_FIRED]
    firing.fire(due, now=now)
    for job in due:
        job.is_upcoming = False


_OWN_COLUMNS = {
    **REQUEST_COLUMNS,
    "id": "uuid",
    "user_id": "uuid",
    "frequency": "text",
    "timezone": "text",
    "anchor_at": "timestamptz",
    "starts_at": "timestamptz",
    "ends_at": "timestamptz",
    "max_runs": "int",
    "overlap": "text",
    "catch_up": "text",
    "include_metadata": "boolean",
    "disable_after": "smallint",
    "jitter_seconds": "double precision",
    "discarded_in_a_row": "smallint",
    "key": "text",
    "managed_by": "text",
    "skip_on": "text",
    "only_on": "text",
    "inserted_at": "timestamptz",
    "enabled_at": "timestamptz",
    "run_count": "int",
    "state": "text",
    "previous": "text",
    "beat_frequency": "text",
}


def _upcoming(schedule: Schedule, *, at: datetime, now: datetime) -> Job:
    job = transitions.new_job(schedule, user_id=schedule.user_id, scheduled_at=schedule.due_at(at), now=now)
    job.schedule, job.occurrence_at, job.is_upcoming = schedule, at, True
    return job


def disable(schedule: Schedule, *, reason: str | None = None, now: datetime) -> Schedule | None:
    """enabled -> disabled: the upcoming run is cancelled, `$previous` dropped, `$state` kept. None if it is already.

    `reason` is in words for its owner, or by them.
    """
    with transaction.atomic():
        locked = lock(schedule)
        if locked is None or locked.disabled_at is not None:
            return None
        upcoming = Job.objects.filter(schedule_id=locked.id, is_upcoming=True)
        transitions.cancel_runs(upcoming, reason="schedule_disabled", now=now)
        firing.end([locked.id], reason=reason, forgets=True, now=now)
    return Schedule.objects.get(id=schedule.id)


def enable(schedule: Schedule, *, now: datetime) -> Schedule | Refused | None:
    """disabled -> enabled, from now on: what was missed stays missed, `$previous` is `{}`. None if it is already."""
    with transaction.atomic():
        locked = lock(schedule)
        if locked is None or locked.disabled_at is None:
            return None
        if locked.max_runs is not None and locked.run_count >= locked.max_runs:
            return Refused(f"all of its {locked.max_runs} runs are done: raise max_runs first")
        calendars.hold(locked)
        _times_ahead(locked, now=now).filter(state=JobState.CANCELLED).update(occurrence_at=None)
        at = _next_free(locked, now=now)
        if at is None:
            return Refused(_nothing_left(locked))
        try:
            with transaction.atomic():
                _upcoming(locked, at=at, now=now).save(force_insert=True)
        except IntegrityError:
            return Refused(f"another job holds its idempotency key {locked.idempotency_key!r}: cancel that one first")
        Schedule.objects.filter(id=locked.id).update(
            disabled_at=None, disabled_reason=None, discarded_in_a_row=0, enabled_at=now, previous={}
        )
        beat_entries.set_enabled([locked.id], is_enabled=True)
    return Schedule.objects.get(id=schedule.id)


def _nothing_left(schedule: Schedule) -> str:
    if schedule.calendar_names:
        return f"{firing.NO_DAY_LEFT}: put days that are to come first, or move ends_at"
    return "it has no run left before ends_at: move ends_at first"


def delete(schedule: Schedule, *, now: datetime) -> Schedule | None:
    """Switched off and gone for its owner; its row stays while the jobs it has run do. None if it was gone."""
    with transaction.atomic():
        disable(schedule, reason="it was deleted", now=now)
        if not Schedule.objects.existing().filter(id=schedule.id).update(deleted_at=now):
            return None
        schedule = Schedule.objects.get(id=schedule.id)
        beat_entries.delete(schedule)
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
        locked = lock(schedule)
        if locked is None:
            return None
        spec, plan = edited(locked)
        before = _timing(locked)
        for name in REQUEST_FIELDS:
            setattr(locked, name, getattr(spec, name))
        for name in _RECURRENCE_FIELDS:
            setattr(locked, name, getattr(plan, name))
        is_moved = plan.first_run_at != locked.anchor_at
        locked.anchor_at = plan.first_run_at
        calendars.hold(locked)
        beat_entries.write(locked)
        locked.save()
        if is_moved or _timing(locked)[0] != before[0]:
            _times_ahead(locked, now=now).update(occurrence_at=None)
        if locked.disabled_at is None:
            first = locked.anchor_at if is_moved and locked.anchor_at >= now else None
            if first is not None:
                first = recurrence.at_or_after(locked.rule, first, ends_at=locked.ends_at)
            is_retimed = is_moved or before != _timing(locked)
            refused = _rewrite_upcoming(locked, first=first, is_retimed=is_retimed, now=now)
            if refused is not None:
                transaction.set_rollback(True)
                return refused
    return Schedule.objects.get(id=schedule.id)


def _timing(schedule: Schedule) -> tuple[recurrence.Rule, Any]:
    """What decides when it runs: its grid, and the rest."""
    bounds = schedule.starts_at, schedule.ends_at, schedule.jitter_seconds
    return schedule.grid, (*bounds, schedule.skip_on, schedule.only_on)


def _rewrite_upcoming(schedule: Schedule, *, first: datetime | None, is_retimed: bool, now: datetime) -> Refused | None:
    fields: dict[str, Any] = {name: getattr(schedule, name) for name in REQUEST_FIELDS}
    if is_retimed:
        at = first or _next_free(schedule, now=now)
        if at is None:
            return Refused(f"it would end, as {firing.why_over(schedule)}: change that, or disable it")
        fields |= {"scheduled_at": schedule.due_at(at), "occurrence_at": at, "is_steered": False}
    fields["expires_at"] = _expires_at(schedule, due_at=fields.get("scheduled_at"), now=now)
    try:
        with transaction.atomic():
            Job.objects.filter(schedule_id=schedule.id, is_upcoming=True).update(**fields)
    except IntegrityError:
        return Refused(f"another job holds the idempotency key {schedule.idempotency_key!r}: cancel that one first")
    return None


def _expires_at(schedule: Schedule, *, due_at: datetime | None, now: datetime) -> datetime | None:
    """The expiry of its upcoming run, due then, or (None) when it was to be; no query where runs do not expire."""
    if all(schedule.args.get(name) is None for name in expiry.FIELDS):
        return None
    if due_at is None:
        upcoming = Job.objects.filter(schedule_id=schedule.id, is_upcoming=True)
        at = upcoming.values_list("occurrence_at", flat=True).first()
        due_at = now if at is None else schedule.due_at(at)
    return expiry.moment(schedule.args, due_at=due_at, now=now)


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
    if latest is None and schedule.calendar_names and schedule.anchor_at > now:
        return recurrence.at_or_after(schedule.rule, schedule.anchor_at, ends_at=ends_at)
    return recurrence.next_run(schedule.rule, after=latest or now, starts_at=starts_at, ends_at=ends_at)


def trigger(schedule: Schedule, *, now: datetime) -> Job:
    """One more run, now, outside the grid."""
    job = transitions.new_job(schedule, user_id=schedule.user_id, scheduled_at=now, now=now)
    job.schedule_id, job.idempotency_key = schedule.id, None
    job.save(force_insert=True)
    limits.touch([(job.queue_id, now)])
    traced_runs.tell([job], name="trigger", now=now)
    return job


def lock(schedule: Schedule) -> Schedule | None:
    return Schedule.objects.existing().select_for_update(no_key=True).filter(id=schedule.id).first()


def lock_of(job: Job) -> Schedule | None:
    return (
        None
        if job.schedule_id is None
        else Schedule.objects.select_for_update(no_key=True).filter(id=job.schedule_id).first()
    )
