"""The lock under which a user's alerts are judged and edited, one at a time; where there is none, nothing is noted."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from jobs.models import Alert, AlertedEnd, AlertWatch

_TRIES = 3


def hold(user_id: UUID, *, now: datetime) -> AlertWatch:
    """Makes it if there is none, and locks it. What ends from the commit on is noted."""
    for _ in range(_TRIES):
        AlertWatch.objects.bulk_create([AlertWatch(user_id=user_id, judged_at=now)], ignore_conflicts=True)
        held = AlertWatch.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
        if held is not None:
            return held
    raise IntegrityError("the watch of a user's alerts is made and dropped again and again")


def judge_soon(user_id: UUID, *, now: datetime) -> None:
    AlertWatch.objects.filter(user_id=user_id).update(due_at=now)


def drop_if_idle(user_id: UUID) -> None:
    """Ends it, with what was noted, where no alert is left. Inside the transaction that holds it."""
    if not Alert.objects.filter(user_id=user_id).exists():
        AlertWatch.objects.filter(user_id=user_id).delete()
        AlertedEnd.objects.filter(user_id=user_id).delete()
