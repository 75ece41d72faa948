"""Calls of the API pass by what is for pages: sessions, CSRF, messages, static files, redirects.

A call has its key and nothing else to know it by. What all answers share (a Host that is ours, the headers for
browsers, the length) is done here, at a tenth of what the chain of middleware costs.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, URLPattern, get_resolver

from jobs.api.urls import urlpatterns
from jobs.api.wire import problems

Door = Callable[[HttpRequest], HttpResponseBase]

PREFIX = "/api/"


class Shortcut:
    """The middleware, behind the probes and before everything else."""

    def __init__(self, get_response: Door) -> None:
        self._get_response = get_response
        # With what Django does around every middleware: whatever is raised becomes an answer.
        self._call: Callable[[HttpRequest], Any] = convert_exception_to_response(_call)
        self._headers = _headers()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self._get_response(request)
        response: HttpResponse = self._call(request)
        headers = response.headers
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            headers.setdefault("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}")
        if not response.streaming and "Content-Length" not in headers:
            headers["Content-Length"] = str(len(response.content))
        return response


def _call(request: HttpRequest) -> HttpResponseBase:
    # Raises for one that is not among ALLOWED_HOSTS.
    request.get_host()
    view, arguments = _found(request)
    response: HttpResponseBase = view(request, **arguments)
    return response.render() if isinstance(response, SimpleTemplateResponse) else response


def _found(request: HttpRequest) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    view = _FIXED.get(request.path_info)
    if view is not None:
        return view, {}
    try:
        match = get_resolver().resolve(request.path_info)
    except Resolver404:
        return problems.no_such_path, {}
    request.resolver_match = match
    return match.func, match.kwargs


def _is_fixed(pattern: Any) -> bool:
    return isinstance(pattern, URLPattern) and not pattern.pattern.converters and pattern.name is None


# The paths without anything to be filled in: a look instead of a walk along all patterns.
_FIXED: Mapping[str, Callable[..., Any]] = {
    f"{PREFIX}{pattern.pattern}": pattern.callback for pattern in urlpatterns if _is_fixed(pattern)
}


def _headers() -> dict[str, str]:
    """What Django's own middleware sets by the same settings."""
    return {
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
    }
