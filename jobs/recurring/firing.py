"""Fires the runs of schedules that are due: each once, its successor written with it, however many beats there are."""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Max, QuerySet

from booper.timing import recurrence
from jobs.database import faults, lower_bounds, schedule_ends, sql
from jobs.database.fair_shares import Tenants
from jobs.database.lower_bounds import Look, LowerBounds, Mark
from jobs.guarding import suspension
from jobs.models import REQUEST_COLUMNS, UNFINISHED_STATES, Calendar, CatchUp, Job, JobState, Overlap, Schedule
from jobs.models.calendar import NOT_THERE
from jobs.models.identifiers import uuid7_hexes
from jobs.queues import limits
from jobs.recurring import beat_entries, traced_runs
from jobs.running import expiry, transitions
from jobs.telemetry import traces

logger = logging.getLogger(__name__)

# What is later than this was missed, by an outage; what is less late is made up for, run by run.
MISSED_AFTER = timedelta(seconds=60)
# A run that waits for the one before it is let go when that ends; so often it is looked at in case that was missed.
HELD_FOR = timedelta(seconds=30)
# Why schedules end by themselves, for their owners.
ALL_DONE = "its max_runs are done"
NO_RUN_LEFT = "no run is left before its ends_at"
NO_DAY_LEFT = "its calendars (skip_on, only_on) leave it no run"


@dataclass(frozen=True, slots=True)
class Successor:
    """What becomes of one run that is due, and when the next one is; no `next_at`: the schedule ends with this run."""

    job: Job
    schedule: Schedule
    occurrence_at: datetime
    next_at: datetime | None
    skipped_because: str | None = None
    ends_for: str | None = None


# What is due of one tenant, or (without one) of all.
_DUE = """
SELECT schedule_id FROM (
    SELECT schedule_id FROM jobs_job WHERE is_upcoming AND scheduled_at <= %(now)s {behind} {also}
    ORDER BY scheduled_at, id LIMIT {limit}
) AS due{number}
"""
_LOCKED = "SELECT s.id FROM ({due}) AS j JOIN jobs_schedule s ON s.id = j.schedule_id"


def new_tenants(bounds: LowerBounds) -> Tenants:
    """What a beat remembers of who has something due, to be asked for the `shares` of `fire_due`."""
    return Tenants(bounds, table="jobs_job", waiting="is_upcoming", due_at="scheduled_at")


def fire_due(*, limit: int, mark: Mark | None = None, shares: Sequence[Look] = (), now: datetime) -> int:
    """Fires up to `limit` runs from `mark` on, in one transaction and a fixed number of queries; how many they were.

    With `shares`, those of each tenant that they name instead: one with a thousand schedules holds up no other.
    The schedule's row is the lock, here and for whoever enables, edits or ends it. Should one schedule be beyond
    firing, the others are fired all the same, and that one is switched off.
    """
    looks = shares or [Look(limit, mark)]
    try:
        with transaction.atomic():
            upcoming = _lock_due(looks, now=now)
            fire(upcoming, now=now)
            return len(upcoming)
    except Exception as error:
        if faults.is_of_the_database(error):
            raise
        logger.exception("runs that are due can't be fired together, so one by one")
    return _fire_each(looks, now=now)


def _lock_due(looks: Sequence[Look], *, now: datetime) -> list[Job]:
    lock = " FOR NO KEY UPDATE OF s SKIP LOCKED" if sql.is_postgresql() else ""
    behind, parameters = lower_bounds.conditions(looks, "scheduled_at")
    selects = [
        _DUE.format(behind=after, also=_of(look), limit=int(look.limit), number=number)
        for number, (look, after) in enumerate(zip(looks, behind, strict=True))
    ]
    with connection.cursor() as cursor:
        statement = _LOCKED.format(due=" UNION ALL ".join(selects)) + lock
        cursor.execute(statement, {"now": sql.time_value(now), **parameters})
        ids = [Schedule._meta.pk.to_python(row[0]) for row in cursor.fetchall()]
    due = Job.objects.filter(schedule_id__in=ids, is_upcoming=True, scheduled_at__lte=now).select_related("schedule")
    return list(due if traces.are_on() else due.defer(*_NOT_NEEDED)) if ids else []


# A run and its schedule have about sixty columns more, some of them large; spans of traces tell of many.
_NEEDED = {"id", "schedule_id", "queue_id", "occurrence_at", "scheduled_at", "expires_at", "is_upcoming", "is_steered"}
_NOT_NEEDED = [
    *(field.name for field in Job._meta.concrete_fields if field.attname not in _NEEDED),
    *("schedule__state", "schedule__previous", "schedule__periodic_task"),
]


def _of(look: Look) -> str:
    return _of_nobody_suspended() if look.key is None else f"AND user_id = '{look.key}'"


def _of_nobody_suspended() -> str:
    """The condition, empty where nobody is: a run that is due then waits, and is made up for as after an outage."""
    held = ", ".join(f"'{user_id.hex}'" for user_id in suspension.held().users)
    return f"AND user_id NOT IN ({held})" if held else ""


def _fire_each(looks: Sequence[Look], *, now: datetime) -> int:
    with transaction.atomic():
        upcoming = _lock_due(looks, now=now)
        for job in upcoming:
            try:
                with transaction.atomic():
                    fire([job], now=now)
            except Exception as error:
                if faults.is_of_the_database(error):
                    raise
                logger.exception("schedule %s can't be fired and is switched off", job.schedule_id)
                transitions.cancel_runs(Job.objects.filter(id=job.id), reason="cannot_be_fired", now=now)
                ids = [job.schedule.id] if job.schedule is not None else []
                end(ids, reason="its next run can't be made", now=now)
    return len(upcoming)


_NEXT = "SELECT scheduled_at, id FROM jobs_job WHERE is_upcoming {behind} {also} ORDER BY scheduled_at, id LIMIT 1"


def next_due(*, mark: Mark | None = None) -> Mark | None:
    """The next run to be fired, of those from `mark` on, by index."""
    (behind,), parameters = lower_bounds.conditions([Look(1, mark)], "scheduled_at")
    with connection.cursor() as cursor:
        cursor.execute(_NEXT.format(behind=behind, also=_of_nobody_suspended()), parameters)
        found = cursor.fetchone()
    return None if found is None else Mark(sql.time_from_row(found[0]), found[1])


def fire(upcoming: Sequence[Job], *, is_asked_for: bool = False, now: datetime) -> None:
    """Hands the upcoming runs to the workers, or skips them, and writes those after them.

    Inside the transaction that has locked their schedules. One that its owner has asked for waits for no other.
    """
    if not upcoming:
        return
    read_calendars([job.schedule for job in upcoming if job.schedule is not None])
    going = _with_a_run_going([job.schedule for job in upcoming if job.schedule is not None])
    if not is_asked_for:
        upcoming = _without_held(upcoming, going=going, now=now)
    ahead = _made_ahead(upcoming)
    successors = [
        _judge(
            job, is_going=job.schedule_id in going, is_asked_for=is_asked_for, ahead=ahead.get(job.schedule_id), now=now
        )
        for job in upcoming
    ]
    _cancel_those_before(successors, going=going, now=now)
    Job.objects.filter(id__in=[job.id for job in upcoming]).update(is_upcoming=False)
    _move([item for item in successors if item.occurrence_at != item.job.occurrence_at], now=now)
    for reason in ("catch_up", "overlap", "calendar"):
        skipped = [item.job.id for item in successors if item.skipped_because == reason]
        if skipped:
            transitions.cancel_runs(Job.objects.filter(id__in=skipped), reason=reason, now=now)
    ran = [item.schedule.id for item in successors if item.skipped_because is None]
    _drop_stale(ran, fired=[job.id for job in upcoming], now=now)
    limits.touch((item.job.queue_id, now) for item in successors if item.skipped_because is None)
    insert_upcoming([(item.schedule, item.next_at) for item in successors if item.next_at is not None], now=now)
    Schedule.objects.filter(id__in=ran).update(run_count=F("run_count") + 1)
    beat_entries.count_runs(ran, now=now)
    traced_runs.tell([item.job for item in successors if item.skipped_because is None], name="fire", now=now)
    for reason in (ALL_DONE, NO_RUN_LEFT, NO_DAY_LEFT):
        end([item.schedule.id for item in successors if item.ends_for == reason], reason=reason, now=now)


def end(schedule_ids: Iterable[UUID], *, reason: str | None, forgets: bool = False, now: datetime) -> None:
    """Switches schedules off: no run is left, or (`forgets` `$previous`) none is wanted.

    One that ends by itself forgets nothing, as its last run has still to be sent.
    """
    schedule_ends.switch_off(schedule_ids, reason=reason, forgets=forgets, now=now)


def insert_upcoming(runs: Sequence[tuple[Schedule, datetime]], *, now: datetime) -> None:
    """The upcoming run of each schedule, in one statement."""
    identifiers = uuid7_hexes(len(runs))
    rows = [_row(schedule, at, uuid, now=now) for (schedule, at), uuid in zip(runs, identifiers, strict=True)]
    sql.insert_rows(Job._meta.db_table, rows, **JOB_COLUMNS)


def _row(schedule: Schedule, at: datetime, uuid: str, *, now: datetime) -> sql.Row:
    """Values in the order of JOB_COLUMNS. A model's instance would cost more than all else that firing does."""
    due_at = schedule.due_at(at)
    expires_at = expiry.moment(schedule.args, due_at=due_at, now=now)
    return (
        *sql.row(schedule, REQUEST_COLUMNS),
        uuid,
        schedule.user_id.hex,
        schedule.id.hex,
        JobState.SCHEDULED.value,
        sql.time_text(at),
        True,
        sql.time_text(now),
        sql.time_text(due_at),
        None if expires_at is None else sql.time_text(expires_at),
        0,
        0,
    )


JOB_COLUMNS = {
    **REQUEST_COLUMNS,
    "uuid": "uuid",
    "user_id": "uuid",
    "schedule_id": "uuid",
    "state": "text",
    "occurrence_at": "timestamptz",
    "is_upcoming": "boolean",
    "inserted_at": "timestamptz",
    "scheduled_at": "timestamptz",
    "expires_at": "timestamptz",
    "attempt": "smallint",
    "event_count": "int",
}


def _judge(job: Job, *, is_going: bool, is_asked_for: bool, ahead: datetime | None, now: datetime) -> Successor:
    """`ahead`: the last time on the grid that a run was made for already, if that is after this one's."""
    schedule = job.schedule
    assert schedule is not None
    assert job.occurrence_at is not None
    rule, starts_at, ends_at = schedule.rule, schedule.starts_at, schedule.ends_at
    occurrence_at = job.occurrence_at
    after = ahead or occurrence_at
    skipped_because = None
    if now - job.scheduled_at > MISSED_AFTER:
        # With jitter, a run on the grid of late may be due a little later yet.
        over = now - timedelta(seconds=schedule.jitter_seconds or 0)
        after = max(after, over)
        if schedule.catch_up == CatchUp.SKIP:
            skipped_because = "catch_up"
        else:
            seen = ahead or occurrence_at
            missed = recurrence.latest_missed(rule, after=seen, now=over, starts_at=starts_at, ends_at=ends_at)
            occurrence_at = missed or occurrence_at
    if schedule.overlap == Overlap.QUEUE and job.planned_at is not None and job.scheduled_at > job.planned_at:
        # It has waited, and those whose time has come meanwhile are left out.
        after = max(after, now)
    if skipped_because is None and not is_asked_for and recurrence.why_not(rule, occurrence_at) is not None:
        # A calendar was edited, and its run has not been moved yet.
        skipped_because = "calendar"
    if skipped_because is None and schedule.overlap == Overlap.SKIP and is_going:
        skipped_because = "overlap"
    run_count = schedule.run_count + (skipped_because is None)
    is_last = schedule.max_runs is not None and run_count >= schedule.max_runs
    next_at = None if is_last else recurrence.next_run(rule, after=after, starts_at=starts_at, ends_at=ends_at)
    ends_for = ALL_DONE if is_last else why_over(schedule) if next_at is None else None
    return Successor(job, schedule, occurrence_at, next_at, skipped_because, ends_for)


def _made_ahead(upcoming: Sequence[Job]) -> dict[UUID | None, datetime]:
    """The last time that a run was made for beyond each of these, by schedule: no query unless one was steered there.

    Otherwise runs are made in the order of the grid, and there is none beyond the upcoming one.
    """
    steered = {job.schedule_id: job.occurrence_at for job in upcoming if job.is_steered and job.occurrence_at}
    if not steered:
        return {}
    runs = Job.objects.filter(schedule_id__in=list(steered), is_upcoming=False, occurrence_at__gt=min(steered.values()))
    latest = runs.order_by().values_list("schedule_id").annotate(Max("occurrence_at"))
    return {schedule_id: at for schedule_id, at in latest if at > steered[schedule_id]}


def why_over(schedule: Schedule) -> str:
    """Why it ends, for its owner, if no run is left."""
    return NO_DAY_LEFT if schedule.calendar_names else NO_RUN_LEFT


def read_calendars(schedules: Iterable[Schedule]) -> None:
    """Reads the days of all their calendars: one query, none where no schedule has any."""
    using = [(schedule, names) for schedule in schedules if (names := schedule.calendar_names)]
    if not using:
        return
    all_names = {name for _, names in using for name in names}
    rows = Calendar.objects.filter(user_id__in={schedule.user_id for schedule, _ in using}, name__in=all_names)
    known = {(row.user_id, row.name): row.listed_days for row in rows.only("user_id", "name", "days")}
    for schedule, names in using:
        schedule.known_days = {name: known.get((schedule.user_id, name), NOT_THERE) for name in names}


def _with_a_run_going(schedules: Sequence[Schedule]) -> set[Any]:
    careful = [schedule.id for schedule in schedules if schedule.overlap != Overlap.ALLOW]
    return set(_going(careful).values_list("schedule_id", flat=True)) if careful else set()


def _going(schedule_ids: Iterable[UUID]) -> QuerySet[Job]:
    """The runs before the upcoming ones. What is made up for a time that was over is beside them."""
    runs = Job.objects.filter(schedule_id__in=schedule_ids, state__in=UNFINISHED_STATES)
    return runs.filter(is_upcoming=False, is_backfilled=False)


def _without_held(upcoming: Sequence[Job], *, going: Collection[UUID | None], now: datetime) -> Sequence[Job]:
    """The runs that need not wait for the run before them; the others are looked at again in a while."""
    held = [job.id for job in upcoming if job.schedule_id in going and _overlap_of(job) == Overlap.QUEUE]
    if not held:
        return upcoming
    Job.objects.filter(id__in=held).update(scheduled_at=now + HELD_FOR)
    return [job for job in upcoming if job.id not in held]


def _cancel_those_before(successors: Sequence[Successor], *, going: Collection[UUID | None], now: datetime) -> None:
    ids = [
        item.schedule.id
        for item in successors
        if item.schedule.id in going and item.schedule.overlap == Overlap.CANCEL and item.skipped_because is None
    ]
    if ids:
        before = _going(ids).order_by("id").select_for_update().values_list("id", flat=True)
        transitions.cancel_locked(list(before), reason="overlap_cancel", now=now)


def _overlap_of(job: Job) -> str:
    assert job.schedule is not None
    return job.schedule.overlap


def _move(late: Sequence[Successor], *, now: datetime) -> None:
    for item in late:
        item.job.occurrence_at, item.job.scheduled_at = item.occurrence_at, item.schedule.due_at(item.occurrence_at)
        if item.job.expires_at is not None:
            item.job.expires_at = expiry.moment(item.schedule.args, due_at=item.job.scheduled_at, now=now)
    if late:
        Job.objects.bulk_update([item.job for item in late], ["occurrence_at", "scheduled_at", "expires_at"])


def _drop_stale(schedule_ids: Sequence[UUID], *, fired: Sequence[int], now: datetime) -> None:
    """Runs that were fired but no worker has taken up for a minute: in an outage one late run is enough."""
    stale = Job.objects.filter(
        schedule_id__in=schedule_ids,
        state=JobState.SCHEDULED,
        is_upcoming=False,
        occurrence_at__isnull=False,
        is_backfilled=False,
        scheduled_at__lt=now - MISSED_AFTER,
    ).exclude(id__in=fired)
    if stale.exists():
        transitions.cancel_runs(stale, reason="catch_up", now=now)
