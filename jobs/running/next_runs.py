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
    wanted: list[tuple[Ended, Schedule, datetime]] = []
    refused: list[tuple[Ended, str]] = []
    for item in asking:
        schedule = None if item.job.schedule_id is None else schedules.get(item.job.schedule_id)
        if schedule is None or item.job.id in passed_over:
            continue
        try:
            wanted.append((item, schedule, _moment(item.wishes, schedule, now=now)))
        except _Refused as refusal:
            refused.append((item, str(refusal)))
    times = _take(wanted, refused, now=now)
    return Moved(times, [_logged(item, reason, now=now) for item, reason in refused])


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


def _take(
    wanted: Sequence[tuple[Ended, Schedule, datetime]], refused: list[tuple[Ended, str]], *, now: datetime
) -> dict[int, datetime]:
    """scheduled -> the same, due then, for the upcoming runs that there are; adds to `refused`. Three queries."""
    if not wanted:
        return {}
    ids, moments = {schedule.id for _, schedule, _ in wanted}, {at for _, _, at in wanted}
    # Whoever fires or edits a schedule holds its row, so that these stay what they are.
    upcoming = {job.schedule_id: job for job in Job.objects.filter(schedule_id__in=ids, is_upcoming=True)}
    made = Job.objects.filter(schedule_id__in=ids, is_upcoming=False, occurrence_at__in=moments)
    taken = set(made.values_list("schedule_id", "occurrence_at"))
    times: dict[int, datetime] = {}
    moved: dict[int, Job] = {}
    for item, schedule, at in wanted:
        run = upcoming.get(schedule.id)
        if run is None:
            continue
        if (schedule.id, at) in taken:
            refused.append((item, "a run for that moment was made already"))
            continue
        run.scheduled_at = run.occurrence_at = times[item.job.id] = at
        run.is_steered = True
        run.expires_at = None if run.expires_at is None else expiry.moment(run.args, due_at=at, now=now)
        moved[run.id] = run
    if moved:
        fields = ["scheduled_at", "occurrence_at", "is_steered", "expires_at"]
        Job.objects.filter(is_upcoming=True).bulk_update(moved.values(), fields)
    return times


def _logged(item: Ended, reason: str, *, now: datetime) -> Entry:
    message = f"{item.wishes.name_of_next} can't be had: {reason}"
    return event_log.entry(
        event=EventType.ERROR,
        job_id=item.job.id,
        user_id=item.job.user_id,
        attempt=item.job.attempt,
        payload={"code": steering.REFUSED, "message": message, "retry_at": None},
        now=now,
    )
