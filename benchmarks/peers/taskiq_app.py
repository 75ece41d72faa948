"""Taskiq: messages in Redis, requests by aiohttp."""

import asyncio

import aiohttp
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker

from benchmarks.peers import target

broker = ListQueueBroker(url=f"{target.REDIS}/6")
_sessions: list[aiohttp.ClientSession] = []


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def start(state: TaskiqState) -> None:
    _sessions.append(aiohttp.ClientSession())


@broker.task
async def get(url: str) -> None:
    async with _sessions[0].get(url) as answer:
        await answer.read()


async def _put(count: int, url: str) -> None:
    await broker.startup()
    for _ in range(count):
        await get.kiq(url)
    await broker.shutdown()


def put(count: int, url: str) -> None:
    asyncio.run(_put(count, url))
