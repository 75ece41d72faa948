"""/api/queues: list, read, set the limits."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import queues as operations
from jobs.database import clock, sql
from jobs.intake import queue as intake_queue
from jobs.models import WAITING_STATES, Job, JobState, Queue
from jobs.queues import limits as queues_limits
from jobs.waking import announcements


class _QueuesView(View):
    def get_queryset(self) -> QuerySet[Queue]:
        return Queue.objects.filter(sql.owned_by(self.owner_id))


class Queues(_QueuesView):
    @operations.LIST_QUEUES
    @takes(query=query.PAGE_FIELDS)
    def get(self, request: Request) -> Response:
        given = query.read(request, known=query.PAGE_FIELDS)
        paging = query.paging(given, model=Queue, columns=query.QUEUE_COLUMNS)
        given.finish()
        page = paging.page_of(self.get_queryset())
        return answer_page(_shown(page.rows), page)


class QueueDetail(_QueuesView):
    @operations.GET_QUEUE
    def get(self, request: Request, name: str) -> Response:
        found = self.get_queryset().filter(name=name).first() if intake_queue.is_name(name) else None
        if found is None:
            raise Http404(f"there is no queue {name[:40]!a} of yours: PUT makes one, and so does a job that names it")
        return answer(*_shown([found]))

    @operations.SET_QUEUE
    @takes(body=intake_queue.FIELDS)
    def put(self, request: Request, name: str) -> Response:
        intake_queue.require_name(name)
        limits, now = intake_queue.limits(self.sent_fields()), clock.now()
        with transaction.atomic():
            queue = queues_limits.configure(
                queues_limits.named(self.owner_id, name, now=now),
                concurrency=limits.concurrency,
                rate_limit=limits.rate_limit,
                rate_seconds=limits.rate_seconds,
                is_paused=limits.is_paused,
                now=now,
            )
        if queue.ready_at is not None:
            # What had to wait may have a place now.
            transaction.on_commit(partial(announcements.announce_queues, [queue.ready_at]))
        return answer(*_shown([queue]))


def _shown(rows: Sequence[Queue]) -> list[dict[str, Any]]:
    """Shows queues with how many jobs wait and run in each: two queries for them all, each on an index of its own."""
    jobs = Job.objects.filter(queue_id__in=[row.id for row in rows])
    waiting = _counted(jobs.filter(state__in=WAITING_STATES, is_upcoming=False))
    running = _counted(jobs.filter(state=JobState.EXECUTING))
    return [serializers.queue(row, waiting=waiting.get(row.id, 0), running=running.get(row.id, 0)) for row in rows]


def _counted(jobs: QuerySet[Job]) -> dict[int | None, int]:
    return dict(jobs.order_by().values_list("queue_id").annotate(count=Count("id")))
