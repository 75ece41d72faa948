"""The client itself: a Booper server, as one user."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

import requests

from booper.client.alerts import Alerts
from booper.client.answers import as_object
from booper.client.calendars import Calendars
from booper.client.deliveries import Deliveries
from booper.client.inbox import Inbox
from booper.client.jobs import Jobs
from booper.client.keys import Keys
from booper.client.limits import Limits
from booper.client.logs import Logs
from booper.client.queues import Queues
from booper.client.receivers import Receivers
from booper.client.records import Pong, Preview, Version
from booper.client.retries import Retries, pause
from booper.client.schedules import Schedules
from booper.client.secrets import Secrets
from booper.client.settings import (
    API_KEY_VARIABLE,
    API_URL_VARIABLE,
    DEFAULT_API_URL,
    usable_key,
    usable_timeout,
    usable_url,
)
from booper.client.shapes import Json
from booper.client.signing_secrets import SigningSecrets
from booper.client.transport import Transport


class Scheduler:
    """A Booper server, as one user.

    The key comes from BOOPER_API_KEY and the address from BOOPER_API_URL (http://127.0.0.1:8000) unless given.
    `timeout` is the longest wait in seconds for the connection, and then for each piece of the answer.

    What can be repeated without harm is, after each of `retry_waits_seconds` and up to half as long again by chance:
    when the network fails, or at 429 and 503 with a Retry-After of up to `longest_retry_wait_seconds`, which is kept.
    That is every read, PUT and DELETE, each POST that says so below, and any call that can't have arrived or was
    answered 429. `retry_all=True` repeats the others too, which may then be done twice. `sleep` does the waiting.

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
        longest_retry_wait_seconds: float = 30,
        retry_all: bool = False,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        retries = Retries(
            waits_seconds=tuple(retry_waits_seconds),
            longest_wait_seconds=longest_retry_wait_seconds,
            are_all=retry_all,
            sleep=sleep or pause,
        )
        self._transport = transport = Transport(
            usable_key(api_key if api_key is not None else os.environ.get(API_KEY_VARIABLE)),
            base_url=usable_url(base_url or os.environ.get(API_URL_VARIABLE) or DEFAULT_API_URL),
            timeout_seconds=usable_timeout(timeout),
            session=session,
            retries=retries,
        )
        self.jobs = Jobs(transport)
        self.schedules = Schedules(transport)
        self.logs = Logs(transport)
        self.deliveries = Deliveries(transport)
        self.queues = Queues(transport)
        self.calendars = Calendars(transport)
        self.receivers = Receivers(transport)
        self.keys = Keys(transport)
        self.signing_secret = SigningSecrets(transport)
        self.secrets = Secrets(transport)
        self.limits = Limits(transport)
        self.inbox = Inbox(transport)
        self.alerts = Alerts(transport)

    @property
    def base_url(self) -> str:
        """The server's address, without a slash at its end."""
        return self._transport.base_url

    def preview(self, schedule: Mapping[str, Any]) -> Preview:
        """The next runs of a would-be schedule; creates nothing."""
        answer = as_object(self._transport.call("POST", "/api/preview", body=schedule, is_repeatable=True))
        return cast("Preview", answer)

    def check(self, file: Mapping[str, Any]) -> Json:
        """What there is of what a file for `booper apply` has, if all of it would be taken; writes nothing."""
        return as_object(self._transport.call("POST", "/api/apply-check", body=file, is_repeatable=True))

    def apply_schema(self) -> Json:
        """The JSON Schema of a file for `booper apply`. Needs no key."""
        path = "/api/apply-schema.json"
        return as_object(self._transport.call("GET", path, is_repeatable=True, needs_key=False))

    def ping(self) -> Pong:
        """{"message": "Pong"} from a server that is up. Needs no key."""
        answer = as_object(self._transport.call("GET", "/api/ping", is_repeatable=True, needs_key=False))
        return cast("Pong", answer)

    def version(self) -> Version:
        """The server's {"version": "0.2.0", "api": "1"}. Needs no key."""
        answer = as_object(self._transport.call("GET", "/api/version", is_repeatable=True, needs_key=False))
        return cast("Version", answer)

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
