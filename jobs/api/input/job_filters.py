"""The filters of GET /api/jobs, which say as well what a call about many jobs is about."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from booper.targets import urls
from booper.timing.durations import shown
from jobs.api.input import query
from jobs.intake import job as intake_job
from jobs.intake import tags as intake_tags
from jobs.intake import targets
from jobs.intake.fields import Input
from jobs.models import Job, JobState, Queue, tags
from jobs.models.job import JobQuerySet

_TIMES = ("inserted_after", "inserted_before", "due_after", "due_before", "ended_after", "ended_before")
FILTERS = ("state", "schedule_id", "url", "name", "tag", "error", "host", "queue", *_TIMES)

_LONGEST_CODE = 40
_LONGEST_QUEUE = 255
_LONGEST_HOST = 300
_ENDED_AT = Coalesce("completed_at", "cancelled_at", "discarded_at")


def filtered(rows: JobQuerySet, given: Input, *, owner_id: UUID, now: datetime) -> JobQuerySet:
    """The rows that all filters leave."""
    if states := query.choices(given, "state", allowed=JobState.values):
        rows = rows.in_states(states, now)
    if wanted := intake_tags.looked_for(given):
        rows = rows.filter(tags.having(wanted))
    if (host := given.text("host", shortest=1, longest=_LONGEST_HOST)) is not None:
        rows = rows.filter(_at_host(given, host))
    if (queue := given.text("queue", longest=_LONGEST_QUEUE)) is not None:
        # Not joined: what is locked on the way to being cancelled may have no queue.
        rows = rows.filter(queue__in=Queue.objects.filter(user_id=owner_id, name=queue))
    if any(given.has(name) for name in ("ended_after", "ended_before")):
        rows = rows.alias(ended_at=_ENDED_AT)
    return rows.filter(**{name: value for name, value in _conditions(given, now=now).items() if value is not None})


def _conditions(given: Input, *, now: datetime) -> dict[str, Any]:
    url = given.text("url", longest=urls.MAX_URL_LENGTH)
    return {
        "schedule_id": query.uuid(given, "schedule_id"),
        "url": None if url is None else targets.as_stored(url),
        "name": given.text("name", longest=intake_job.LONGEST_NAME),
        "error_code": given.text("error", longest=_LONGEST_CODE),
        "inserted_at__gt": query.moment(given, "inserted_after", now=now),
        "inserted_at__lt": query.moment(given, "inserted_before", now=now),
        "scheduled_at__gt": query.moment(given, "due_after", now=now),
        "scheduled_at__lt": query.moment(given, "due_before", now=now),
        "ended_at__gt": query.moment(given, "ended_after", now=now),
        "ended_at__lt": query.moment(given, "ended_before", now=now),
    }


def with_tags(rows: QuerySet[Any], given: Input, *, owner_id: UUID) -> QuerySet[Any]:
    """The log events or deliveries whose jobs have the tags that are looked for."""
    if wanted := intake_tags.looked_for(given):
        return rows.filter(job__in=Job.objects.filter(tags.having(wanted), user_id=owner_id).values("id"))
    return rows


def _at_host(given: Input, host: str) -> Q:
    condition = targets.at_host(host)
    if condition is None:
        given.refuse("host", detail=f"{shown(host)} is no host: write example.com or example.com:8443, without a path")
    return condition or Q()
