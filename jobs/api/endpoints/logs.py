"""/api/logs: what happened to the user's jobs."""

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import identifiers, job_filters, query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import logs as operations
from jobs.database import sql
from jobs.models import EventType, LogEvent

_FILTERS = ("job_id", "tag", "event")


class _LogsView(View):
    def get_queryset(self) -> QuerySet[LogEvent]:
        return LogEvent.objects.filter(sql.owned_by(self.owner_id))


class Logs(_LogsView):
    @operations.LIST_LOGS
    @takes(query=(*query.PAGE_FIELDS, *_FILTERS))
    def get(self, request: Request) -> Response:
        given = query.read(request, known=(*query.PAGE_FIELDS, *_FILTERS))
        paging = query.paging(given, model=LogEvent, columns=query.LOG_COLUMNS)
        rows = query.of_job(self.get_queryset(), given)
        if events := query.choices(given, "event", allowed=EventType.values):
            rows = rows.filter(event__in=events)
        rows = job_filters.with_tags(rows, given, owner_id=self.owner_id)
        given.finish()
        page = paging.page_of(rows)
        return answer_page([serializers.log_event(row) for row in page.rows], page)


class LogDetail(_LogsView):
    @operations.GET_LOG
    def get(self, request: Request, log_id: str) -> Response:
        uuid = identifiers.uuid(log_id)
        found = None if uuid is None else self.get_queryset().filter(id=uuid).first()
        if found is None:
            raise Http404(f"there is no log row {log_id[:40]!a} of yours: GET /api/logs lists those there are")
        return answer(serializers.log_event(found))
