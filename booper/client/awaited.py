"""The client for asyncio: the same calls, awaited, each on a thread of a pool of its own."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import requests

from booper.client.awaited_calls import (
    AsyncAlerts,
    AsyncCalendars,
    AsyncDeliveries,
    AsyncInbox,
    AsyncJobs,
    AsyncKeys,
    AsyncLimits,
    AsyncLogs,
    AsyncQueues,
    AsyncReceivers,
    AsyncSchedules,
    AsyncSecrets,
    AsyncSigningSecrets,
)
from booper.client.records import Pong, Preview, Version
from booper.client.resources import Listed, Resource
from booper.client.scheduler import Scheduler
from booper.client.shapes import Json

_T = TypeVar("_T")
_END = object()


class AsyncScheduler:
    """A Booper server, as one user, for asyncio: `await scheduler.jobs.create({...})`.

    Takes what Scheduler takes, has what it has, and raises what it raises; `iterate` is for `async for`. Up to
    `concurrency` calls are under way at once, others wait for their turn. A call that is cancelled while it is under
    way may still be carried out.
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
        concurrency: int = 16,
    ) -> None:
        self._scheduler = scheduler = Scheduler(
            api_key,
            base_url=base_url,
            timeout=timeout,
            session=session,
            retry_waits_seconds=retry_waits_seconds,
            longest_retry_wait_seconds=longest_retry_wait_seconds,
            retry_all=retry_all,
            sleep=sleep,
        )
        self._pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="booper-client")
        self.jobs = cast("AsyncJobs", Awaited(scheduler.jobs, self._run))
        self.schedules = cast("AsyncSchedules", Awaited(scheduler.schedules, self._run))
        self.logs = cast("AsyncLogs", Awaited(scheduler.logs, self._run))
        self.deliveries = cast("AsyncDeliveries", Awaited(scheduler.deliveries, self._run))
        self.queues = cast("AsyncQueues", Awaited(scheduler.queues, self._run))
        self.calendars = cast("AsyncCalendars", Awaited(scheduler.calendars, self._run))
        self.receivers = cast("AsyncReceivers", Awaited(scheduler.receivers, self._run))
        self.keys = cast("AsyncKeys", Awaited(scheduler.keys, self._run))
        self.signing_secret = cast("AsyncSigningSecrets", Awaited(scheduler.signing_secret, self._run))
        self.secrets = cast("AsyncSecrets", Awaited(scheduler.secrets, self._run))
        self.limits = cast("AsyncLimits", Awaited(scheduler.limits, self._run))
        self.inbox = cast("AsyncInbox", Awaited(scheduler.inbox, self._run))
        self.alerts = cast("AsyncAlerts", Awaited(scheduler.alerts, self._run))

    async def preview(self, schedule: Mapping[str, Any]) -> Preview:
        """The next runs of a would-be schedule; creates nothing."""
        return await self._run(functools.partial(self._scheduler.preview, schedule))

    async def check(self, file: Mapping[str, Any]) -> Json:
        """What there is of what a file for `booper apply` has, if all of it would be taken; writes nothing."""
        return await self._run(functools.partial(self._scheduler.check, file))

    async def apply_schema(self) -> Json:
        """The JSON Schema of a file for `booper apply`. Needs no key."""
        return await self._run(self._scheduler.apply_schema)

    async def ping(self) -> Pong:
        """{"message": "Pong"} from a server that is up. Needs no key."""
        return await self._run(self._scheduler.ping)

    async def version(self) -> Version:
        """The server's {"version": "0.2.0", "api": "1"}. Needs no key."""
        return await self._run(self._scheduler.version)

    async def close(self) -> None:
        """Wait for the calls that are under way, then close their connections."""
        await asyncio.to_thread(self._pool.shutdown)
        self._scheduler.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Async{self._scheduler!r}"

    async def _run(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


_Run = Callable[[Callable[[], Any]], Awaitable[Any]]


class Awaited:
    """The calls of one noun of Scheduler, by the same names, to be awaited."""

    def __init__(self, resource: Resource[Any], run: _Run) -> None:
        self._resource = resource
        self._run = run

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = None if name.startswith("_") else getattr(type(self._resource), name, None)
        if not callable(method):
            raise AttributeError(f"{type(self._resource).__name__} has no call {name!r}")

        @functools.wraps(method)
        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._run(functools.partial(method, self._resource, *args, **kwargs))

        return call

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in dir(self._resource) if not name.startswith("_"))]

    async def iterate(self, **filters: Any) -> AsyncIterator[Json]:
        """Every row, page after page, as it is consumed; takes what Scheduler's takes."""
        if not isinstance(self._resource, Listed):
            raise AttributeError(f"{type(self._resource).__name__} has no call 'iterate'")
        rows: Iterator[Json] = self._resource.iterate(**filters)
        # StopIteration can't come out of a coroutine.
        while (row := await self._run(functools.partial(next, rows, _END))) is not _END:
            yield row
