"""/home: how jobs went in a range of time, what is wrong, what comes next; to who has nothing yet, a first job.

Figures come from what is counted by minute and hour, never from walking jobs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from jobs.database import clock, row_counts
from jobs.explaining import parked
from jobs.models import Job, JobState
from jobs.models.rolled_up_count import Of
from jobs.pages import alarms, charts, incidents, job_rows, owned_jobs, owned_schedules
from jobs.pages.owned_schedules import Shown
from jobs.pages.shell import Page
from jobs.telemetry import figures, spread
from jobs.telemetry.figures import RANGES, Bar, Counted, Figures, Range, Worst

MOST_COUNTED = 1000
_SHOWN = 8
_WORST_SHOWN = 5
_QUEUED_LOOKED_AT = 5_000


class Home(Page):
    entry = "home"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        asked = next((each for each in RANGES if each.name == request.GET.get("range")), RANGES[0])
        counted = _counted(self.owner_id, now=now)
        context: dict[str, Any] = {"counted": counted, "most": MOST_COUNTED, "now": now, "asked": asked}
        if counted["all"]:
            context |= self._context(asked, now=now)
        if self.is_fragment:
            return self.part("home_live.html", **context)
        return self.page("home.html", title="Home", ranges=RANGES, **context)

    def _context(self, asked: Range, *, now: datetime) -> dict[str, Any]:
        discarded = owned_jobs.of_user(self.owner_id).filter(state=JobState.DISCARDED)
        found = figures.of_user(self.owner_id, asked, now=now)
        hosts = parked.of_user(self.owner_id, now=now)
        return {
            "alarms": alarms.of_user(self.owner_id, hosts, now=now),
            "incidents": incidents.of_user(self.owner_id, hosts, since=now - asked.length),
            "figures": found,
            "summary": _Summary.of(found),
            "chart": charts.columns(found.bars, asked),
            "slowest": charts.line(found.bars, _took_p99),
            "hosts": figures.worst(self.owner_id, Of.HOST, asked, most=_WORST_SHOWN, now=now),
            "schedules": _failing_schedules(self.owner_id, asked, now=now),
            "failed": job_rows.of(owned_jobs.light(discarded).order_by("-user_id", "-id")[:_SHOWN], now=now),
            "coming": job_rows.of(_coming(self.owner_id, now=now), now=now),
        }


@dataclass(frozen=True, slots=True)
class _Summary:
    """The figures in words: seconds of p50 and p99, shares in percent, changes against the time before."""

    late: Sequence[float]
    took: Sequence[float]
    success: str
    completed_change: str
    failed_change: str

    @classmethod
    def of(cls, found: Figures) -> "_Summary":
        share = found.total.success_share
        return cls(
            _quantiles(found.total.late),
            _quantiles(found.total.took),
            "" if share is None else _percent(share),
            _change(found.total.completed, found.before.completed),
            _change(found.total.failed, found.before.failed),
        )


@dataclass(frozen=True, slots=True)
class FailingSchedule:
    shown: Shown
    counted: Counted


def _counted(user_id: UUID, *, now: datetime) -> dict[str, int]:
    """How many wait, run and are tried again, none beyond MOST_COUNTED. One query."""
    mine = owned_jobs.of_user(user_id)
    kinds = owned_jobs.waiting(user_id)
    overdue = [rows.filter(scheduled_at__lte=now) for rows in kinds]
    soon = [rows.filter(scheduled_at__gt=now, scheduled_at__lte=now + timedelta(days=1)) for rows in kinds]
    states = [mine.filter(state=state) for state in (JobState.EXECUTING, JobState.RETRYABLE)]
    states = [owned_jobs.newest_first(rows) for rows in (*states, mine)]
    found = row_counts.each_up_to([*overdue, *soon, *states], MOST_COUNTED)
    names = ("overdue", "soon", "running", "again", "all")
    return dict(zip(names, [sum(found[:3]), sum(found[3:6]), *found[6:]], strict=True))


def _coming(user_id: UUID, *, now: datetime) -> list[Job]:
    """The first that are due within a day, of all kinds."""
    soon = [
        rows.filter(scheduled_at__gt=now, scheduled_at__lte=now + timedelta(days=1))
        for rows in owned_jobs.waiting(user_id)
    ]
    # Of queues there is none by time alone: the first of those that a look of this length finds.
    soon[1] = Job.objects.filter(id__in=soon[1].values("id")[:_QUEUED_LOOKED_AT]).order_by("scheduled_at", "id")
    each = (owned_jobs.light(rows)[:_SHOWN] for rows in soon)
    return sorted(chain.from_iterable(each), key=lambda job: (job.scheduled_at, job.id))[:_SHOWN]


def _failing_schedules(user_id: UUID, asked: Range, *, now: datetime) -> list[FailingSchedule]:
    """The worst first; those that were deleted since are left out."""
    worst: Sequence[Worst] = figures.worst(user_id, Of.SCHEDULE, asked, most=_WORST_SHOWN, now=now)
    if not worst:
        return []
    rows = list(owned_schedules.of_user(user_id).filter(id__in=[each.key for each in worst]))
    shown = {str(each.schedule.id): each for each in owned_schedules.shown(rows, now=now)}
    return [FailingSchedule(shown[each.key], each.counted) for each in worst if each.key in shown]


def _quantiles(found: spread.Spread) -> list[float]:
    values = [spread.quantile(found, share) for share in (0.5, 0.99)]
    return [value / 1000 for value in values if value is not None]


def _took_p99(bar: Bar) -> float | None:
    return spread.quantile(bar.counted.took, 0.99)


def _percent(share: float) -> str:
    """Never 100 where one failed."""
    text = f"{share * 100:.1f}"
    return "99.9 %" if text == "100.0" and share < 1 else f"{text.removesuffix('.0')} %"


def _change(now: int, before: int) -> str:
    """In percent, or nothing where there was nothing to compare with."""
    return f"{(now - before) / before * 100:+.0f} %".replace("-", "\N{MINUS SIGN}") if before else ""
