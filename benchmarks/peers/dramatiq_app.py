"""Dramatiq: messages in Redis, acknowledged late."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.peers import target

dramatiq.set_broker(RedisBroker(url=f"{target.REDIS}/4"))


@dramatiq.actor
def get(url: str) -> None:
    target.get(url)


def put(count: int, url: str) -> None:
    for _ in range(count):
        get.send(url)
