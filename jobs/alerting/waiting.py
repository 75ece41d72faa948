"""The jobs of one user that have been due for the longest and have not begun: read once a look, by index."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from jobs.alerting.matching import Matches
from jobs.models import AlertedEnd, Job, JobState, Queue
from jobs.models.job import WAITING_STATES

# Those that an alert is about are looked for among so many; of others it is seen when they end that they were late.
_MOST = 200


class Waiting:
    def __init__(self, user_id: UUID) -> None:
        self._user_id = user_id
        self._known: list[tuple[datetime, AlertedEnd]] | None = None

    def first(self, *, due_before: datetime, matches: Matches, now: datetime) -> AlertedEnd | None:
        """One of those that `matches` and was due before then; as an end, though it has not even begun."""
        known = self._read(now=now)
        return next((end for due_at, end in known if due_at < due_before and matches(end)), None)

    def _read(self, *, now: datetime) -> list[tuple[datetime, AlertedEnd]]:
        """Two queries the first time, three if there are queues."""
        if self._known is None:
            due = Job.objects.filter(state__in=WAITING_STATES, is_upcoming=False, scheduled_at__lte=now)
            due = due.only("id", "user_id", "schedule_id", "url", "name", "tags", "queue_id", "scheduled_at")
            free = due.filter(user_id=self._user_id, queue__isnull=True).order_by("scheduled_at", "id")[:_MOST]
            names: dict[int, str] = dict(Queue.objects.filter(user_id=self._user_id).values_list("id", "name"))
            queued = due.filter(queue_id__in=list(names)).order_by("scheduled_at", "id")[:_MOST] if names else ()
            rows = sorted([*free, *queued], key=lambda job: (job.scheduled_at, job.id))
            self._known = [(job.scheduled_at, _as_end(job, names, now)) for job in rows]
        return self._known


def _as_end(job: Job, names: Mapping[int, str], now: datetime) -> AlertedEnd:
    return AlertedEnd(
        user_id=job.user_id,
        job_id=job.id,
        schedule_id=job.schedule_id,
        url=job.url,
        name=job.name,
        tags=job.tags,
        queue=None if job.queue_id is None else names.get(job.queue_id),
        state=JobState.AVAILABLE,
        ended_at=now,
        late_seconds=(now - job.scheduled_at).total_seconds(),
    )
