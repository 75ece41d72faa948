"""The time-outs of this process's connections to the database: a web request does not wait for a lock for ever."""

import logging
from typing import Any

from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import DEFAULT_DB_ALIAS, close_old_connections, connections, reset_queries
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from config.sqlite import base as sqlite

logger = logging.getLogger(__name__)

# Set for the session, so never through a pooler that hands sessions round: workers would be given them too. There the
# server's process is another one than the pooler has named.
_SET = """
SELECT pg_backend_pid() = %(pid)s,
    CASE WHEN pg_backend_pid() = %(pid)s THEN set_config('statement_timeout', %(statement)s, false) END,
    CASE WHEN pg_backend_pid() = %(pid)s THEN set_config('lock_timeout', %(lock)s, false) END
"""


def keep() -> None:
    """Makes every connection that this process opens from now on keep to the limits."""
    connection_created.connect(_limit, dispatch_uid="web-time-outs")
    sqlite.longest_wait_seconds = settings.WEB_LOCK_SECONDS


def look_once() -> None:
    """Makes each request end with one look at its thread's connection, where Django would look at all, twice."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    request_finished.connect(_close_broken, dispatch_uid="web-connection")
    if not settings.DEBUG:
        # Nobody keeps queries then.
        request_started.disconnect(reset_queries)


def _close_broken(**_: Any) -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    connection.close_if_unusable_or_obsolete()
    # After an error Django has just tried the connection and would trust it, for the request that begins now. Here the
    # next one may come hours later, when the database has been restarted.
    connection.health_check_done = False  # type: ignore[attr-defined]  # unknown to its stubs


def _limit(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "postgresql":
        limit(connection, backend_pid=connection.connection.info.backend_pid)


def limit(connection: BaseDatabaseWrapper, *, backend_pid: int) -> bool:
    """Limits one connection to PostgreSQL; False if it goes through a pooler, and is left alone."""
    parameters: dict[str, int | str] = {
        "pid": backend_pid,
        "statement": f"{round(settings.WEB_STATEMENT_SECONDS * 1000)}ms",
        "lock": f"{round(settings.WEB_LOCK_SECONDS * 1000)}ms",
    }
    with connection.cursor() as cursor:
        cursor.execute(_SET, parameters)
        [is_direct, *_] = cursor.fetchone()
    if not is_direct:
        logger.debug("a pooler stands before the database: WEB_STATEMENT_SECONDS and WEB_LOCK_SECONDS are its to set")
    return bool(is_direct)
