"""What a schedule remembers from run to run: the last answer, and the object its target keeps with `$set`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from booper.content import exact_json, placeholders
from jobs.database import sql
from jobs.models import Schedule

_REMEMBER = """
UPDATE jobs_schedule SET state = v.state, previous = v.previous
FROM ({rows}) AS v WHERE jobs_schedule.id = v.id
"""
_REMEMBERED = {"id": "uuid", "state": "text", "previous": "text"}


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

    `schedules` are theirs, `locked`, so that concurrent runs of one schedule lose no key of each other. One statement,
    none where each was answered what the run before it was.
    """
    answered = [schedules[answer.schedule_id] for answer in answers if answer.schedule_id in schedules]
    before = {schedule.id: _texts(schedule) for schedule in answered}
    refusals = [
        _apply(schedules[answer.schedule_id], answer) if answer.schedule_id in schedules else None for answer in answers
    ]
    _write([schedules[schedule_id] for schedule_id, texts in before.items() if texts != _texts(schedules[schedule_id])])
    return refusals


def _write(changed: Sequence[Schedule]) -> None:
    """Not by bulk_update, which takes most of a millisecond for a row, while writers to SQLite wait."""
    if not changed:
        return
    rows = [dict(zip(_REMEMBERED, (schedule.id.hex, *_texts(schedule)), strict=True)) for schedule in changed]
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER.format(rows=sql.rows(**_REMEMBERED)), {"rows": sql.json_parameter(rows)})


def _texts(schedule: Schedule) -> tuple[str | None, ...]:
    """What it remembers, as the database has it: 1 is not true there."""
    values = schedule.state, schedule.previous
    return tuple(None if value is None else exact_json.dumps(value).decode() for value in values)


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
