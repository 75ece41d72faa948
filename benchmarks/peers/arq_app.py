"""arq: jobs in Redis until they are done, requests by aiohttp, no results kept."""

import asyncio
from typing import Any

import aiohttp
from arq import create_pool, func
from arq.connections import RedisSettings

from benchmarks.peers import target

_REDIS = RedisSettings.from_dsn(f"{target.REDIS}/9")
_AT_ONCE = 1000


async def get(context: dict[str, Any], url: str) -> None:
    async with context["session"].get(url) as answer:
        await answer.read()


async def start(context: dict[str, Any]) -> None:
    context["session"] = aiohttp.ClientSession()


async def stop(context: dict[str, Any]) -> None:
    await context["session"].close()


class WorkerSettings:
    functions = (func(get, keep_result=0),)
    on_startup, on_shutdown = start, stop
    redis_settings = _REDIS
    max_jobs = 200
    poll_delay = 0.05


async def _put(count: int, url: str) -> None:
    pool = await create_pool(_REDIS)
    for done in range(0, count, _AT_ONCE):
        await asyncio.gather(*(pool.enqueue_job("get", url) for _ in range(min(_AT_ONCE, count - done))))
    await pool.aclose()


def put(count: int, url: str) -> None:
    asyncio.run(_put(count, url))
