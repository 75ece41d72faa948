"""/api/queues: list, read, set the limits."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import clock, queues, sql, tasks
from jobs.api import operations, queries, serializers, validation_queues
from jobs.api.views import View, answer, answer_page
from jobs.models import WAITING_STATES, Job, JobState, Queue


class _QueuesView(View):
    def get_queryset(self) -> QuerySet[Queue]:
        return Queue.objects.filter(sql.owned_by(self.owner_id))


class Queues(_QueuesView):
    @operations.LIST_QUEUES
    def get(self, request: Request) -> Response:
        given = queries.read(request, known=queries.PAGE_FIELDS)
        paging = queries.paging(given, model=Queue, columns=queries.QUEUE_COLUMNS)
        given.finish()
        page = paging.page_of(self.get_queryset())
        return answer_page(_shown(page.rows), page)


class QueueDetail(_QueuesView):
    @operations.GET_QUEUE
    def get(self, request: Request, name: str) -> Response:
        found = self.get_queryset().filter(name=name).first() if validation_queues.is_name(name) else None
        if found is None:
            raise Http404(f"there is no queue {name[:40]!a} of yours: PUT makes one, and so does a job that names it")
        return answer(*_shown([found]))

    @operations.SET_QUEUE
    def put(self, request: Request, name: str) -> Response:
        validation_queues.require_name(name)
        limits, now = validation_queues.limits(self.sent_fields()), clock.now()
        with transaction.atomic():
            queue = queues.configure(
                queues.named(self.owner_id, name, now=now),
                concurrency=limits.concurrency,
                rate_limit=limits.rate_limit,
                rate_seconds=limits.rate_seconds,
                is_paused=limits.is_paused,
                now=now,
            )
        if queue.ready_at is not None:
            # What had to wait may have a place now.
            transaction.on_commit(partial(tasks.announce_queues, [queue.ready_at]))
        return answer(*_shown([queue]))


def _shown(rows: Sequence[Queue]) -> list[dict[str, Any]]:
    """With how many jobs wait and run in each, by two queries for them all, each on an index of its own."""
    jobs = Job.objects.filter(queue_id__in=[row.id for row in rows])
    waiting = _counted(jobs.filter(state__in=WAITING_STATES, is_upcoming=False))
    running = _counted(jobs.filter(state=JobState.EXECUTING))
    return [serializers.queue(row, waiting=waiting.get(row.id, 0), running=running.get(row.id, 0)) for row in rows]


def _counted(jobs: QuerySet[Job]) -> dict[int | None, int]:
    return dict(jobs.order_by().values_list("queue_id").annotate(count=Count("id")))
