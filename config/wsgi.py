"""The web process as a WSGI application. What serves it is config.asgi; any WSGI server could."""

import os
import platform
import threading
from wsgiref.types import StartResponse, WSGIEnvironment

import django
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_UTF_8 = ("", "utf-8", "utf8", "us-ascii", "ascii")


class _Request(WSGIRequest):
    def _set_content_type_params(self, meta: dict[str, str]) -> None:
        """Leaves the charset alone, by which Django reads queries too, and its codec may fail or make half characters.

        It would do so where nothing catches what that raises, and parse `charset*=nonsense''x` there: a 500 each.
        """
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (LookupError, ValueError):
            self.content_type, self.content_params = "", {}

    def _load_post_and_files(self) -> None:
        """Raises BadRequest for a form that says it is in anything but UTF-8."""
        charset = str((self.content_params or {}).get("charset", "")).lower()
        if self.method == "POST" and self.content_type in _FORMS and charset not in _UTF_8:
            self._mark_post_parse_error()  # type: ignore[attr-defined]
            raise BadRequest(f"a form is read as UTF-8, and this one says it is in {charset!a}")
        super()._load_post_and_files()


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
