"""Has requests belong to whoever is signed in, and to nobody as long as their second factor is due."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from jobs.guarding import admission


class SessionUser(AuthenticationMiddleware):
    """Django's own, but for that: the session and the user are read when somebody asks, and once."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        known = request.user

        def admitted() -> Any:
            return admission.admitted(request.session, known)

        lazy: Any = SimpleLazyObject(admitted)
        request.user = lazy
        request.auser = sync_to_async(admitted)
