"""The web process's door for WSGI servers: `gunicorn config.wsgi`."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

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
application = Handler()
