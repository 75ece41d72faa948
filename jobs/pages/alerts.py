"""/alerts: what an owner wants to be told of, made, tried and deleted; and when each fired."""

from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs.alerting import alerts, words
from jobs.alerting.alerts import NameTaken, TooManyTests
from jobs.database import clock
from jobs.guarding.limits import LimitReached
from jobs.intake import alert as intake_alert
from jobs.intake.alert import Owned
from jobs.intake.refusals import InvalidInput
from jobs.models import Alert, AlertIncident, AlertLetter, Delivery
from jobs.pages.shell import Page
from jobs.waking import announcements

_SHOWN = 200
_MOST_TOLD = 500
_TYPED = ("name", "kind", "count", "length", "share", "at_least", "tag", "host", "queue", "to", "mute_for")


class _AlertsPage(Page):
    entry = "alerts"

    def mine(self) -> QuerySet[Alert]:
        return Alert.objects.filter(user_id=self.owner_id)

    def find(self, alert_id: UUID) -> Alert:
        found = self.mine().filter(id=alert_id).first()
        if found is None:
            raise Http404("there is no such alert of yours")
        return found

    def tell(self) -> None:
        transaction.on_commit(partial(announcements.announce_deliveries, [clock.now()]))


class Alerts(_AlertsPage):
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._shown()

    def post(self, request: HttpRequest) -> HttpResponse:
        typed = {name: request.POST.get(name, "").strip() for name in _TYPED}
        try:
            sent = _fields(typed)
            fields = intake_alert.new(sent, owned=Owned(self.owner_id, [sent]))
            made = alerts.create(self.owner_id, fields, actor=self.actor, now=clock.now())
        except NameTaken:
            return self._shown(refusal="There is an alert of this name already.", typed=typed, status=400)
        except (InvalidInput, LimitReached) as refusal:
            return self._shown(refusal=str(refusal), typed=typed, status=400)
        messages.success(request, f"{made.name} counts what ends from now on. Try it, to see that you hear of it.")
        return HttpResponseRedirect(reverse("pages:alerts"))

    def _shown(self, *, refusal: str = "", typed: dict[str, str] | None = None, status: int = 200) -> HttpResponse:
        rows = list(self.mine().defer("memory").order_by("name")[:_SHOWN])
        firing = alerts.firing_counts(rows)
        shown = [{"alert": row, "firing": firing[row.id], **_in_words(row)} for row in rows]
        context: dict[str, Any] = {"rows": shown, "refusal": refusal, "typed": typed or {}, "kinds": words.KINDS}
        context["services"] = settings.BOOPER_ALERT_SERVICES
        return self.page("alerts.html", title="Alerts", status=status, **context)


class AlertPage(_AlertsPage):
    """When an alert fired, and what each address answered."""

    is_shown_to_operators = True

    def get(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        alert = self.find(alert_id)
        incidents = list(AlertIncident.objects.filter(alert_id=alert.id).order_by("-id")[:_SHOWN])
        told: dict[UUID, list[Delivery | AlertLetter]] = {incident.id: [] for incident in incidents}
        rows = Delivery.objects.filter(incident_id__in=list(told)).defer("body").order_by("-id")[:_MOST_TOLD]
        letters = AlertLetter.objects.filter(incident_id__in=list(told)).order_by("-id")[:_MOST_TOLD]
        for row in (*rows, *letters):
            told[row.incident_id].append(row)
        shown = [{"incident": incident, "told": told[incident.id]} for incident in incidents]
        said = _in_words(alert)
        return self.page("alert.html", title=alert.name, alert=alert, rows=shown, when=said["when"], of=said["of"])


class TryAlert(_AlertsPage):
    def post(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        alert = self.find(alert_id)
        try:
            told = alerts.tell_test(alert, now=clock.now())
        except TooManyTests:
            messages.error(request, "It was tested often enough within the last minute: wait for a minute.")
        else:
            if told is None:
                raise Http404("there is no such alert of yours")
            self.tell()
            messages.success(request, "A message that is marked as a test is on its way to each address.")
        return HttpResponseRedirect(reverse("pages:alert", args=[alert.id]))


class DeleteAlert(_AlertsPage):
    def post(self, request: HttpRequest, alert_id: UUID) -> HttpResponse:
        alert = self.find(alert_id)
        if alerts.delete(alert, actor=self.actor, now=clock.now()):
            self.tell()
        messages.success(request, f"{alert.name} is gone, with its incidents.")
        return HttpResponseRedirect(reverse("pages:alerts"))


def _in_words(alert: Alert) -> dict[str, str]:
    return {"when": words.when(alert.when), "of": words.of(alert.of)}


def _fields(typed: dict[str, str]) -> dict[str, Any]:
    """The fields of POST /api/alerts that the form means."""
    fields: dict[str, Any] = {"name": typed["name"], "when": _when(typed), "to": typed["to"].split()}
    of = {name: typed[name] for name in ("tag", "host", "queue") if typed[name]}
    optional = {"of": of, "mute_for": typed["mute_for"]}
    return fields | {name: value for name, value in optional.items() if value}


def _when(typed: dict[str, str]) -> dict[str, Any]:
    kind = typed["kind"]
    if kind == "discarded":
        return {kind: typed["count"] or None}
    if kind == "failing":
        share = {name: typed[name] for name in ("share", "at_least") if typed[name]}
        return {kind: share | ({"of_last": typed["length"]} if typed["length"] else {})}
    return {kind: typed["length"] or None} if kind in ("late", "not_run") else {kind: True}
