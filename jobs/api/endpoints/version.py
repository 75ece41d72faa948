"""Which Booper this is: its release, and the contract that its API keeps."""

from rest_framework.request import Request
from rest_framework.response import Response

import booper
from jobs.api.endpoints.base import OpenView, answer
from jobs.api.schema.operations import demo as operations

# Raised when something that clients rely on changes.
API = "1"


class Version(OpenView):
    @operations.GET_VERSION
    def get(self, request: Request) -> Response:
        return answer({"version": booper.__version__, "api": API})
