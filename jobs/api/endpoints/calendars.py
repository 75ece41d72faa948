"""/api/calendars: put, read and deleted by name; the runs of schedules that use one follow."""

from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from booper.calendars.ics import Busy
from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import calendars as operations
from jobs.api.wire.problems import Conflict, NotNow
from jobs.database import clock, sql
from jobs.intake import calendar as intake_calendar
from jobs.models import Calendar
from jobs.recurring import calendars
from jobs.recurring.calendars import InUse
from jobs.waking import announcements

# Schedules whose runs follow within the request; beat moves those of the others.
_MOST_AT_ONCE = 2000


class _CalendarsView(View):
    def get_queryset(self) -> QuerySet[Calendar]:
        return Calendar.objects.filter(sql.owned_by(self.owner_id))

    def find(self, name: str) -> Calendar:
        """Raises Http404 for what is not there or somebody else's."""
        found = self.get_queryset().filter(name=name).first() if intake_calendar.is_name(name) else None
        if found is None:
            raise Http404(f"there is no calendar {name[:40]!a} of yours: PUT makes one")
        return found

    def shown(self, row: Calendar) -> dict[str, object]:
        users = calendars.users_of(self.owner_id, [row.name])[row.name]
        return serializers.calendar(row, used_by=users, now=clock.now()) | {"ics": row.ics}


class Calendars(_CalendarsView):
    @operations.LIST_CALENDARS
    @takes(query=query.PAGE_FIELDS)
    def get(self, request: Request) -> Response:
        given = query.read(request, known=query.PAGE_FIELDS)
        paging = query.paging(given, model=Calendar, columns=query.CALENDAR_COLUMNS)
        given.finish()
        page = paging.page_of(self.get_queryset().defer("ics"))
        now, users = clock.now(), calendars.users_of(self.owner_id, [row.name for row in page.rows])
        return answer_page([serializers.calendar(row, used_by=users[row.name], now=now) for row in page.rows], page)


class CalendarDetail(_CalendarsView):
    @operations.GET_CALENDAR
    def get(self, request: Request, name: str) -> Response:
        return answer(self.shown(self.find(name)))

    @operations.SET_CALENDAR
    @takes(body=intake_calendar.FIELDS)
    def put(self, request: Request, name: str) -> Response:
        intake_calendar.require_name(name)
        now = clock.now()
        try:
            new = intake_calendar.new(self.sent_fields(), now=now)
        except Busy as error:
            raise NotNow(str(error)) from None
        try:
            row, is_new = calendars.put(self.owner_id, name, source=new.source, days=new.days, now=now)
        except calendars.TooMany:
            raise Conflict(f"there are {calendars.MOST_CALENDARS} calendars of yours: delete one first") from None
        if row.unsettled_at is not None:
            settled = calendars.settle(row, limit=_MOST_AT_ONCE, now=now)
            if settled.has_deliveries:
                transaction.on_commit(partial(announcements.announce_deliveries, [now]))
        return answer(self.shown(row), status=201 if is_new else 200)

    @operations.DELETE_CALENDAR
    def delete(self, request: Request, name: str) -> Response:
        row = self.find(name)
        shown = self.shown(row)
        outcome = calendars.delete(row)
        if isinstance(outcome, InUse):
            users = ", ".join(outcome.schedules)
            raise Conflict(f"calendar {name} is used by these schedules: {users}; take it out of skip_on and only_on")
        return answer(shown)
