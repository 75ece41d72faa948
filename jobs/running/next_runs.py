"""Gives the upcoming run of a schedule the time that the run before it was answered with: `$next_in`, `$next_at`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from booper.outcomes import steering
from booper.outcomes.steering import Wishes
from booper.timing import durations
from booper.timing.timestamps import timestamp
from jobs.database import event_log
from jobs.database.event_log import Entry
from jobs.models import EventType, Job, JobState, Schedule
from jobs.running import expiry
from jobs.running.ended import Ended

_SHORTEST = timedelta(seconds=steering.SHORTEST_NEXT_SECONDS)


@dataclass(frozen=True, slots=True)
class Moved:
    """When the next run is, by the numbers of the runs that said so; rows of the log about what makes no sense."""

    times: Mapping[int, datetime] = field(default_factory=dict)
    refusals: Sequence[Entry] = ()


NOTHING = Moved()


class _Refused(ValueError):
    """Why the next run can't be then, in words for its owner."""


def move(ended: Sequence[Ended], schedules: Mapping[UUID, Schedule], *, now: datetime) -> Moved:
    """Moves the upcoming runs of these schedules, `locked`, inside the transaction that has recorded the runs.

    Triggered and backfilled runs are passed over, and so is a schedule that has no run to come. No query where nobody
    asks for it.
    """
    asking = [item for item in ended if _asks(item)]
    if not asking:
        return NOTHING
    backfilled = Job.objects.filter(id__in=[item.job.id for item in asking], is_backfilled=True)
    passed_over = set(backfilled.values_list("id", flat=True))
    times: dict[int, datetime] = {}
    refusals: list[Entry] = []
    for item in asking:
        schedule = None if item.job.schedule_id is None else schedules.get(item.job.schedule_id)
        if schedule is None or item.job.id in passed_over:
            continue
        try:
            at = _moment(item.wishes, schedule, now=now)
            if _take(schedule, at, now=now):
                times[item.job.id] = at
        except _Refused as refused:
            refusals.append(_logged(item, f"{item.wishes.name_of_next} can't be had: {refused}", now=now))
    return Moved(times, refusals)


def _asks(item: Ended) -> bool:
    """What was triggered has no time on the grid. What ends its schedule has no next run."""
    wishes = item.wishes
    if item.state != JobState.COMPLETED or wishes.name_of_next is None or wishes.stops or wishes.pauses:
        return False
    return item.job.schedule_id is not None and item.job.occurrence_at is not None


def _moment(wishes: Wishes, schedule: Schedule, *, now: datetime) -> datetime:
    """When the run is to be. Raises _Refused."""
    parse = partial(durations.parse_moment, now=now, zone=schedule.zone)
    at = parse(wishes.next_at) if wishes.next_in is None else wishes.next_in.after(now, zone=schedule.zone)
    if at <= now:
        raise _Refused("it is over, so name a moment that is to come")
    at = max(at, now + _SHORTEST)
    if schedule.ends_at is not None and at > schedule.ends_at:
        raise _Refused(f"it is after the schedule's ends_at, {timestamp(schedule.ends_at)}")
    if schedule.starts_at is not None and at < schedule.starts_at:
        raise _Refused(f"it is before the schedule's starts_at, {timestamp(schedule.starts_at)}")
    return at


def _take(schedule: Schedule, at: datetime, *, now: datetime) -> bool:
    """scheduled -> the same, due then, for the upcoming run, if there is one. Raises _Refused."""
    upcoming = Job.objects.filter(schedule_id=schedule.id, is_upcoming=True).first()
    if upcoming is None:
        return False
    if Job.objects.filter(schedule_id=schedule.id, is_upcoming=False, occurrence_at=at).exists():
        raise _Refused("a run for that moment was made already")
    expires_at = None if upcoming.expires_at is None else expiry.moment(upcoming.args, due_at=at, now=now)
    fields = {"scheduled_at": at, "occurrence_at": at, "is_steered": True, "expires_at": expires_at}
    return bool(Job.objects.filter(id=upcoming.id, is_upcoming=True).update(**fields))


def _logged(item: Ended, message: str, *, now: datetime) -> Entry:
    return event_log.entry(
        event=EventType.ERROR,
        job_id=item.job.id,
        user_id=item.job.user_id,
        attempt=item.job.attempt,
        payload={"code": steering.REFUSED, "message": message, "retry_at": None},
        now=now,
    )
