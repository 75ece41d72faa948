"""Targets for a first job, open to everyone: ping, echo, broadcast. They answer without `data`, as Booper does."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from booper.content import payloads
from jobs.api.endpoints.base import OpenView
from jobs.api.input.taken import takes
from jobs.api.schema.operations import demo as operations
from jobs.api.wire import parsers
from jobs.intake.fields import Input

_BROADCAST_FIELDS = {"content": 10_000, "author": 255, "channel": 255}


class Ping(OpenView):
    is_counted = False

    @operations.PING
    @takes(is_open_to_any_query=True)
    def get(self, request: Request) -> Response:
        return Response({"message": "Pong"})


class Echo(OpenView):
    parser_classes = (parsers.AnyJSONParser, parsers.BracketFormParser)

    @operations.ECHO
    @takes(body=(), is_open_to_any_query=True)
    def post(self, request: Request) -> HttpResponse:
        # Not a Response, whose renderer writes null as nothing.
        return HttpResponse(payloads.encode(parsers.value(request)), content_type="application/json")


class Broadcast(OpenView):
    @operations.BROADCAST
    @takes(body=tuple(_BROADCAST_FIELDS), is_open_to_any_query=True)
    def post(self, request: Request) -> Response:
        # A recurring job's requests carry $job, $previous and $state as well.
        fields = {name: value for name, value in self.sent_fields().items() if not name.startswith("$")}
        given = Input(fields, known=_BROADCAST_FIELDS)
        if not given.has("content"):
            given.refuse("content", detail="it is required: write what to broadcast")
        message = {name: given.text(name, longest=longest) for name, longest in _BROADCAST_FIELDS.items()}
        given.finish()
        return Response(message)
