"""What charts show of a user's jobs: the counts of a range of time, in bars, with quantiles; read from what is counted.

Ranges of up to a day are read by minutes, longer ones by hours, so that none reads more than 1,500 rows. Those of
each host and schedule are read by whole days, and by hours for what is left of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from jobs.models import RolledUpCount
from jobs.models.rolled_up_count import DAY, HOUR, MINUTE, Of
from jobs.telemetry import spread

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Range:
    """`bar`: the time that one bar of a chart stands for. `words`: what came before it, too."""

    name: str
    length: timedelta
    bar: timedelta
    words: str

    @property
    def seconds(self) -> int:
        """The length of the counts that it is read by."""
        return MINUTE if self.length <= timedelta(days=1) else HOUR


RANGES: Sequence[Range] = (
    Range("1h", timedelta(hours=1), timedelta(minutes=1), "hour"),
    Range("6h", timedelta(hours=6), timedelta(minutes=5), "6 hours"),
    Range("24h", timedelta(days=1), timedelta(minutes=15), "24 hours"),
    Range("7d", timedelta(days=7), timedelta(hours=2), "7 days"),
    Range("30d", timedelta(days=30), timedelta(hours=12), "30 days"),
)


@dataclass(slots=True)
class Counted:
    """Jobs that ended as completed and as discarded, and attempts that failed; how late and how long, spread."""

    completed: int = 0
    discarded: int = 0
    failed: int = 0
    late: spread.Spread = field(default_factory=dict)
    took: spread.Spread = field(default_factory=dict)

    @property
    def attempts(self) -> int:
        return self.completed + self.failed

    @property
    def ended(self) -> int:
        return self.completed + self.discarded

    @property
    def success_share(self) -> float | None:
        """Of the jobs that ended, 0 to 1; None if none did."""
        return self.completed / self.ended if self.ended else None

    def add(self, other: "Counted") -> None:
        self.completed += other.completed
        self.discarded += other.discarded
        self.failed += other.failed
        self.late, self.took = spread.added((self.late, other.late)), spread.added((self.took, other.took))


@dataclass(frozen=True, slots=True)
class Bar:
    begins_at: datetime
    counted: Counted


@dataclass(frozen=True, slots=True)
class Worst:
    """A host, or the uuid of a schedule, and how it went there."""

    key: str
    counted: Counted

    @property
    def failed_share(self) -> float:
        return self.counted.failed / self.counted.attempts if self.counted.attempts else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """`before`: the same of as long a time before, without spreads."""

    bars: Sequence[Bar]
    total: Counted
    before: Counted


def of_user(user_id: UUID, asked: Range, *, now: datetime) -> Figures:
    """Two queries. The last bar is the one that `now` is in."""
    ends_at = _begin_of_bar(now, asked.bar) + asked.bar
    begins_at = ends_at - asked.length
    counts = RolledUpCount.objects.filter(user_id=user_id, of=Of.ALL, seconds=asked.seconds, key="")
    number = round(asked.length / asked.bar)
    bars = [Bar(begins_at + place * asked.bar, Counted()) for place in range(number)]
    for row in counts.filter(at__gte=begins_at, at__lt=ends_at):
        bars[(row.at - begins_at) // asked.bar].counted.add(
            Counted(row.completed, row.discarded, row.failed, row.late, row.took)
        )
    total = Counted()
    for bar in bars:
        total.add(bar.counted)
    return Figures(bars, total, _summed(counts.filter(at__gte=begins_at - asked.length, at__lt=begins_at)))


def worst(user_id: UUID, of: Of, asked: Range, *, most: int, now: datetime) -> list[Worst]:
    """Those whose attempts failed most often, from the begin of an hour on. One query."""
    since = (now - asked.length).astimezone(UTC)
    begins_at = since.replace(minute=0, second=0, microsecond=0)
    midnight = begins_at.replace(hour=0) + (timedelta(days=1) if begins_at.hour else timedelta())
    hours, days = Q(seconds=HOUR, at__gte=begins_at, at__lt=midnight), Q(seconds=DAY, at__gte=midnight)
    counts = RolledUpCount.objects.filter(hours | days, user_id=user_id, of=of).exclude(key="")
    sums = counts.values_list("key").annotate(Sum("completed"), Sum("discarded"), all_failed=Sum("failed"))
    found = sums.filter(all_failed__gt=0).order_by("-all_failed", "key")[:most]
    return [Worst(key, Counted(completed, discarded, failed)) for key, completed, discarded, failed in found]


def _summed(counts: QuerySet[RolledUpCount]) -> Counted:
    found = counts.aggregate(Sum("completed"), Sum("discarded"), Sum("failed"))
    return Counted(found["completed__sum"] or 0, found["discarded__sum"] or 0, found["failed__sum"] or 0)


def _begin_of_bar(moment: datetime, bar: timedelta) -> datetime:
    return _EPOCH + (moment - _EPOCH) // bar * bar
