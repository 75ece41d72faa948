"""Notes, after a request that came with a session, that the session is used."""

import logging
from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest, HttpResponse

from jobs.database import clock
from jobs.guarding import sessions

logger = logging.getLogger(__name__)


class SessionUse:
    """Asks nothing of requests that did not look at their session: those of the API."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if request.session.accessed:
            try:
                sessions.use(request.session, request.META, now=clock.now())
            except Error as error:
                # What was asked for has been done: that it can't be noted when is not worth an error.
                logger.debug("the use of a session was not noted: %s", error)
        return response
