"""Judges the alerts of one user after another: by what has ended since the last look, and by the clock.

A look is one transaction under the lock on the user's watch: what was noted goes, counts move on, incidents open and
end, and what tells of them is written, all or nothing. So two judges at once, or one that is killed, tell nothing
twice and lose nothing.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import Error, transaction
from django.db.models import Exists, OuterRef, Q

from booper.timing import durations
from jobs.alerting import lateness, matching, shares, silence, streaks, switched_off
from jobs.alerting.changes import Judgement
from jobs.alerting.incidents import Incidents
from jobs.alerting.waiting import Waiting
from jobs.models import Alert, AlertedEnd, AlertWatch

logger = logging.getLogger(__name__)

# Of one user in one transaction: what is more waits for the next.
_MOST_ENDS = 1000
_MOST_USERS = 1000


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at one user's alerts came to."""

    has_more: bool = False
    has_told: bool = False


def judge_due(*, now: datetime, has_time: Callable[[], bool] = lambda: True) -> bool:
    """Judges those who have something to judge, the longest unjudged first; whether there is anything to tell."""
    has_told = False
    for user_id in due_users(now=now):
        if not has_time():
            break
        try:
            has_told = _judge_while(user_id, has_time, now=now) or has_told
        except Error:
            raise
        except Exception:
            # Those of others are judged all the same.
            logger.exception("the alerts of a user can't be judged", extra={"user_id": user_id})
    return has_told


def _judge_while(user_id: UUID, has_time: Callable[[], bool], *, now: datetime) -> bool:
    looked, has_told = Looked(has_more=True), False
    while looked.has_more and has_time():
        looked = judge(user_id, now=now)
        has_told = has_told or looked.has_told
    return has_told


def due_users(*, now: datetime) -> Sequence[UUID]:
    """The users of whom something has ended, or whose alerts the clock has brought up. One query."""
    noted = Exists(AlertedEnd.objects.filter(user_id=OuterRef("user_id")))
    due = AlertWatch.objects.filter(Q(due_at__lte=now) | noted)
    return list(due.order_by("judged_at").values_list("user_id", flat=True)[:_MOST_USERS])


def judge(user_id: UUID, *, now: datetime) -> Looked:
    """One look at one user's alerts; none where somebody else is at it."""
    with transaction.atomic():
        watch = AlertWatch.objects.select_for_update(no_key=True, skip_locked=True).filter(user_id=user_id).first()
        if watch is None:
            return Looked()
        ends = list(AlertedEnd.objects.filter(user_id=user_id).order_by("user_id", "id")[:_MOST_ENDS])
        AlertedEnd.objects.filter(id__in=[end.id for end in ends]).delete()
        alerts = list(Alert.objects.filter(user_id=user_id).order_by("id"))
        incidents = Incidents(alerts)
        due = _judge_all(alerts, sorted(ends, key=lambda end: (end.ended_at, end.id)), incidents, user_id, now=now)
        incidents.remind(now=now)
        remind_at = incidents.remind_at()
        has_told = incidents.write(now=now)
        due_at = min((at for at in (*due, remind_at) if at is not None), default=None)
        AlertWatch.objects.filter(user_id=user_id).update(judged_at=now, due_at=due_at)
    return Looked(has_more=len(ends) == _MOST_ENDS, has_told=has_told)


def _judge_all(
    alerts: Sequence[Alert], ends: Sequence[AlertedEnd], incidents: Incidents, user_id: UUID, *, now: datetime
) -> list[datetime | None]:
    """Judges each, keeps what they remember, and answers when each is to be judged by the clock."""
    waiting, changed, due = Waiting(user_id), [], []
    for alert in alerts:
        matches = matching.ends(alert.of)
        own = [end for end in ends if end.ended_at >= alert.watched_from and matches(end)]
        judgement = _judged(alert, own, incidents, waiting, now=now)
        incidents.apply(alert, judgement.changes, now=now)
        due.append(judgement.due_at)
        if judgement.memory != alert.memory:
            alert.memory = dict(judgement.memory)
            changed.append(alert)
    Alert.objects.bulk_update(changed, ["memory"])
    return due


def _judged(
    alert: Alert, ends: Sequence[AlertedEnd], incidents: Incidents, waiting: Waiting, *, now: datetime
) -> Judgement:
    [(kind, rule)] = alert.when.items()
    memory: dict[str, Any] = alert.memory
    if kind == "discarded":
        return streaks.judge(rule, ends, memory=memory, now=now)
    if kind == "failing":
        return shares.judge(rule, ends, memory=memory, now=now)
    if kind == "not_run":
        return silence.judge(rule, ends, since=alert.watched_from, memory=memory, now=now)
    if kind == "late":
        due_before = now - timedelta(seconds=durations.parse(rule).nominal_seconds)
        waits = waiting.first(due_before=due_before, matches=matching.ends(alert.of), now=now)
        judgement = lateness.judge(rule, ends, waiting=waits, memory=memory, now=now)
        return Judgement(judgement.changes, judgement.memory, now + switched_off.LOOKED_AT_EVERY)
    judge_rows = switched_off.judge_receivers if kind == "receiver_off" else switched_off.judge_schedules
    return judge_rows(alert, firing_subjects=incidents.firing(alert), now=now)
