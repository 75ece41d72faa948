"""/deliveries: callbacks, webhooks and alerts, how each went, once more; receivers that fail, and their switch."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs.actions import delivery as delivery_actions
from jobs.database import clock, sql
from jobs.delivering import receivers
from jobs.guarding import audit
from jobs.models import Delivery, DeliveryState, Receiver
from jobs.pages.shell import Page
from jobs.waking import announcements

SHOWN = 50
# Receivers above the list; the others are folded, as the list would stand below them all.
_AT_FIRST_SIGHT = 3


class Deliveries(Page):
    entry = "deliveries"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        state, older = request.GET.get("state", ""), request.GET.get("older", "")
        rows = Delivery.objects.filter(sql.owned_by(self.owner_id)).defer("body")
        if state in DeliveryState.values:
            rows = rows.filter(state=state)
        if older.isdecimal() and len(older) < 19:
            rows = rows.filter(id__lt=int(older))
        found = list(rows.order_by("-user_id", "-id")[: SHOWN + 1])
        failing = Receiver.objects.failing().filter(user_id=self.owner_id)
        # Those that are off first, as they are to be switched on.
        failing = failing.order_by(F("disabled_at").desc(nulls_last=True), "-last_failed_at")
        receivers = list(failing[:SHOWN])
        context: dict[str, Any] = {
            "rows": found[:SHOWN],
            "receivers": receivers[:_AT_FIRST_SIGHT],
            "more_receivers": receivers[_AT_FIRST_SIGHT:],
            "are_all": len(receivers) < SHOWN,
            "states": DeliveryState.values,
            "state": state if state in DeliveryState.values else "",
            "older": found[SHOWN - 1].id if len(found) > SHOWN else None,
            "here": request.get_full_path(),
            "now": clock.now(),
        }
        if self.is_fragment:
            return self.part("deliveries_live.html", **context)
        return self.page("deliveries.html", title="Deliveries", **context)


class Resend(Page):
    entry = "deliveries"

    def post(self, request: HttpRequest, delivery_id: UUID) -> HttpResponse:
        delivery, now = Delivery.objects.filter(user_id=self.owner_id, uuid=delivery_id).first(), clock.now()
        if delivery is None:
            raise Http404("there is no such delivery of yours")
        receivers.look_up([delivery])
        refusal = receivers.refusal(delivery)
        if refusal is not None:
            messages.error(request, f"It was not sent: {refusal.message}")
        elif delivery_actions.resend_delivery(delivery, now=now) is None:
            messages.error(request, "It is on its way, or has had too many attempts: it was not sent again.")
        else:
            transaction.on_commit(partial(announcements.announce_deliveries, [now]))
            messages.success(request, f"{delivery.event} of {delivery.subject} is sent again.")
        return HttpResponseRedirect(reverse("pages:deliveries"))


class SwitchOn(Page):
    """A receiver that was switched off, as nothing reached it."""

    entry = "deliveries"

    def post(self, request: HttpRequest, receiver_id: UUID) -> HttpResponse:
        receiver = Receiver.objects.filter(user_id=self.owner_id, id=receiver_id).first()
        if receiver is None:
            raise Http404("there is no such receiver of yours")
        receivers.enable(receiver)
        audit.note("receiver.enabled", user_id=self.owner_id, actor=self.actor, now=clock.now(), origin=receiver.origin)
        messages.success(request, f"{receiver.origin} is told again.")
        return HttpResponseRedirect(reverse("pages:deliveries"))
