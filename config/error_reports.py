"""Unexpected errors to Sentry, where SENTRY_DSN says so; without it nothing of Sentry is imported.

Requests, variables and earlier log lines stay here, as tenants' secrets are in them: an error goes out with its message
and where it happened.
"""

import importlib
from typing import Any

from django.core.exceptions import ImproperlyConfigured

_REMEDY = "SENTRY_DSN is set, and its library is not installed: pip install -r requirements-sentry.txt, or unset it."
# Of a request nothing else: addresses, queries, headers, cookies and bodies are tenants'.
_KEPT_OF_REQUEST = ("method",)


def begin(dsn: str, *, release: str, environment: str) -> None:
    """Has this process report to `dsn`; an empty one does nothing."""
    if not dsn:
        return
    try:
        sentry = importlib.import_module("sentry_sdk")
    except ImportError as error:
        raise ImproperlyConfigured(_REMEDY) from error
    try:
        sentry.init(dsn=dsn, release=f"booper@{release}", environment=environment, **_silent())
    except sentry.utils.BadDsn as error:
        raise ImproperlyConfigured(
            "SENTRY_DSN is no DSN: write https://KEY@HOST/PROJECT, as Sentry shows it."
        ) from error


def _silent() -> dict[str, Any]:
    return {
        "send_default_pii": False,
        # Local variables have headers and secrets in them.
        "include_local_variables": False,
        "max_request_body_size": "never",
        # Log lines and calls before the error, tenants' URLs among them.
        "max_breadcrumbs": 0,
        "auto_session_tracking": False,
        "before_send": _without_request,
    }


def _without_request(event: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    request = event.pop("request", {})
    kept = {name: request[name] for name in _KEPT_OF_REQUEST if name in request}
    event.pop("user", None)
    event.pop("extra", None)
    event.pop("breadcrumbs", None)
    return {**event, "request": kept} if kept else event
