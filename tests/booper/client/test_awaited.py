"""The client for asyncio: what Scheduler does, awaited."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import booper
from booper.client import AsyncScheduler, NotFound, Scheduler
from tests.booper.client.uses import HOOK
from tests.fake_api import API_KEY, JOB, Answer, FakeApi

NOUNS = tuple(name for name in vars(Scheduler(API_KEY)) if not name.startswith("_"))


def run(api: FakeApi, use: Callable[[AsyncScheduler], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    async def used() -> Any:
        async with AsyncScheduler(API_KEY, base_url=api.url, **options) as scheduler:
            return await use(scheduler)

    return asyncio.run(used())


def test_a_call_is_the_same_as_the_other_clients(api: FakeApi, scheduler: Scheduler) -> None:
    async def create(client: AsyncScheduler) -> Any:
        return await client.jobs.create(HOOK)

    assert run(api, create) == scheduler.jobs.create(HOOK)
    awaited, other = api.calls
    assert (awaited.method, awaited.path, awaited.body) == (other.method, other.path, other.body)


def test_every_call_of_every_noun_is_there(api: FakeApi) -> None:
    async def compare(client: AsyncScheduler) -> None:
        with Scheduler(API_KEY, base_url=api.url) as other:
            for noun in NOUNS:
                calls = {name for name in dir(getattr(other, noun)) if not name.startswith("_")}
                assert calls - {"path"} <= set(dir(getattr(client, noun)))
                assert all(callable(getattr(getattr(client, noun), name)) for name in calls - {"path"})

    run(api, compare)


def test_a_call_that_is_not_there_is_an_attribute_that_is_not_there(api: FakeApi) -> None:
    async def misspell(client: AsyncScheduler) -> None:
        with pytest.raises(AttributeError, match="Jobs has no call 'craete'"):
            await client.jobs.craete(HOOK)  # type: ignore[attr-defined]  # that is the point
        assert not hasattr(client.jobs, "path")
        assert not hasattr(client.jobs, "_transport")

    run(api, misspell)


def test_what_the_server_refuses_is_raised(api: FakeApi) -> None:
    async def get(client: AsyncScheduler) -> None:
        api.answers.append(Answer(404, {"title": "Not Found", "status": 404, "detail": "no such job"}))
        with pytest.raises(NotFound, match="no such job"):
            await client.jobs.get(1)

    run(api, get)


def test_iterating_gives_every_row(api: FakeApi) -> None:
    async def collect(client: AsyncScheduler) -> list[Any]:
        api.answers.append(Answer(200, {"data": [JOB, JOB], "cursor": "next"}))
        api.answers.append(Answer(200, {"data": [JOB], "cursor": None}))
        return [row async for row in client.jobs.iterate(state="scheduled", page_size=2)]

    assert run(api, collect) == [JOB, JOB, JOB]
    assert [call.query.get("cursor") for call in api.calls] == ["", "next"]


def test_calls_are_under_way_side_by_side_and_the_loop_goes_on(api: FakeApi) -> None:
    async def ping(client: AsyncScheduler) -> set[str]:
        names: set[str] = set()
        both = threading.Barrier(2, timeout=10)

        def meet() -> None:
            both.wait()
            names.add(threading.current_thread().name)

        await asyncio.gather(client._run(meet), client._run(meet), client.ping(), client.preview(HOOK))
        return names

    assert len(run(api, ping, concurrency=4)) == 2


def test_both_clients_come_from_the_package_itself() -> None:
    assert booper.AsyncScheduler is AsyncScheduler
    assert booper.Scheduler is Scheduler


def test_its_repr_does_not_show_the_key(api: FakeApi) -> None:
    async def show(client: AsyncScheduler) -> str:
        return repr(client)

    assert run(api, show) == f"AsyncScheduler(base_url={api.url!r})"
