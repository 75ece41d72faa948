"""/api/deliveries: callbacks and webhooks, how their sending went, and sending them once more."""

from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.actions import bulk
from jobs.actions import delivery as delivery_actions
from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import bulk as bulk_input
from jobs.api.input import identifiers, job_filters, query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import deliveries as operations
from jobs.api.wire.problems import Conflict
from jobs.database import clock, sql
from jobs.delivering import receivers
from jobs.intake.fields import Input
from jobs.models import Delivery, DeliveryKind, DeliveryState
from jobs.models.delivery import DeliveryQuerySet
from jobs.waking import announcements

_FILTERS = ("job_id", "tag", "kind", "state")


class _DeliveriesView(View):
    def get_queryset(self) -> DeliveryQuerySet:
        return Delivery.objects.filter(user_id=self.owner_id)

    def listed(self, given: Input) -> QuerySet[Delivery]:
        """What the filters leave. Bodies are left in the database: a page of them may be megabytes."""
        rows = query.of_job(Delivery.objects.filter(sql.owned_by(self.owner_id)).defer("body"), given)
        if kinds := query.choices(given, "kind", allowed=DeliveryKind.values):
            rows = rows.filter(kind__in=kinds)
        if states := query.choices(given, "state", allowed=DeliveryState.values):
            rows = rows.filter(state__in=states)
        return job_filters.with_tags(rows, given, owner_id=self.owner_id)

    def find(self, delivery_id: str) -> Delivery:
        """Finds a delivery by uuid. Raises Http404 for what is not there (any more) or somebody else's."""
        uuid = identifiers.uuid(delivery_id)
        found = None if uuid is None else self.get_queryset().filter(uuid=uuid).first()
        if found is None:
            raise Http404(
                f"there is no delivery {delivery_id[:40]!a} of yours: GET /api/deliveries lists those there are"
            )
        return found


class Deliveries(_DeliveriesView):
    @operations.LIST_DELIVERIES
    @takes(query=(*query.PAGE_FIELDS, *_FILTERS))
    def get(self, request: Request) -> Response:
        given = query.read(request, known=(*query.PAGE_FIELDS, *_FILTERS))
        paging = query.paging(given, model=Delivery, columns=query.DELIVERY_COLUMNS)
        rows = self.listed(given)
        given.finish()
        page = paging.page_of(rows)
        return answer_page([serializers.delivery(row) for row in page.rows], page)


class DeliveryDetail(_DeliveriesView):
    @operations.GET_DELIVERY
    def get(self, request: Request, delivery_id: str) -> Response:
        return answer(serializers.delivery_with_body(self.find(delivery_id)))


class ResendDeliveries(_DeliveriesView):
    @operations.RESEND_DELIVERIES
    @takes(query=(*_FILTERS, *bulk_input.OPTIONS), body=(*_FILTERS, *bulk_input.OPTIONS))
    def post(self, request: Request) -> Response:
        now = clock.now()
        given = bulk_input.read(request, self.sent_fields(is_optional=True), filters=_FILTERS)
        rows = self.listed(given)
        is_dry = bulk_input.finish(given, filters=_FILTERS, everything="every one that failed")
        matching = bulk.RESEND.matching(rows, has_states=given.has("state"), now=now)
        if is_dry:
            return answer({"matched": matching.count()})
        done = bulk.do(bulk.RESEND, matching, now=now)
        if done.count:
            transaction.on_commit(partial(announcements.announce_deliveries, [now]))
            self.note("deliveries.resent", now=now, filters=sorted(given.fields), count=done.count)
        return answer({"matched": done.matched, bulk.RESEND.done: done.count})


class ResendDelivery(_DeliveriesView):
    @operations.RESEND_DELIVERY
    def post(self, request: Request, delivery_id: str) -> Response:
        delivery, now = self.find(delivery_id), clock.now()
        receivers.look_up([delivery])
        if refusal := receivers.refusal(delivery):
            raise Conflict(refusal.message)
        again = delivery_actions.resend_delivery(delivery, now=now)
        if again is None:
            delivery.refresh_from_db()
            if delivery_actions.is_worn_out(delivery):
                raise Conflict(f"delivery {delivery.uuid} has had {delivery.attempt} attempts: it is not sent again")
            raise Conflict(f"delivery {delivery.uuid} is {delivery.state} and is on its way: wait until it has ended")
        transaction.on_commit(partial(announcements.announce_deliveries, [now]))
        return answer(serializers.delivery_with_body(again))
