"""What a schedule remembers from run to run: the last answer, and the object its target keeps with `$set`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from booper.content import placeholders
from jobs.models import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer:
    """What one completed run was answered. `is_json` tells a string or a null from a text or nothing."""

    schedule_id: UUID
    attempted_at: datetime | None
    body: Any
    is_json: bool


def locked(schedule_ids: Iterable[UUID]) -> dict[UUID, Schedule]:
    """Reads the schedules, and locks their rows in the order of their ids.

    Inside a transaction, and before it writes a job's row: whoever changes a schedule and its runs locks in that order.
    """
    wanted = set(schedule_ids)
    if not wanted:
        return {}
    rows = Schedule.objects.select_for_update(no_key=True).filter(id__in=wanted).order_by("id")
    return {schedule.id: schedule for schedule in rows}


def remember(answers: Sequence[RunAnswer], schedules: Mapping[UUID, Schedule]) -> list[str | None]:
    """Writes them in their order, and says for each why its `$set` was refused, or None.

    `schedules` are theirs, `locked`, so that concurrent runs of one schedule lose no key of each other.
    """
    refusals = [
        _apply(schedules[answer.schedule_id], answer) if answer.schedule_id in schedules else None for answer in answers
    ]
    changed = {answer.schedule_id for answer in answers}
    Schedule.objects.bulk_update([row for row in schedules.values() if row.id in changed], ["state", "previous"])
    return refusals


def _apply(schedule: Schedule, answer: RunAnswer) -> str | None:
    # A run that began before the schedule was disabled, or enabled again, is no run before the next one. Of one that
    # ended by itself the last run begins after that.
    since = schedule.disabled_at or schedule.enabled_at
    if answer.attempted_at is not None and answer.attempted_at >= since:
        is_json = answer.is_json or isinstance(answer.body, dict | list)
        schedule.previous = answer.body if is_json else {}
    if not answer.is_json and _is_broken_set(answer.body):
        limit = settings.MAX_RESPONSE_BYTES
        return (
            f"$set can't be read: the answer is longer than {limit} bytes or no valid JSON, send it whole and shorter"
        )
    patch = placeholders.extract_set(answer.body)
    if patch is None:
        return None
    merged = placeholders.merge_state(schedule.state, patch=patch, limit_bytes=settings.MAX_STATE_BYTES)
    schedule.state = merged.state
    return merged.refusal


def _is_broken_set(body: Any) -> bool:
    """An object with a `$set` that came as text: it was cut off at the limit, or is not quite JSON."""
    return isinstance(body, str) and body.lstrip().startswith("{") and '"$set"' in body
