"""A user is removed with all that is theirs: batch after batch, each short, so that nobody else waits for it."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from jobs.database.bites import Bites
from jobs.guarding import audit
from jobs.models import (
    AlertedEnd,
    AlertIncident,
    AlertLetter,
    AlertWatch,
    Delivery,
    Job,
    LogEvent,
    ParkedHost,
    Queue,
    RolledUpCount,
    Schedule,
    Usage,
    User,
)
from jobs.recurring import beat_entries

_PAUSE_SECONDS = 0.02


def remove(user: User, *, actor: str = audit.COMMAND, now: datetime, pause_seconds: float = _PAUSE_SECONDS) -> int:
    """How many rows of theirs were deleted. May be broken off and begun again.

    They are shut out first, so that nothing new comes; what is on the wire is sent, and recorded nowhere.
    """
    User.objects.filter(id=user.id).update(is_active=False, suspended_at=now)
    count = 0
    for deleted in _batches(user):
        count += deleted
        time.sleep(pause_seconds)
    with transaction.atomic():
        audit.note("user.deleted", user_id=user.id, actor=actor, now=now)
        Usage.objects.filter(subject=user.id.hex).delete()
        user.delete()
    return count


def _batches(user: User) -> Iterator[int]:
    # The upcoming runs go with their schedules' entries; jobs before the schedules and queues that they refer to.
    for schedule in Schedule.objects.filter(user_id=user.id, periodic_task__isnull=False).iterator():
        beat_entries.delete(schedule)
    AlertWatch.objects.filter(user_id=user.id).delete()
    rows: tuple[QuerySet[Any], ...] = (
        LogEvent.objects.filter(user_id=user.id),
        Delivery.objects.filter(user_id=user.id),
        AlertedEnd.objects.filter(user_id=user.id),
        AlertIncident.objects.filter(user_id=user.id),
        AlertLetter.objects.filter(user_id=user.id),
        Job.objects.filter(user_id=user.id),
        Schedule.objects.filter(user_id=user.id),
        Queue.objects.filter(user_id=user.id),
        RolledUpCount.objects.filter(user_id=user.id),
        ParkedHost.objects.filter(user_id=user.id),
    )
    for each in rows:
        yield from _delete(each)


def _delete(rows: QuerySet[Any]) -> Iterator[int]:
    """Deletes rows by id, in the order of the index that begins with the user."""
    # For each queue the database goes through all jobs there are, to see that none refers to it.
    bites = Bites(fewest=1) if rows.model is Queue else Bites()
    while ids := list(rows.order_by("user_id", "id").values_list("pk", flat=True)[: bites.size]):
        with bites, transaction.atomic():
            deleted = rows.model._default_manager.filter(pk__in=ids)._raw_delete("default") or 0
        # Only here: whoever takes it pauses.
        yield deleted
