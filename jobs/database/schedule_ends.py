"""Switches schedules off, with their entries in django-celery-beat: for whoever decides so, above or below."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django_celery_beat.models import PeriodicTask

from jobs.models import Schedule


def switch_off(schedule_ids: Iterable[UUID], *, reason: str | None, forgets: bool = False, now: datetime) -> None:
    """enabled -> disabled, for `reason`, which its owner reads; with `forgets`, `$previous` goes.

    Inside the transaction that has locked them, and deals with their upcoming runs. Leaves alone what is disabled.
    """
    ids = list(schedule_ids)
    if not ids:
        return
    fields: dict[str, Any] = {"disabled_at": now, "disabled_reason": reason}
    Schedule.objects.filter(id__in=ids, disabled_at__isnull=True).update(
        **fields | ({"previous": {}} if forgets else {})
    )
    PeriodicTask.objects.filter(booper_schedule__in=ids).update(enabled=False)
