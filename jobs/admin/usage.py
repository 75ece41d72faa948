"""How much tenants use: what ended lately, out of what beat counts; no job is walked for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from jobs.models import RolledUpCount, User
from jobs.models.rolled_up_count import HOUR, MINUTE, Of

_COUNTED = ("completed", "discarded", "failed")
_DAY = timedelta(days=1)
_MOST_TENANTS = 10


@dataclass(frozen=True, slots=True)
class Span:
    words: str
    length: timedelta


SPANS = (Span("in 24 hours", _DAY), Span("in 7 days", timedelta(days=7)), Span("in 30 days", timedelta(days=30)))


@dataclass(frozen=True, slots=True)
class Tenant:
    """Jobs that ended lately as completed and discarded, and attempts that failed."""

    user_id: UUID
    email: str
    completed: int
    discarded: int
    failed: int


def words(completed: int, discarded: int, failed: int) -> str:
    return f"{completed:,} completed, {discarded:,} discarded, {failed:,} failed attempts"


def share(used: int, allowed: int) -> str:
    return f"{used:,} of {allowed:,}" if allowed else f"{used:,}, without a limit"


def annotated(users: QuerySet[User], *, now: datetime) -> QuerySet[User]:
    """With `completed`, `discarded` and `failed` of the last day: 24 short rows each, by index."""
    own = _hours(now - _DAY).filter(user_id=OuterRef("pk")).order_by().values("user_id")
    sums = {name: Subquery(own.annotate(total=Sum(name)).values("total")) for name in _COUNTED}
    return users.annotate(**{name: Coalesce(sums[name], 0) for name in _COUNTED})


def of_user(user_id: UUID, *, now: datetime) -> list[tuple[Span, Sequence[int]]]:
    """One query."""
    parts = {
        f"{name}_{place}": Coalesce(Sum(name, filter=Q(at__gt=now - span.length)), 0)
        for place, span in enumerate(SPANS)
        for name in _COUNTED
    }
    found = _hours(now - SPANS[-1].length).filter(user_id=user_id).aggregate(**parts)
    return [(span, [found[f"{name}_{place}"] for name in _COUNTED]) for place, span in enumerate(SPANS)]


def busiest(*, since: datetime) -> list[Tenant]:
    """Those of whom most jobs ended since then, which is not long ago. One query."""
    rows = RolledUpCount.objects.filter(of=Of.ALL, seconds=MINUTE, at__gte=since).values("user_id", "user__email")
    sums = rows.annotate(done=Sum("completed"), lost=Sum("discarded"), failures=Sum("failed"))
    found = sums.annotate(ended=F("done") + F("lost")).order_by("-ended", "user_id")
    return [
        Tenant(*row) for row in found.values_list("user_id", "user__email", "done", "lost", "failures")[:_MOST_TENANTS]
    ]


def _hours(since: datetime) -> QuerySet[RolledUpCount]:
    return RolledUpCount.objects.filter(of=Of.ALL, seconds=HOUR, key="", at__gt=since)
