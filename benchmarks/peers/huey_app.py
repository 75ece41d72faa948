"""Huey: messages in Redis, no results."""

from huey import RedisHuey

from benchmarks.peers import target

huey = RedisHuey("bench", url=f"{target.REDIS}/5", results=False)


@huey.task()  # type: ignore[untyped-decorator]
def get(url: str) -> None:
    target.get(url)


def put(count: int, url: str) -> None:
    for _ in range(count):
        get(url)
