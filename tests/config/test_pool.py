"""The threads that run requests: shared out among callers, while there are several."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from config.web.pool import Full, Pool

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


def test_one_that_fills_the_queue_leaves_idle_threads_to_others() -> None:
    async def scene(pool: Pool[str], work: Work) -> None:
        await begin(pool, work, "ada", THREADS - 1 + 100)
        [task] = await begin(pool, work, "grace", 1)
        assert work.begun.count("grace") == 1
        with pytest.raises(Full):
            await pool.run(work.of("ada"), caller="ada")
        work.let_go()
        assert await task == "grace"

    play(scene)


def test_a_heavy_one_is_not_overtaken_by_the_light_ones_of_its_caller() -> None:
    async def scene(pool: Pool[str], work: Work) -> None:
        first, second = Work(), Work()
        await pool.run(lambda: "grace", caller="grace")
        await begin(pool, first, "ada", 1)
        heavy = asyncio.create_task(pool.run(lambda: "heavy", caller="ada", is_heavy=True))
        await asyncio.sleep(0.05)
        light = await begin(pool, second, "ada", 1)
        first.let_go()
        assert await asyncio.wait_for(heavy, 5) == "heavy"
        second.let_go()
        assert await asyncio.gather(*light) == ["ada"]

    play(scene)


def test_who_waits_is_looked_at_again_once_its_caller_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.web.pool._ALONE_AFTER_SECONDS", 0.2)

    async def scene(pool: Pool[str], work: Work) -> None:
        await pool.run(lambda: "grace", caller="grace")
        await begin(pool, work, "ada", THREADS // 4)
        assert await asyncio.wait_for(pool.run(lambda: "quick", caller="ada"), 5) == "quick"

    play(scene)


def test_each_of_very_many_that_waited_too_long_is_told() -> None:
    async def run() -> None:
        pool: Pool[str] = Pool(threads=1, name="test", most_waiting=2000, patience_seconds=0.2)
        work = Work()
        try:
            [task] = await begin(pool, work, "ada", 1)
            late = [asyncio.create_task(pool.run(lambda: "late", caller="ada")) for _ in range(2000)]
            await asyncio.sleep(0.5)
            work.let_go()
            assert await task == "ada"
            told = await asyncio.wait_for(asyncio.gather(*late, return_exceptions=True), 5)
            assert {type(each) for each in told} == {Full}
        finally:
            work.let_go()
            pool.stop()

    asyncio.run(run())
