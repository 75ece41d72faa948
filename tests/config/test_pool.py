"""The threads that run requests: shared out among callers, while there are several."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from config.web.pool import Pool

THREADS = 8


class Work:
    """What occupies a thread until it is let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._is_over = threading.Event()
        self._lock = threading.Lock()

    def of(self, caller: str) -> Callable[[], str]:
        def run() -> str:
            with self._lock:
                self.begun.append(caller)
            assert self._is_over.wait(30)
            return caller

        return run

    def let_go(self) -> None:
        self._is_over.set()


Scene = Callable[[Pool[str], Work], Awaitable[None]]


def play(scene: Scene) -> None:
    async def run() -> None:
        pool: Pool[str] = Pool(threads=THREADS, name="test", most_waiting=100, patience_seconds=30)
        work = Work()
        try:
            await scene(pool, work)
        finally:
            work.let_go()
            pool.stop()

    asyncio.run(run())


async def begin(pool: Pool[str], work: Work, caller: str, count: int) -> "list[asyncio.Task[str]]":
    tasks = [asyncio.create_task(pool.run(work.of(caller), caller=caller)) for _ in range(count)]
    before = -1
    while before != len(work.begun):
        before = len(work.begun)
        await asyncio.sleep(0.05)
    return tasks


def test_one_alone_has_all_but_one() -> None:
    async def scene(pool: Pool[str], work: Work) -> None:
        tasks = await begin(pool, work, "alone", 20)
        assert work.begun.count("alone") == THREADS - 1
        work.let_go()
        await asyncio.gather(*tasks)

    play(scene)


def test_while_others_call_one_has_a_quarter() -> None:
    # The threads of one process take turns at one interpreter: seven at work on one's batches are seven turns that the
    # other one waits for, again and again.
    async def scene(pool: Pool[str], work: Work) -> None:
        await begin(pool, work, "modest", 1)
        tasks = await begin(pool, work, "greedy", 20)
        assert work.begun.count("greedy") == THREADS // 4
        work.let_go()
        await asyncio.gather(*tasks)

    play(scene)


def test_among_others_one_has_a_single_heavy_one() -> None:
    async def scene(pool: Pool[str], work: Work) -> None:
        await begin(pool, work, "modest", 1)
        heavy = [asyncio.create_task(pool.run(work.of("greedy"), caller="greedy", is_heavy=True)) for _ in range(3)]
        light = await begin(pool, work, "greedy", 3)
        assert work.begun.count("greedy") == 1
        work.let_go()
        await asyncio.gather(*heavy, *light)

    play(scene)


def test_what_one_has_beyond_that_is_not_given_it_again() -> None:
    async def scene(pool: Pool[str], work: Work) -> None:
        tasks = await begin(pool, work, "greedy", 20)
        await begin(pool, work, "modest", 1)
        later = Work()
        more = [asyncio.create_task(pool.run(later.of("greedy"), caller="greedy")) for _ in range(5)]
        work.let_go()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0.1)
        assert len(later.begun) == THREADS // 4
        later.let_go()
        await asyncio.gather(*more)

    play(scene)


def test_a_second_after_the_last_of_the_others_one_has_all_but_one_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.web.pool._ALONE_AFTER_SECONDS", 0.2)

    async def scene(pool: Pool[str], work: Work) -> None:
        assert await pool.run(lambda: "done", caller="modest") == "done"
        await asyncio.sleep(0.3)
        await begin(pool, work, "greedy", 20)
        assert work.begun.count("greedy") == THREADS - 1

    play(scene)
