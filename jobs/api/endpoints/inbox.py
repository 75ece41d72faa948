"""/api/inbox: the caller's own address, what has arrived there, and another address."""

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import identifiers, query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import inbox as operations
from jobs.database import clock
from jobs.guarding import inbox
from jobs.models import InboxRequest


class Inbox(View):
    @operations.LIST_INBOX
    @takes(query=query.PAGE_FIELDS)
    def get(self, request: Request) -> Response:
        given = query.read(request, known=query.PAGE_FIELDS)
        paging = query.paging(given, model=InboxRequest, columns=query.INBOX_COLUMNS)
        given.finish()
        page = paging.page_of(inbox.requests(self.owner_id, now=clock.now()))
        return answer_page([serializers.inbox_request(row) for row in page.rows], page)

    @operations.CLEAR_INBOX
    def delete(self, request: Request) -> Response:
        return answer({"deleted": inbox.clear(self.owner_id)})


class InboxAddress(View):
    @operations.GET_INBOX_ADDRESS
    def get(self, request: Request) -> Response:
        return answer({"address": inbox.address_of(inbox.of_user(self.owner_id))})


class InboxDetail(View):
    @operations.GET_INBOX_REQUEST
    def get(self, request: Request, request_id: str) -> Response:
        uuid = identifiers.uuid(request_id)
        mine = inbox.requests(self.owner_id, now=clock.now())
        found = None if uuid is None else mine.filter(id=uuid).first()
        if found is None:
            raise Http404(f"nothing {request_id[:40]!a} is in your inbox: GET /api/inbox lists what is")
        return answer(serializers.inbox_request(found))


class RotateInbox(View):
    @operations.ROTATE_INBOX
    def post(self, request: Request) -> Response:
        found = inbox.rotate(self.owner_id, actor=self.actor, now=clock.now())
        return answer({"address": inbox.address_of(found)}, status=201)
