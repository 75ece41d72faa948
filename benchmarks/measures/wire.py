"""Targets that take their time: jobs a second, and how many requests one worker process has on the wire at once."""

from collections import defaultdict
from statistics import median

from benchmarks import tables
from benchmarks.booper import Instance
from benchmarks.measures.drain import drain
from benchmarks.scene import Scene

DELAYS_MS = (0, 100, 1000)
CONCURRENCIES = ("500", "2000")
_SECONDS_AT_MOST = 8


def measure(scene: Scene) -> None:
    with scene.best_instance("wire") as instance:
        rates, waiting = defaultdict(list), defaultdict(list)
        for _ in range(scene.effort.rounds):
            for concurrency in CONCURRENCIES:
                for delay_ms in DELAYS_MS:
                    rate, most = _once(scene, instance, delay_ms, concurrency)
                    rates[concurrency, delay_ms].append(rate)
                    waiting[concurrency, delay_ms].append(most)
    rows = [
        (
            concurrency,
            f"{delay_ms:,} ms",
            f"{median(rates[concurrency, delay_ms]):,.0f}",
            _bound(int(concurrency), delay_ms),
            max(waiting[concurrency, delay_ms]),
            f"{min(rates[concurrency, delay_ms]):,.0f} to {max(rates[concurrency, delay_ms]):,.0f}",
        )
        for concurrency in CONCURRENCIES
        for delay_ms in DELAYS_MS
    ]
    head = ("WORKER_CONCURRENCY", "target takes", "jobs/s", "at most possible", "most on the wire at once", "range")
    tables.show(f"Slow targets, one worker process, medians of {scene.effort.rounds} interleaved rounds", head, rows)


def _once(scene: Scene, instance: Instance, delay_ms: int, concurrency: str) -> tuple[float, int]:
    """Jobs a second, and the most that waited for their answer at one moment."""
    count = scene.effort.jobs
    if delay_ms:
        # Several times as many as fit, but no longer than it takes to see the rate.
        fitting = int(concurrency) * 1000 // delay_ms
        count = min(count, fitting * _SECONDS_AT_MOST)
    path = f"slow/{delay_ms}" if delay_ms else ""
    rate = drain(scene, instance, path=path, count=count, settings={"WORKER_CONCURRENCY": concurrency})
    most: int = scene.sink.report()["most_waiting"]
    return rate, most


def _bound(concurrency: int, delay_ms: int) -> str:
    """So many places, each free again when the target has answered."""
    return f"{concurrency * 1000 / delay_ms:,.0f}" if delay_ms else "-"
