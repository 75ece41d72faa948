"""Switches off the schedules whose targets asked for it: `$stop` ends one, `$pause` disables it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booper.outcomes.steering import Wishes
from jobs.database import schedule_ends
from jobs.database.claimed_job import AnyJob
from jobs.models import Job
from jobs.running import schedule_memory, transitions


def steered(job: AnyJob, wishes: Wishes) -> UUID | None:
    """The schedule that an answer to one of its runs switches off; None for nearly all."""
    return job.schedule_id if wishes.stops or wishes.pauses else None


def obey(answered: Sequence[tuple[AnyJob, Wishes]], *, now: datetime) -> None:
    """Switches off the schedules of these runs, and cancels the runs to come.

    Inside the transaction that has recorded the runs. Locks the schedules, if they are not yet.
    """
    asked: dict[UUID, Wishes] = {}
    for job, wishes in answered:
        schedule_id = steered(job, wishes)
        if schedule_id is not None and (schedule_id not in asked or wishes.stops):
            asked[schedule_id] = wishes
    for schedule in schedule_memory.locked(asked).values():
        if schedule.disabled_at is not None:
            continue
        upcoming = Job.objects.filter(schedule_id=schedule.id, is_upcoming=True)
        transitions.cancel_runs(upcoming, reason="schedule_disabled", now=now)
        ends = asked[schedule.id].stops
        reason = "its target ended it ($stop)" if ends else "its target paused it ($pause)"
        schedule_ends.switch_off([schedule.id], reason=reason, forgets=not ends, now=now)
