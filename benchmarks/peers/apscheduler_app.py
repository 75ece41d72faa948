"""APScheduler 3 with its SQLAlchemy job store; what is due is handed over by a push into a list of Redis.

It is told of a new job in its own process, through a list of Redis: another process's would not be noticed.
"""

import pickle
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import redis
from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from benchmarks.peers import beat, target

_BATCH = 5000
_client = redis.Redis.from_url(beat.HANDED_OVER)


def hand_over(to: str) -> None:
    _client.rpush(to, "1")


def _store() -> SQLAlchemyJobStore:
    return SQLAlchemyJobStore(url=target.POSTGRES.replace("postgres://", "postgresql+psycopg://"))


def _scheduler(store: SQLAlchemyJobStore) -> BackgroundScheduler:
    # Without a grace time it would leave out what it is a second late with.
    defaults = {"misfire_grace_time": None, "coalesce": True}
    return BackgroundScheduler(jobstores={"default": store}, job_defaults=defaults, timezone=UTC)


def serve() -> None:
    scheduler = _scheduler(_store())
    scheduler.start()
    threading.Thread(target=_take_orders, args=(scheduler,), daemon=True).start()
    _client.rpush("ready", "1")
    threading.Event().wait()


def _take_orders(scheduler: BackgroundScheduler) -> None:
    while True:
        if _client.blpop(["orders"], timeout=1):
            scheduler.add_job(hand_over, "interval", hours=1, args=["added"], next_run_time=datetime.now(UTC))


def fill(count: float, in_the_wave: float) -> None:
    later = datetime.now(UTC) + timedelta(hours=6)
    idle = int(count - in_the_wave)
    spread = [later + index * timedelta(hours=12) / max(1, idle) for index in range(idle)]
    _insert("idle", spread)
    _insert("wave", [later] * int(in_the_wave))


def add() -> float:
    """Seconds until a new job, which is due at once, is handed over."""
    _client.rpush("orders", "1")
    return beat.seconds_until_added()


def due(at: float, in_the_wave: float) -> None:
    """The wave is due at the unix time `at`."""
    store = _store()
    with store.engine.begin() as connection:
        connection.execute(store.jobs_t.delete().where(store.jobs_t.c.id.startswith("wave")))
    _insert("wave", [datetime.fromtimestamp(at, UTC)] * int(in_the_wave))
    # It has not noticed: one more job makes it look.
    add()


def _insert(kind: str, times: Sequence[datetime]) -> None:
    store = _store()
    store.start(_scheduler(store), "default")
    rows = _rows(store, kind, times)
    with store.engine.begin() as connection:
        while batch := list(islice(rows, _BATCH)):
            connection.execute(store.jobs_t.insert(), batch)


def _rows(store: SQLAlchemyJobStore, kind: str, times: Sequence[datetime]) -> Iterator[dict[str, Any]]:
    for index, moment in enumerate(times):
        job = Job(
            _scheduler(store),
            id=f"{kind} {index}",
            func=hand_over,
            args=(kind,),
            kwargs={},
            trigger=IntervalTrigger(days=1, timezone=UTC),
            executor="default",
            next_run_time=moment,
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
            name=kind,
        )
        state = pickle.dumps(job.__getstate__(), store.pickle_protocol)
        yield {"id": job.id, "next_run_time": moment.timestamp(), "job_state": state}
