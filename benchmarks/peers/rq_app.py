"""RQ: jobs and their results in Redis."""

import redis
import rq

from benchmarks.peers import target


def put(count: int, url: str) -> None:
    queue = rq.Queue(connection=redis.Redis.from_url(f"{target.REDIS}/3"))
    prepared = [rq.Queue.prepare_data(target.get, args=(url,), result_ttl=0) for _ in range(count)]
    queue.enqueue_many(prepared)
