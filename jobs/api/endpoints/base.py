"""What all views have in common: whose request it is, and what it carries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api import authentication, limiting
from jobs.api.input import taken, unexpected
from jobs.api.input.query import Page
from jobs.api.wire import parsers
from jobs.guarding import audit, charges
from jobs.guarding.rates import Standing
from jobs.models import ApiKey, Scope


class View(APIView):
    """Needs an API key, and answers `{"data": …}`."""

    # What a key has to be good for; None: `read` for what changes nothing, else `write`.
    needs: ClassVar[Scope | None] = None
    # How the caller stands to the limit on requests, once that was looked at.
    standing: Standing | None = None

    @taken.takes(is_open_to_any_query=True)
    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """The Allow header, which every answer has, is the whole answer."""
        return Response(status=204)

    def get_permissions(self) -> Sequence[Any]:
        # What methods there are is no secret.
        return [] if self.request.method == "OPTIONS" else super().get_permissions()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses as well what the call does not take."""
        super().initial(request, *args, **kwargs)
        method = getattr(self, str(request.method).lower(), None)
        if method is not None:
            unexpected.refuse_others(request, taken.by(method))

    def perform_authentication(self, request: Request) -> None:
        """Leaves it to the permissions: an open view looks at no key at all."""

    def check_permissions(self, request: Request) -> None:
        """Raises as well LimitReached, for a key or an address that has called too often."""
        try:
            super().check_permissions(request)
        except (AuthenticationFailed, NotAuthenticated):
            self._count(limiting.of_nobody(request))
            raise
        if request.method == "OPTIONS":
            return
        if isinstance(request.auth, ApiKey):
            self._count(limiting.of_key(request.auth))
            authentication.require_active(request.auth.user)
            authentication.require_scope(request.auth, self.needs, request=request)

    def _count(self, standing: Standing | None) -> None:
        self.standing = standing
        if standing is not None:
            standing.require()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self.standing is not None:
            for name, value in limiting.headers(self.standing).items():
                response.headers[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    def charge(self, *, jobs: int, schedules: int = 0, now: datetime) -> None:
        """Raises LimitReached if the caller may not have so many more. To be asked before they are made."""
        size = self.request.META.get(parsers.BODY_BYTES, 0)
        charges.charge(self.key.user, jobs=jobs, schedules=schedules, size=size, now=now)

    @property
    def key(self) -> ApiKey:
        """The API key that the request came with."""
        assert isinstance(self.request.auth, ApiKey)
        return self.request.auth

    def note(self, action: str, *, now: datetime, **details: Any) -> None:
        """One row of the audit trail, of what the caller did to their own."""
        audit.note(action, user_id=self.owner_id, actor=self.actor, now=now, **details)

    @property
    def actor(self) -> str:
        """Who is asking, for the audit trail."""
        return f"API key {self.key.hint}…"

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
    # Whether calls count against the limit on those without a key.
    is_counted: ClassVar[bool] = True

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if self.is_counted:
            self._count(limiting.of_nobody(request))


def answer(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response({"data": data}, status=status, headers=headers)


def location(job_id: int) -> dict[str, str]:
    """The header that says where a job that was just made is."""
    return {"Location": f"{settings.BOOPER_BASE_PATH}/api/jobs/{job_id}"}


def answer_page(data: Sequence[Any], page: Page[Any]) -> Response:
    """A list; with the cursor for the next page beside it where the request had one."""
    return Response({"data": data, "cursor": page.cursor} if page.is_by_cursor else {"data": data})
