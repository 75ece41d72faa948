"""Takes over what was edited in a schedule's entry in django-celery-beat's admin, as if its owner had asked for it."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from booper.timing import timestamps
from jobs.database import faults
from jobs.models import REQUEST_FIELDS, Schedule
from jobs.recurring import beat_entries, firing, schedules
from jobs.recurring.schedules import Refused
from jobs.specs import JobSpec, RecurrenceSpec

logger = logging.getLogger(__name__)

_UNFIT = "its entry in django-celery-beat was deleted, or says what can't be run"
_SWITCHED_OFF = "its entry in django-celery-beat was switched off"


def apply(schedule_ids: Iterable[UUID], *, now: datetime) -> int:
    """Takes over what was edited in the entries of these schedules; of how many."""
    return sum(_apply_edit_safely(schedule_id, now=now) for schedule_id in schedule_ids)


def _apply_edit_safely(schedule_id: UUID, *, now: datetime) -> bool:
    """Whether it was taken over: one that can't be must hold up no other."""
    try:
        with transaction.atomic():
            return _apply_edit(schedule_id, now=now)
    except Exception as error:
        if faults.is_of_the_database(error):
            raise
        logger.exception("an edit of the entry of schedule %s can't be taken over", schedule_id)
        return False


def _apply_edit(schedule_id: UUID, *, now: datetime) -> bool:
    """Another beat, or a change by the API, may have come first: what counts is what is there under the lock."""
    schedule = Schedule.objects.existing().select_for_update(no_key=True).filter(id=schedule_id).first()
    item = None if schedule is None else beat_entries.edit_of(schedule)
    if schedule is None or item is None:
        return False
    if item.frequency is None:
        schedules.disable(schedule, reason=_UNFIT, now=now)
    else:
        spec, plan = _as_edited(schedule, item, frequency=item.frequency, now=now)
        leaves_no_run = _leaves_no_run(schedule, spec, plan, now=now)
        wants_runs = item.is_enabled and not leaves_no_run
        outcome = (
            schedules.enable(schedule, now=now)
            if wants_runs
            else schedules.disable(schedule, reason=_SWITCHED_OFF, now=now)
        )
        if isinstance(outcome, Refused):
            reason = outcome.reason
            logger.warning("schedule %s was switched on by its entry and can't be enabled: %s", schedule_id, reason)
    _write_what_was_not_taken(schedule)
    return True


def _write_what_was_not_taken(schedule: Schedule) -> None:
    """What can't be run, or says the same in other words (60 minutes, an hour), gives way to what Booper says."""
    schedule.refresh_from_db()
    if beat_entries.edit_of(schedule) is not None:
        beat_entries.write(schedule)
        schedule.save(update_fields=["periodic_task", "beat_frequency"])


def _leaves_no_run(schedule: Schedule, spec: JobSpec, plan: RecurrenceSpec, *, now: datetime) -> bool:
    """Edits it, and says whether that was the end of it."""
    if plan == schedules.plan_of(schedule):
        return False
    if not isinstance(schedules.edit(schedule, lambda _: (spec, plan), now=now), Refused):
        return False
    schedules.disable(schedule, reason=firing.why_over(schedule), now=now)
    schedules.edit(schedule, lambda _: (spec, plan), now=now)
    return True


def _as_edited(
    schedule: Schedule, item: beat_entries.Edit, *, frequency: dict[str, Any], now: datetime
) -> tuple[JobSpec, RecurrenceSpec]:
    """Reads the entry as if a client had sent what it says now."""
    args = dict(schedule.args)
    if frequency != schedule.frequency:
        args = {name: value for name, value in args.items() if name not in ("cron", "repeat_every")} | frequency
    if item.timezone != schedule.timezone:
        args["timezone"] = item.timezone
    for name in ("starts_at", "ends_at"):
        at: datetime | None = getattr(item, name)
        if at is None:
            args.pop(name, None)
        elif at != getattr(schedule, name):
            args[name] = timestamps.timestamp(at)
    fields = {name: getattr(schedule, name) for name in REQUEST_FIELDS}
    plan = replace(
        schedules.plan_of(schedule),
        frequency=frequency,
        timezone=item.timezone,
        starts_at=item.starts_at,
        ends_at=item.ends_at,
    )
    return JobSpec(scheduled_at=now, **fields | {"args": args}), plan
