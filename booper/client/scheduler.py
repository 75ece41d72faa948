"""The client itself: a Booper server, as one user."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import requests

from booper.client.answers import as_object
from booper.client.calendars import Calendars
from booper.client.deliveries import Deliveries
from booper.client.jobs import Jobs
from booper.client.logs import Logs
from booper.client.queues import Queues
from booper.client.schedules import Schedules
from booper.client.settings import (
    API_KEY_VARIABLE,
    API_URL_VARIABLE,
    DEFAULT_API_URL,
    usable_key,
    usable_timeout,
    usable_url,
)
from booper.client.shapes import Json
from booper.client.transport import Transport


class Scheduler:
    """A Booper server, as one user.

    The key comes from BOOPER_API_KEY and the address from BOOPER_API_URL (http://127.0.0.1:8000) unless given.
    `timeout` is the longest wait in seconds for the connection, and then for each piece of the answer. When the
    network fails, what can be repeated without harm is, after each of `retry_waits_seconds`: every read, and each
    write that says so below.

    Threads may share one Scheduler: each gets a `requests.Session` of its own. A `session` you pass is used as it is,
    by all of them. Raises InvalidCall for a key or an address that can't be used.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = 30,
        session: requests.Session | None = None,
        retry_waits_seconds: Sequence[float] = (0.5, 2.0),
    ) -> None:
        self._transport = transport = Transport(
            usable_key(api_key if api_key is not None else os.environ.get(API_KEY_VARIABLE)),
            base_url=usable_url(base_url or os.environ.get(API_URL_VARIABLE) or DEFAULT_API_URL),
            timeout_seconds=usable_timeout(timeout),
            session=session,
            retry_waits_seconds=tuple(retry_waits_seconds),
        )
        self.jobs = Jobs(transport)
        self.schedules = Schedules(transport)
        self.logs = Logs(transport)
        self.deliveries = Deliveries(transport)
        self.queues = Queues(transport)
        self.calendars = Calendars(transport)

    @property
    def base_url(self) -> str:
        """The server's address, without /api."""
        return self._transport.base_url

    def preview(self, schedule: Mapping[str, Any]) -> Json:
        """The next runs of a would-be schedule; creates nothing."""
        return as_object(self._transport.call("POST", "/api/preview", body=schedule, is_repeatable=True))

    def check(self, file: Mapping[str, Any]) -> Json:
        """What there is of what a file for `booper apply` has, if all of it would be taken; writes nothing."""
        return as_object(self._transport.call("POST", "/api/apply-check", body=file, is_repeatable=True))

    def apply_schema(self) -> Json:
        """The JSON Schema of a file for `booper apply`. Needs no key."""
        path = "/api/apply-schema.json"
        return as_object(self._transport.call("GET", path, is_repeatable=True, needs_key=False))

    def ping(self) -> Json:
        """{"message": "Pong"} from a server that is up. Needs no key."""
        return as_object(self._transport.call("GET", "/api/ping", is_repeatable=True, needs_key=False))

    def close(self) -> None:
        """Close the kept-alive connections of every thread; not those of a session you passed."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Scheduler(base_url={self._transport.base_url!r})"  # never the key: reprs end up in logs
