"""Targets for a first job, open to everyone: ping, echo, broadcast."""

from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.endpoints.base import OpenView, answer
from jobs.api.schema import operations
from jobs.api.wire import parsers
from jobs.intake.fields import Input

_BROADCAST_FIELDS = {"content": 10_000, "author": 255, "channel": 255}


class Ping(OpenView):
    is_counted = False

    @operations.PING
    def get(self, request: Request) -> Response:
        return answer({"message": "Pong"})


class Echo(OpenView):
    parser_classes = (parsers.AnyJSONParser, parsers.BracketFormParser)

    @operations.ECHO
    def post(self, request: Request) -> Response:
        return answer(parsers.value(request))


class Broadcast(OpenView):
    @operations.BROADCAST
    def post(self, request: Request) -> Response:
        # A recurring job's requests carry $job, $previous and $state as well.
        fields = {name: value for name, value in self.sent_fields().items() if not name.startswith("$")}
        given = Input(fields, known=_BROADCAST_FIELDS)
        if not given.has("content"):
            given.refuse("content", detail="it is required: write what to broadcast")
        message = {name: given.text(name, longest=longest) for name, longest in _BROADCAST_FIELDS.items()}
        given.finish()
        return answer(message)
