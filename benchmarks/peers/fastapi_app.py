"""FastAPI with asyncpg: one insert into a table that has the columns and indexes of Booper's, one publish, one answer.

For `uvicorn benchmarks.peers.fastapi_app:app`, with `BENCH_POSTGRES` an instance's database, where the table is, and
`BENCH_REDIS` a broker.
What checks there are, are pydantic's. It has neither keys nor a log, and nobody reads what it publishes.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel, HttpUrl
from redis.asyncio import Redis

_INSERT = """
INSERT INTO fastapi_job (
    uuid, user_id, method, url, args, state, is_upcoming, inserted_at, scheduled_at, timeout_seconds, max_attempts,
    attempt, event_count
) VALUES ($1, $2, $3, $4, $5, 'scheduled', false, now(), $6, 60, 20, 0, 0) RETURNING id, inserted_at
"""
# Of one process. Booper's has as many threads.
_CONNECTIONS = 8
_OWNER = UUID(int=1)


class Wanted(BaseModel):
    method: str
    url: HttpUrl
    body: dict[str, Any]
    run_at: datetime


class Made(Wanted):
    id: int
    inserted_at: datetime


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncIterator[None]:
    async with (
        asyncpg.create_pool(os.environ["BENCH_POSTGRES"], min_size=_CONNECTIONS, max_size=_CONNECTIONS) as pool,
        Redis.from_url(os.environ["BENCH_REDIS"]) as broker,
    ):
        app.state.pool, app.state.broker = pool, broker
        yield


app = FastAPI(lifespan=_connected)


@app.post("/requests", status_code=201)
async def create(wanted: Wanted) -> Made:
    args = json.dumps(wanted.body)
    values = (uuid4(), _OWNER, wanted.method, str(wanted.url), args, wanted.run_at)
    row = await app.state.pool.fetchrow(_INSERT, *values)
    await app.state.broker.lpush("fastapi", json.dumps({"task": "run", "args": [row["id"]]}))
    return Made(**wanted.model_dump(), id=row["id"], inserted_at=row["inserted_at"])
