"""The web process as a WSGI application. What serves it is config.asgi; any WSGI server could."""

import os
import platform
import threading
from wsgiref.types import StartResponse, WSGIEnvironment

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class _Request(WSGIRequest):
    def _set_content_type_params(self, meta: dict[str, str]) -> None:
        """Django parses this header where nothing catches what that raises: `charset*=nonsense''x` would be a 500."""
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except (LookupError, ValueError):
            self.content_type, self.content_params = "", {}
            self._encoding = None


class Handler(WSGIHandler):
    request_class = _Request


django.setup(set_prefix=False)

from jobs.api.wire import unanswered  # noqa: E402 (only now are there models to import)
from jobs.operating import health  # noqa: E402
from jobs.telemetry import counter_rows  # noqa: E402


class Application(Handler):
    """The application as a server runs it. What it counts is written from its first request on, after any fork."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._writer: counter_rows.Writer | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> HttpResponseBase:
        if self._writer is None:
            self._keep_ledger()
        return super().__call__(environ, start_response)

    def _keep_ledger(self) -> None:
        with self._lock:
            if self._writer is None:
                self._writer = counter_rows.keep(f"web@{platform.node()}")
                unanswered.own.watch(health.ask_the_database)


application = Application()
