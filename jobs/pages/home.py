"""/home: what waits, what is running and what failed, at a glance; of who has nothing yet, the way to a first job."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from jobs.database import clock, row_counts
from jobs.models import FINISHED_STATES, WAITING_STATES, Job, JobState, Queue
from jobs.models.job import JobQuerySet
from jobs.pages import job_rows, owned_jobs
from jobs.pages.shell import Page

MOST_COUNTED = 1000
_SHOWN = 8


class Home(Page):
    entry = "home"

    def get(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        mine = owned_jobs.of_user(self.owner_id)
        running = mine.filter(state=JobState.EXECUTING)
        again = mine.filter(state=JobState.RETRYABLE)
        discarded = mine.filter(state=JobState.DISCARDED)
        kinds = _waiting(self.owner_id)
        overdue = [rows.filter(scheduled_at__lte=now) for rows in kinds]
        soon = [rows.filter(scheduled_at__gt=now, scheduled_at__lte=now + timedelta(days=1)) for rows in kinds]
        counted = row_counts.each_up_to([*overdue, *soon, running, again, discarded, mine], MOST_COUNTED)
        figures = [sum(counted[:3]), sum(counted[3:6]), *counted[6:]]
        names = ("overdue", "soon", "running", "again", "discarded", "all")
        failed = owned_jobs.light(discarded).order_by("-user_id", "-id")[:_SHOWN]
        ended = owned_jobs.light(mine.filter(state__in=FINISHED_STATES)).order_by("-user_id", "-id")[:_SHOWN]
        context: dict[str, Any] = {
            "figures": dict(zip(names, figures, strict=True)),
            "most": MOST_COUNTED,
            "failed": job_rows.of(failed, now=now),
            "ended": job_rows.of(ended, now=now),
            "coming": job_rows.of(_first(soon), now=now),
            "now": now,
        }
        if self.is_fragment:
            return self.part("home_live.html", **context)
        return self.page("home.html", title="Home", **context)


def _waiting(user_id: UUID) -> Sequence[JobQuerySet]:
    """What waits for workers, for its queue, and for beat: each has an index by time of its own."""
    waiting = Job.objects.filter(state__in=WAITING_STATES)
    queues = Queue.objects.filter(user_id=user_id).values("id")
    return (
        waiting.filter(user_id=user_id, is_upcoming=False, queue__isnull=True),
        waiting.filter(queue_id__in=queues, is_upcoming=False),
        Job.objects.filter(user_id=user_id, is_upcoming=True),
    )


def _first(kinds: Sequence[JobQuerySet]) -> list[Job]:
    """The first that are due, of all kinds."""
    each = (owned_jobs.light(rows).order_by("scheduled_at", "id")[:_SHOWN] for rows in kinds)
    return sorted(chain.from_iterable(each), key=lambda job: (job.scheduled_at, job.id))[:_SHOWN]
