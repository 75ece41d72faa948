"""Every refusal as RFC 9457 problem+json: what happened, at which field, and what to do about it. Never HTML."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from booper.content import payloads
from jobs.api.wire import unanswered
from jobs.guarding.limits import LimitReached
from jobs.intake.refusals import Refusal

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = 5

# What `type` ends with and what `title` says, by status. docs/errors.md explains each.
KINDS: Mapping[int, tuple[str, str]] = {
    400: ("invalid-input", "Invalid input"),
    401: ("unauthorized", "No valid API key"),
    403: ("forbidden", "Forbidden"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "Method not allowed"),
    409: ("conflict", "Too late"),
    412: ("precondition-failed", "Changed in the meantime"),
    413: ("too-large", "Request body too large"),
    415: ("unsupported-media-type", "Unsupported content type"),
    429: ("rate-limited", "Too many requests"),
    500: ("internal-error", "Internal error"),
    503: ("unavailable", "Temporarily unavailable"),
}


class Conflict(exceptions.APIException):
    """409: the object's state does not allow it (any more)."""

    status_code = 409


class PreconditionFailed(exceptions.APIException):
    """412: it is not as the client's If-Match header has it."""

    status_code = 412


class UnsupportedBody(exceptions.APIException):
    """415: a body in a content type, character set or encoding that is not read here."""

    status_code = 415


class NotNow(exceptions.APIException):
    """503: not just now, through no fault of the client."""

    status_code = 503


def handle(exc: Exception, context: Mapping[str, Any]) -> Response:
    """REST framework's exception handler: the answer to whatever a view raised."""
    request = context["request"]
    status, detail = _verdict(exc, request)
    is_of_the_database = status == 503 and isinstance(exc, DatabaseError | InterfaceError)
    if is_of_the_database:
        unanswered.own.note(exc)
    elif status >= 500:
        logger.error("%s %s: %s", request.method, request.path, detail, exc_info=exc if status == 500 else None)
    if status == 500:
        # For Django's test client and for error reporters, which learn of unhandled exceptions by this signal.
        got_request_exception.send(sender=None, request=request._request)
    problem = _problem(status, detail, getattr(exc, "errors", None))
    if isinstance(exc, LimitReached):
        problem |= {"limit": exc.limit, "allowed": exc.allowed, "used": exc.used}
    response = Response(problem, status=status, headers=_headers(exc, status), content_type=CONTENT_TYPE)
    # Django would write a line for each.
    response._has_been_logged = is_of_the_database  # type: ignore[attr-defined]
    return response


def of(refusal: Refusal) -> dict[str, Any]:
    """The problem of one item among many, as the item alone would have been answered."""
    return _problem(refusal.status, refusal.detail, refusal.errors)


def _verdict(exc: Exception, request: HttpRequest) -> tuple[int, str]:
    """Status and detail."""
    match exc:
        case Refusal():
            return exc.status, exc.detail
        case exceptions.NotAuthenticated():
            return 401, "there is no API key: send the header Authorization: Bearer sk_…"
        case exceptions.MethodNotAllowed():
            return 405, f"{request.method} is not a method of {request.path}: the Allow header has those that are"
        case exceptions.APIException():
            return exc.status_code, str(exc.detail)
        case LimitReached():
            return 429, str(exc)
        case Http404():
            return 404, str(exc) or _nothing_at(request.path)
        case PermissionDenied():
            return 403, str(exc) or "this is not for you"
        case DatabaseError() | InterfaceError():
            return 503, f"the database did not answer: try again in {_RETRY_AFTER_SECONDS} seconds"
    return 500, "this is a fault of the server, which has logged it: tell its operator"


def _headers(exc: Exception, status: int) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    wait_seconds = getattr(exc, "wait", None) or (_RETRY_AFTER_SECONDS if status == 503 else None)
    if wait_seconds is not None:
        headers["Retry-After"] = str(math.ceil(wait_seconds))
    return headers


def _problem(status: int, detail: str, errors: Sequence[Mapping[str, str]] | None = None) -> dict[str, Any]:
    kind, title = KINDS.get(status, ("refused", "Refused"))
    problem = {
        "type": f"urn:booper:problem:{kind}",
        "title": title,
        "status": status,
        "detail": payloads.storable_text(detail),
    }
    return problem if errors is None else {**problem, "errors": list(errors)}


def _nothing_at(path: str) -> str:
    return f"there is nothing at {path}: GET /api/openapi.json lists what there is"


# What Django answers by itself, outside of any view of ours. HTML is for who asks for it, and not under /api.


@csrf_exempt
def no_such_path(request: HttpRequest) -> HttpResponse:
    """The view of every path under /api that is none, whatever the method."""
    return _plain(404, _nothing_at(request.path))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: a Host header that is not among ALLOWED_HOSTS, above all, or a form in another charset."""
    if _is_for_a_browser(request):
        return defaults.bad_request(request, exception)
    remedy = "check Host, which has to be among ALLOWED_HOSTS, and the charset of a form, which has to be UTF-8"
    return _plain(400, f"the request's headers make no sense here: {remedy}")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    if _is_for_a_browser(request):
        return defaults.permission_denied(request, exception)
    return _plain(403, "this is not for you")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    if _is_for_a_browser(request):
        return defaults.page_not_found(request, exception)
    return _plain(404, _nothing_at(request.path))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500."""
    if _is_for_a_browser(request):
        return defaults.server_error(request)
    return _plain(500, "this is a fault of the server, which has logged it: tell its operator")


class Unavailable:
    """The middleware that answers 503 where a page waited for the database in vain. The API's views do so already."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        detail = f"the database did not answer: try again in {_RETRY_AFTER_SECONDS} seconds"
        unanswered.own.note(exception)
        response = _plain(503, detail)
        if _is_for_a_browser(request):
            response = HttpResponse(f"<h1>Temporarily unavailable</h1><p>{detail}</p>", status=503)
        response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response


def _is_for_a_browser(request: HttpRequest) -> bool:
    # With two slashes before it, /api is a slip of somebody who means the API.
    first = request.path_info.lstrip("/").partition("/")[0]
    return first != "api" and "text/html" in request.META.get("HTTP_ACCEPT", "")


def _plain(status: int, detail: str) -> HttpResponse:
    errors: list[Mapping[str, str]] | None = [] if status == 400 else None
    return HttpResponse(payloads.encode(_problem(status, detail, errors)), status=status, content_type=CONTENT_TYPE)
