"""/api/alerts: what the caller wants to be told of, when it fired, and what each address answered."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.alerting import alerts
from jobs.alerting.alerts import NameTaken, TooManyTests
from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import identifiers, query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import alerts as operations
from jobs.api.wire.problems import Conflict
from jobs.database import clock
from jobs.intake import alert as intake_alert
from jobs.intake.alert import Owned
from jobs.models import Alert, AlertIncident, AlertLetter, Delivery, Scope
from jobs.waking import announcements

# Of each incident, the newest: one that goes on for a month is told of again and again.
_MOST_SHOWN = 30


class _AlertsView(View):
    needs = Scope.ADMIN

    def get_queryset(self) -> QuerySet[Alert]:
        return Alert.objects.filter(user_id=self.owner_id)

    def find(self, alert_id: str) -> Alert:
        """Finds an alert by uuid. Raises Http404 for what is not there (any more) or somebody else's."""
        uuid = identifiers.uuid(alert_id)
        found = None if uuid is None else self.get_queryset().filter(id=uuid).first()
        if found is None:
            raise self.missing(alert_id)
        return found

    def missing(self, alert_id: str) -> Http404:
        return Http404(f"there is no alert {alert_id[:40]!a} of yours: GET /api/alerts lists those there are")

    def shown(self, row: Alert) -> dict[str, object]:
        return serializers.alert(row, firing=alerts.firing_counts([row])[row.id])

    def tell(self) -> None:
        transaction.on_commit(partial(announcements.announce_deliveries, [clock.now()]))


class Alerts(_AlertsView):
    @operations.LIST_ALERTS
    @takes(query=query.PAGE_FIELDS)
    def get(self, request: Request) -> Response:
        given = query.read(request, known=query.PAGE_FIELDS)
        paging = query.paging(given, model=Alert, columns=query.ALERT_COLUMNS)
        given.finish()
        page = paging.page_of(self.get_queryset().defer("memory"))
        counts = alerts.firing_counts(page.rows)
        return answer_page([serializers.alert(row, firing=counts[row.id]) for row in page.rows], page)

    @operations.CREATE_ALERT
    @takes(body=intake_alert.FIELDS)
    def post(self, request: Request) -> Response:
        sent = self.sent_fields()
        fields = intake_alert.new(sent, owned=Owned(self.owner_id, [sent]))
        try:
            made = alerts.create(self.owner_id, fields, actor=self.actor, now=clock.now())
        except NameTaken as taken:
            raise _is_taken(taken) from None
        headers = {"Location": f"{settings.BOOPER_BASE_PATH}/api/alerts/{made.id}"}
        return answer(serializers.alert(made, firing=0), status=201, headers=headers)


class AlertDetail(_AlertsView):
    @operations.GET_ALERT
    def get(self, request: Request, alert_id: str) -> Response:
        return answer(self.shown(self.find(alert_id)))

    @operations.CHANGE_ALERT
    @takes(body=intake_alert.FIELDS)
    def patch(self, request: Request, alert_id: str) -> Response:
        alert = self.find(alert_id)
        sent = self.sent_fields()
        fields = intake_alert.changes(sent, when=alert.when, owned=Owned(self.owner_id, [sent]))
        try:
            edited = alerts.edit(alert, fields, actor=self.actor, now=clock.now())
        except NameTaken as taken:
            raise _is_taken(taken) from None
        if edited is None:
            raise self.missing(alert_id)
        changed, has_told = edited
        if has_told:
            self.tell()
        return answer(self.shown(changed))

    @operations.DELETE_ALERT
    def delete(self, request: Request, alert_id: str) -> Response:
        alert = self.find(alert_id)
        shown = self.shown(alert)
        if alerts.delete(alert, actor=self.actor, now=clock.now()):
            self.tell()
        return answer(shown)


class TryAlert(_AlertsView):
    @operations.TEST_ALERT
    def post(self, request: Request, alert_id: str) -> Response:
        alert = self.find(alert_id)
        try:
            incident = alerts.tell_test(alert, now=clock.now())
        except TooManyTests:
            most = alerts.MOST_TESTS
            raise Conflict(f"it was tested {most} times within the last minute: wait for a minute") from None
        if incident is None:
            raise self.missing(alert_id)
        self.tell()
        return answer(_shown([incident])[0], status=202)


class AlertIncidents(_AlertsView):
    @operations.LIST_INCIDENTS
    @takes(query=query.PAGE_FIELDS)
    def get(self, request: Request, alert_id: str) -> Response:
        given = query.read(request, known=query.PAGE_FIELDS)
        paging = query.paging(given, model=AlertIncident, columns=query.INCIDENT_COLUMNS)
        given.finish()
        alert = self.find(alert_id)
        page = paging.page_of(AlertIncident.objects.filter(alert_id=alert.id))
        return answer_page(_shown(page.rows), page)


def _shown(incidents: Sequence[AlertIncident]) -> list[dict[str, object]]:
    """Each with what was sent of it. Two queries."""
    told = _of_each(Delivery.objects.defer("body"), incidents)
    letters = _of_each(AlertLetter.objects.defer("text"), incidents)
    return [serializers.incident(row, told=told.get(row.id, []), letters=letters.get(row.id, [])) for row in incidents]


def _of_each(rows: QuerySet[Any], incidents: Sequence[AlertIncident]) -> dict[object, list[Any]]:
    """The newest of the rows of each incident, the newest first."""
    numbered = Window(RowNumber(), partition_by="incident_id", order_by=F("id").desc())
    of_these = rows.filter(incident_id__in=[row.id for row in incidents]).annotate(number=numbered)
    found: dict[object, list[Any]] = {}
    for row in of_these.filter(number__lte=_MOST_SHOWN).order_by("-id"):
        found.setdefault(row.incident_id, []).append(row)
    return found


def _is_taken(taken: NameTaken) -> Conflict:
    return Conflict(f"there is an alert {str(taken)[:100]!a} already: give it another name, or PATCH that one")
