"""The fake itself: the client, over a server in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

from booper.client import AsyncScheduler, Id, Job, Scheduler
from booper.client.answers import Answer
from booper.client.resources import Resource
from booper.client.retries import Retries
from booper.client.transport import Transport
from booper.content.signatures import new_secret
from booper.testing.exchange import Handler, Request
from booper.testing.server import Server

_URL = "http://booper.test"


class FakeScheduler(Scheduler):
    """A Scheduler whose server is in memory: each call of the client, no network, and time that you let pass.

    `now` is where its time begins, an aware datetime. Without a handler a target answers 200 with an empty object.
    `requests` are those that were sent, in order. Callbacks and job requests are signed with `secret`. It plays one-off
    and recurring jobs, retries, idempotency keys, callbacks, the log and lists; not references to `$state` and
    `$previous`, calendars, overlaps, rates of queues, limits, webhooks, or what a target may say beside its status.
    """

    def __init__(self, *, now: datetime | None = None) -> None:
        super().__init__("sk_fake", base_url=_URL)
        self.secret = new_secret()
        self._server = Server(now=now or datetime.now(UTC), secret=self.secret)
        self._transport.close()
        self._transport = transport = _InMemory(self._server)
        for noun in vars(self).values():
            if isinstance(noun, Resource):
                noun._transport = transport

    @property
    def now(self) -> datetime:
        return self._server.now

    @property
    def requests(self) -> list[Request]:
        return self._server.requests

    def handle(self, url: str, handler: Handler) -> None:
        """Has a function play all URLs that begin with `url`; of several that fit, the longest."""
        self._server.handlers[url] = handler

    def run_due(self) -> list[Request]:
        """Runs what is due now, and answers the requests that this sent."""
        return self._server.run_due()

    def advance(self, length: timedelta | float) -> list[Request]:
        """Lets so much time pass, in seconds if it is a number, and runs all that comes due, each at its own time."""
        seconds = length.total_seconds() if isinstance(length, timedelta) else length
        if seconds < 0:
            raise ValueError(f"length: {length!r} leads back, and time does not")
        return self._server.run_until(self.now + timedelta(seconds=seconds))

    def job(self, id: Id) -> Job:
        """The job, as `jobs.get` has it."""
        return self.jobs.get(id)

    def awaited(self) -> AsyncScheduler:
        """The same for asyncio: an AsyncScheduler of this very fake, each as much the other."""
        client = AsyncScheduler("sk_fake", base_url=_URL)
        client._scheduler.close()
        client._scheduler = self
        for name, noun in vars(client).items():
            if hasattr(noun, "_resource"):
                noun._resource = getattr(self, name)
        return client


class _InMemory(Transport):
    """The way of a call to a server in memory: spelt, checked and repeated as any other."""

    def __init__(self, server: Server) -> None:
        super().__init__("sk_fake", base_url=_URL, timeout_seconds=1, session=None, retries=Retries(waits_seconds=()))
        self._server = server

    def _send(
        self, method: str, url: str, *, parameters: dict[str, str], content: bytes | None, api_key: str | None
    ) -> Answer:
        steps = [unquote(step) for step in urlsplit(url).path.split("/")[2:]]
        body = None if content is None else json.loads(content)
        status, answer = self._server.answer(method, steps, query=parameters, body=body)
        written = json.dumps(answer).encode()
        headers: Mapping[str, str] = {}
        return Answer(url=url, status=status, reason="", headers=headers, content=written, is_redirect=False)
