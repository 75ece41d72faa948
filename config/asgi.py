"""The web process's door for ASGI servers: the WSGI application, run by a few threads that no half request holds."""

from django.conf import settings

from config.web import children, database_limits
from config.web.door import Door, Rules
from config.wsgi import application as _wsgi

from config.web import callers  # isort: skip (only now are there models to import)

children.end_with_parent()
database_limits.keep()
database_limits.look_once()

_BATCH = "/api/jobs/batch"


def _longest_body(path: str) -> int:
    """The most bytes of a body: MAX_BATCH_BYTES for a batch."""
    is_batch = path.rstrip("/") == _BATCH
    longest: int = settings.MAX_BATCH_BYTES if is_batch else settings.MAX_REQUEST_BYTES
    return longest


application = Door(
    _wsgi,
    Rules(
        at_once=frozenset({"/livez", "/api/ping"}),
        apart=frozenset({"/readyz", "/metrics"}),
        longest_body=_longest_body,
        threads=settings.WEB_THREADS,
        caller_of=callers.of,
        base_path=settings.BOOPER_BASE_PATH,
    ),
)
