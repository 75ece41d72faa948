"""Disables a schedule whose runs were discarded `disable_after` times in a row."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from jobs.database import schedule_ends
from jobs.database.claimed_job import AnyJob
from jobs.models import EventType, Job, JobState, LogEvent, Schedule
from jobs.running import schedule_memory, transitions


def counted(job: AnyJob, state: JobState) -> UUID | None:
    """The schedule that counts this run, which has ended in `state`; None for most, so that they cost nothing.

    The args of a run are those that its schedule had: a schedule that has taken `disable_after` since counts from its
    next run on.
    """
    has_ended = state in (JobState.COMPLETED, JobState.DISCARDED)
    return job.schedule_id if has_ended and job.args.get("disable_after") is not None else None


def count(ended: Iterable[tuple[AnyJob, JobState]], *, now: datetime) -> None:
    """Counts runs that have ended, in their order, and switches off those schedules that reach their limit.

    Inside the transaction that has recorded the runs, and before their ends are logged. Locks the schedules,
    if they are not yet.
    """
    counting = [(job, state, schedule_id) for job, state in ended if (schedule_id := counted(job, state)) is not None]
    again = _ended_before([job.id for job, state, _ in counting if state == JobState.DISCARDED])
    states: dict[UUID, list[JobState]] = defaultdict(list)
    for job, state, schedule_id in counting:
        # Retried by hand and discarded once more, it is the same run.
        if job.id not in again:
            states[schedule_id].append(state)
    for schedule in schedule_memory.locked(states).values():
        _count(schedule, states[schedule.id], now=now)


def _ended_before(job_ids: Sequence[int]) -> set[int]:
    """The runs whose log has an end: that of this attempt is not written yet."""
    if not job_ids:
        return set()
    ends = LogEvent.objects.filter(job_id__in=job_ids, event=EventType.FINISHED)
    return set(ends.values_list("job_id", flat=True))


def _count(schedule: Schedule, states: Sequence[JobState], *, now: datetime) -> None:
    limit, streak, longest = schedule.disable_after, schedule.discarded_in_a_row, 0
    for state in states:
        streak = streak + 1 if state == JobState.DISCARDED else 0
        longest = max(longest, streak)
    if streak != schedule.discarded_in_a_row:
        Schedule.objects.filter(id=schedule.id).update(discarded_in_a_row=min(streak, _MOST))
    if limit is not None and longest >= limit and schedule.disabled_at is None:
        upcoming = Job.objects.filter(schedule_id=schedule.id, is_upcoming=True)
        transitions.cancel_runs(upcoming, reason="schedule_disabled", now=now)
        runs = "its last run was discarded" if limit == 1 else f"its last {limit} runs were discarded"
        schedule_ends.switch_off([schedule.id], reason=f"{runs} (disable_after)", forgets=True, now=now)


# As large as its column is.
_MOST = 2**15 - 1
