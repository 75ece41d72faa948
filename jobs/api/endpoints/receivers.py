"""/api/receivers: those that failed, why, and switching one on again that was switched off for it."""

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import identifiers, query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import deliveries as operations
from jobs.database import sql
from jobs.delivering import receivers
from jobs.models import Receiver
from jobs.models.receiver import ReceiverQuerySet


class _ReceiversView(View):
    def get_queryset(self) -> ReceiverQuerySet:
        return Receiver.objects.filter(user_id=self.owner_id)

    def find(self, receiver_id: str) -> Receiver:
        """Finds a receiver by uuid. Raises Http404 for what is not there or somebody else's."""
        uuid = identifiers.uuid(receiver_id)
        found = None if uuid is None else self.get_queryset().filter(id=uuid).first()
        if found is None:
            raise Http404(
                f"there is no receiver {receiver_id[:40]!a} of yours: GET /api/receivers lists those that failed"
            )
        return found


class Receivers(_ReceiversView):
    @operations.LIST_RECEIVERS
    @takes(query=query.PAGE_FIELDS)
    def get(self, request: Request) -> Response:
        given = query.read(request, known=query.PAGE_FIELDS)
        paging = query.paging(given, model=Receiver, columns=query.RECEIVER_COLUMNS)
        given.finish()
        page = paging.page_of(Receiver.objects.filter(sql.owned_by(self.owner_id)))
        return answer_page([serializers.receiver(row) for row in page.rows], page)


class ReceiverDetail(_ReceiversView):
    @operations.GET_RECEIVER
    def get(self, request: Request, receiver_id: str) -> Response:
        return answer(serializers.receiver(self.find(receiver_id)))


class EnableReceiver(_ReceiversView):
    @operations.ENABLE_RECEIVER
    def post(self, request: Request, receiver_id: str) -> Response:
        return answer(serializers.receiver(receivers.enable(self.find(receiver_id))))
