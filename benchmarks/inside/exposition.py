"""How long it takes to find out what /metrics says, which the web process does at most every few seconds."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from jobs.database import clock
from jobs.telemetry import exposition


def main(times: str) -> dict[str, Any]:
    """Milliseconds, medians: of the rows that are counted each time, and of those that are counted now and then."""
    stored = exposition.count_stored()
    return {
        "ms": _median_ms(int(times), lambda: exposition.exposition(now=clock.now(), stored=stored)),
        "stored_ms": _median_ms(int(times), exposition.count_stored),
    }


def _median_ms(times: int, ask: Callable[[], object]) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    return median(took)
