"""Every write of a calendar, and how the upcoming runs of the schedules that use it follow."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q

from booper.timing import recurrence
from booper.timing.days import Days
from jobs.models import Calendar, Job, Schedule
from jobs.models.calendar import NOT_THERE, packed
from jobs.recurring import firing
from jobs.running import expiry, transitions
from jobs.specs import RecurrenceSpec

MOST_CALENDARS = 1000
MOST_NAMED = 20
# Schedules whose upcoming runs are moved in one transaction.
_BATCH = 200
_LEFT_OUT = "calendar"
_MICROSECOND = timedelta(microseconds=1)
_FIRST_ID = UUID(int=0)


class TooMany(Exception):
    """The owner has MOST_CALENDARS already."""


@dataclass(frozen=True, slots=True)
class InUse:
    """Why a calendar was not deleted: the schedules that name it, MOST_NAMED of them at most, by key or uuid."""

    schedules: list[str]


def put(user_id: UUID, name: str, *, source: dict[str, Any], days: Days, now: datetime) -> tuple[Calendar, bool]:
    """The calendar, and whether it is new; one that says the same already is left as it is. Raises TooMany.

    With other days it is unsettled, until `settle` has moved the upcoming runs of what uses it.
    """
    with transaction.atomic():
        mine = Calendar.objects.filter(user_id=user_id)
        row = mine.select_for_update(no_key=True).filter(name=name).first()
        if row is None:
            if mine.count() >= MOST_CALENDARS:
                raise TooMany
            fields = source | {"days": packed(days), "inserted_at": now, "updated_at": now}
            # Somebody else may make it at the same moment: then it is theirs that is replaced.
            row, is_new = Calendar.objects.get_or_create(user_id=user_id, name=name, defaults=fields)
            if is_new:
                # A schedule may have named one that was deleted since.
                _unsettle(row, now=now)
                return row, True
        if all(getattr(row, field) == value for field, value in source.items()) and row.listed_days == days:
            return row, False
        if row.listed_days != days:
            _unsettle(row, now=now)
        for field, value in source.items():
            setattr(row, field, value)
        row.days, row.updated_at, row.version = packed(days), now, row.version + 1
        row.save()
    return row, False


def _unsettle(row: Calendar, *, now: datetime) -> None:
    row.unsettled_at, row.settled_to = now, None
    Calendar.objects.filter(id=row.id).update(unsettled_at=now, settled_to=None)


def delete(calendar: Calendar) -> InUse | bool:
    """Deletes it unless a schedule names it; False if it was gone already."""
    with transaction.atomic():
        # Whoever is about to name it holds its row.
        row = Calendar.objects.select_for_update().filter(id=calendar.id).first()
        if row is None:
            return False
        if users := users_of(row.user_id, [row.name])[row.name]:
            return InUse(users)
        row.delete()
    return True


def users_of(user_id: UUID, names: Collection[str]) -> dict[str, list[str]]:
    """The schedules that name each calendar, by key or uuid, MOST_NAMED of them at most. One query."""
    found: dict[str, list[str]] = {name: [] for name in names}
    rows = _using_any(user_id).order_by("user_id", "id").values_list("id", "key", "skip_on", "only_on")
    for schedule_id, key, skip_on, only_on in rows.iterator(chunk_size=2000):
        for name in dict.fromkeys([*(skip_on or ()), *(only_on or ())]):
            if name in found and len(found[name]) < MOST_NAMED:
                found[name].append(key or str(schedule_id))
    return found


def _using_any(user_id: UUID) -> Any:
    with_calendars = Q(skip_on__isnull=False) | Q(only_on__isnull=False)
    return Schedule.objects.existing().filter(with_calendars, user_id=user_id)


def held(plan: RecurrenceSpec, *, user_id: UUID) -> RecurrenceSpec:
    """The plan of a new schedule, with the days of its calendars as they are now."""
    [found] = held_all([plan], user_id=user_id)
    return found


def held_all(plans: Iterable[RecurrenceSpec], *, user_id: UUID) -> list[RecurrenceSpec]:
    """The same for many. No query if none has calendars, else one, which locks them.

    Inside the transaction that makes the schedules: who edits a calendar waits for it, and moves their runs then.
    """
    wanted = list(plans)
    names = {name for plan in wanted for name in (*(plan.skip_on or ()), *(plan.only_on or ()))}
    if not names:
        return wanted
    known = _locked_days(user_id, names)
    return [replace(plan, known_days=known) if plan.skip_on or plan.only_on else plan for plan in wanted]


def hold(schedule: Schedule) -> None:
    """Reads the days of the calendars of a schedule that is edited or enabled, and locks them until that is done."""
    if names := schedule.calendar_names:
        schedule.known_days = _locked_days(schedule.user_id, names)


def _locked_days(user_id: UUID, names: Collection[str]) -> dict[str, Days]:
    rows = Calendar.objects.named(user_id, names).select_for_update(no_key=True).order_by("id")
    return dict.fromkeys(names, NOT_THERE) | {row.name: row.listed_days for row in rows}


@dataclass(frozen=True, slots=True)
class Settled:
    """How many schedules were looked at, whether all were, and whether a webhook is to be told of a cancelled run."""

    looked_at: int
    is_done: bool
    has_deliveries: bool


def settle(calendar: Calendar, *, limit: int, now: datetime) -> Settled:
    """Moves the upcoming runs of the schedules that use the calendar, `limit` of them at most, from where it stopped.

    In batches, each a transaction that notes how far it got: what a crash leaves is taken up by the next look of beat.
    """
    looked_at, has_deliveries, after = 0, False, calendar.settled_to
    version = calendar.version
    while looked_at < limit:
        ids = _next_users(calendar, after=after)
        after = ids[-1] if ids else None
        with transaction.atomic():
            has_deliveries |= _follow(ids, now=now)
            mine = Calendar.objects.filter(id=calendar.id, version=version, unsettled_at__isnull=False)
            if len(ids) < _BATCH:
                mine.update(unsettled_at=None, settled_to=None)
                return Settled(looked_at + len(ids), True, has_deliveries)
            mine.update(settled_to=after)
        looked_at += len(ids)
    return Settled(looked_at, False, has_deliveries)


def settle_some(*, limit: int, now: datetime) -> Settled:
    """The same for one that is unsettled, if any is: for beat. One query where none is."""
    calendar = Calendar.objects.filter(unsettled_at__isnull=False).order_by("id").defer("ics", "dates").first()
    return Settled(0, True, False) if calendar is None else settle(calendar, limit=limit, now=now)


def _next_users(calendar: Calendar, *, after: UUID | None) -> list[UUID]:
    rows = _using_any(calendar.user_id).filter(id__gt=after or _FIRST_ID, disabled_at__isnull=True)
    found: list[UUID] = []
    for row in rows.order_by("id").only("id", "skip_on", "only_on").iterator(chunk_size=1000):
        if calendar.name in row.calendar_names:
            found.append(row.id)
            if len(found) == _BATCH:
                break
    return found


def _follow(schedule_ids: Sequence[UUID], *, now: datetime) -> bool:
    """Inside a transaction. Whether a webhook is to be told of a run that was cancelled."""
    if not schedule_ids:
        return False
    rows = Schedule.objects.existing().select_for_update(no_key=True).filter(id__in=schedule_ids)
    schedules = {row.id: row for row in rows.filter(disabled_at__isnull=True).order_by("id")}
    firing.read_calendars(schedules.values())
    # What is due is judged when it is fired.
    upcoming = list(Job.objects.filter(schedule_id__in=list(schedules), is_upcoming=True, occurrence_at__gt=now))
    moves = list(_moves(schedules, upcoming, now=now))
    out = [job.id for job, _, is_left_out in moves if is_left_out]
    transitions.cancel_runs(Job.objects.filter(id__in=out), reason=_LEFT_OUT, now=now)
    Job.objects.filter(id__in=out).update(is_upcoming=False)
    anew = [(schedules[job.schedule_id], at) for job, at, is_left_out in moves if is_left_out and at is not None]
    firing.insert_upcoming(anew, now=now)
    ended = [job.schedule_id for job, at, _ in moves if at is None]
    firing.end(ended, reason=firing.NO_DAY_LEFT, now=now)
    moved = [(job, at) for job, at, is_left_out in moves if at is not None and not is_left_out]
    for job, at in moved:
        job.occurrence_at, job.scheduled_at, job.is_steered = at, schedules[job.schedule_id].due_at(at), False
        if job.expires_at is not None:
            job.expires_at = expiry.moment(job.args, due_at=job.scheduled_at, now=now)
    Job.objects.bulk_update([job for job, _ in moved], ["occurrence_at", "scheduled_at", "is_steered", "expires_at"])
    return any(is_left_out and job.webhook_url for job, _, is_left_out in moves)


def _moves(
    schedules: dict[UUID, Schedule], upcoming: Sequence[Job], *, now: datetime
) -> Iterator[tuple[Any, datetime | None, bool]]:
    """The runs that have another time now, None if there is none, and whether their own is left out."""
    ahead = Job.objects.filter(schedule_id__in=list(schedules), is_upcoming=False, occurrence_at__gte=now)
    latest = dict(ahead.order_by().values_list("schedule_id").annotate(Max("occurrence_at")))
    for job in upcoming:
        assert job.schedule_id is not None
        assert job.occurrence_at is not None
        schedule = schedules[job.schedule_id]
        rule, at = schedule.rule, job.occurrence_at
        is_left_out = recurrence.why_not(rule, at) is not None
        if not is_left_out and recurrence.next_run(rule, after=at - _MICROSECOND) != at:
            continue  # a first run that was asked for off the grid
        first = max(latest.get(job.schedule_id) or now, now, schedule.anchor_at - _MICROSECOND)
        found = recurrence.next_run(rule, after=first, starts_at=schedule.starts_at, ends_at=schedule.ends_at)
        if found != at:
            yield job, found, is_left_out
