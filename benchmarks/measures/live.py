"""Whether pages that are looked at slow the engine: jobs a second with twenty of them open against none, in turn.

Each page asks anew as a browser's does, by the same address and as often, with a session; they are of two tenants.
The web runs on both sides. The jobs are those of the tenant with most pages.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import load, tables
from benchmarks.booper import Instance
from benchmarks.measures.drain import LONGEST_SECONDS, run_due
from benchmarks.processes import Group
from benchmarks.scene import Scene

_PAGES = 20
# As jobs/static/pages/booper.js has it.
EVERY_SECONDS = 5.0
# Some seconds of work, so that each page asks more than once.
_TIMES_AS_MANY = 3
# Workers, web and pages are at work while the jobs are written.
_BESIDE_OTHERS = 3.0
_NONE, _OPEN = "none", f"{_PAGES} live pages"


@dataclass(slots=True)
class Side:
    rates: list[float] = field(default_factory=list)
    cpu_of_web: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


def measure(scene: Scene) -> None:
    with scene.best_instance("live") as instance:
        instance.inside("pages", "fill", scene.effort.waiting[-1] // 10 or 100, scene.effort.schedules // 10 or 20)
        instance.inside("pages", "rest")
        wanted = [
            load.request("GET", each["path"], cookie=each["cookie"], more={"HX-Request": "true"})
            for each in instance.inside("pages", "live", _PAGES)["pages"]
        ]
        sides = {_NONE: Side(), _OPEN: Side()}
        with instance.running("web") as web, instance.running("worker", count=2), instance.running("beat"):
            run_due(scene, instance, scene.effort.jobs)
            for number in range(2 * max(1, scene.effort.rounds)):
                # The first of a pair is the other one each time.
                for name in (_NONE, _OPEN) if number % 2 else (_OPEN, _NONE):
                    _until_it_is_done(scene, instance, web, sides[name], wanted if name == _OPEN else [])
    _show(sides)


def _until_it_is_done(scene: Scene, instance: Instance, web: list[Group], side: Side, wanted: Sequence[bytes]) -> None:
    """Again, a few times, where the machine was too busy to bring the jobs before they were due."""
    for tries_left in (2, 1, 0):
        try:
            _once(scene, instance, web, side, wanted)
        except RuntimeError as error:
            if not tries_left:
                raise
            print(f"once more: {str(error).splitlines()[-1]}", flush=True)
            instance.wait_until_done(within_seconds=LONGEST_SECONDS)
        else:
            return


def _once(scene: Scene, instance: Instance, web: list[Group], side: Side, wanted: Sequence[bytes]) -> None:
    before, began = sum(group.cpu_seconds() for group in web), time.monotonic()
    with _looked_at(instance.port, wanted) as milliseconds:
        count = _TIMES_AS_MANY * scene.effort.jobs
        side.rates.append(run_due(scene, instance, count, times_as_long=_BESIDE_OTHERS))
    cpu = sum(group.cpu_seconds() for group in web) - before
    side.cpu_of_web.append(100 * cpu / (time.monotonic() - began))
    side.milliseconds += milliseconds


@contextlib.contextmanager
def _looked_at(port: int, wanted: Sequence[bytes]) -> Iterator[list[float]]:
    """While the block lasts each request is sent each few seconds; the milliseconds that each answer took."""
    milliseconds: list[float] = []
    is_over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_look(port, wanted, milliseconds, is_over)), daemon=True)
    thread.start()
    try:
        yield milliseconds
    finally:
        is_over.set()
        thread.join()


async def _look(port: int, wanted: Sequence[bytes], milliseconds: list[float], is_over: threading.Event) -> None:
    step = EVERY_SECONDS / max(1, len(wanted))
    await asyncio.gather(*(_ask(port, each, place * step, milliseconds, is_over) for place, each in enumerate(wanted)))


async def _ask(port: int, wanted: bytes, after: float, milliseconds: list[float], is_over: threading.Event) -> None:
    """One page. Each has been open for another while, so they do not ask at one instant."""
    due = time.monotonic() + after
    while not is_over.is_set():
        if time.monotonic() < due:
            await asyncio.sleep(0.05)
            continue
        due += EVERY_SECONDS
        milliseconds += await load.answered(port, wanted)


def _show(sides: dict[str, Side]) -> None:
    base = sides[_NONE]
    ratios = [one / other for one, other in zip(sides[_OPEN].rates, base.rates, strict=True)]
    rows: list[tuple[Any, ...]] = []
    for name, side in sides.items():
        times = sorted(side.milliseconds)
        rows.append(
            (
                *(name, f"{median(side.rates):,.0f}", tables.ratio(median(side.rates), median(base.rates))),
                f"{min(side.rates):,.0f} to {max(side.rates):,.0f}",
                f"{median(side.cpu_of_web):.1f} %",
                f"{median(times):.0f} / {times[-1]:.0f}" if times else "-",
            )
        )
    head = ("pages open", "jobs/s", "against none", "lowest to highest", "the web's CPU, of a core", "ms p50 / at most")
    tables.show(f"Due jobs a second beside live pages, medians of {len(ratios)} interleaved rounds", head, rows)
    print(
        f"\nRound by round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}; median {median(ratios):.2f} x", flush=True
    )
