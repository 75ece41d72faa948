"""What all views have in common: whose request it is, and what it carries."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api.input import unexpected
from jobs.api.input.query import Page
from jobs.api.wire import parsers


class View(APIView):
    """Needs an API key, and answers `{"data": …}`."""

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """The Allow header, which every answer has, is the whole answer."""
        return Response(status=204)

    def get_permissions(self) -> Sequence[Any]:
        # What methods there are is no secret.
        return [] if self.request.method == "OPTIONS" else super().get_permissions()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Of the calls in the OpenAPI document, refuses as well what they do not take."""
        super().initial(request, *args, **kwargs)
        taken = getattr(getattr(self, str(request.method).lower(), None), "taken", None)
        if taken is not None:
            unexpected.refuse_others(request, taken)

    def perform_authentication(self, request: Request) -> None:
        """Left to the permissions: an open view looks at no key at all."""

    @property
    def owner_id(self) -> UUID:
        return UUID(str(self.request.user.pk))

    def sent_fields(self, **how: Any) -> dict[str, Any]:
        """The object in the request's body; `how` is as for parsers.parse, and so is what it raises."""
        return parsers.parse(self.request, **how)


class OpenView(View):
    """Needs no key, and does not look at one."""

    authentication_classes = ()
    permission_classes = ()


def answer(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response({"data": data}, status=status, headers=headers)


def answer_page(data: Sequence[Any], page: Page[Any]) -> Response:
    """A list; with the cursor for the next page beside it where the request had one."""
    return Response({"data": data, "cursor": page.cursor} if page.is_by_cursor else {"data": data})
