"""For each bucket of a histogram the latest attempt in it whose span was sent: the way from a figure to a trace.

Nothing is noted where traces are off.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.telemetry.counters import Histogram
from jobs.telemetry.spans import Span

Rows = Mapping[str, Mapping[str, Any]]
"""{histogram: {place: [value, trace, span, unix seconds]}}, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A value that was seen, the span of it in hexadecimal, and when (unix seconds)."""

    value: float
    trace_id: str
    span_id: str
    at: float


class Exemplars:
    """Those of one process. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[str, dict[str, list[Any]]] = {}

    def note(self, histogram: Histogram, value: float, *, trace_id: int, span_id: int) -> None:
        """`value` as the histogram has counted it."""
        seen = max(0.0, value)
        place = histogram.places[bisect_left(histogram.bounds, seen)]
        row = [seen, f"{trace_id:032x}", f"{span_id:016x}", time.time()]
        with self._lock:
            self._latest.setdefault(histogram.name, {})[place] = row

    def noted(self, span: Span | None, histogram: Histogram, value: float) -> Span | None:
        """The same span, and the value noted if it is one that is sent."""
        if span is not None:
            self.note(histogram, value, trace_id=span.trace_id, span_id=span.span_id)
        return span

    def read(self) -> dict[str, dict[str, list[Any]]]:
        with self._lock:
            return {name: dict(places) for name, places in self._latest.items()}


def latest(rows: Iterable[Rows | None], histogram: Histogram) -> dict[str, Exemplar]:
    """{place: the latest of all processes}."""
    found: dict[str, Exemplar] = {}
    for row in rows:
        for place, noted in ((row or {}).get(histogram.name) or {}).items():
            each = Exemplar(*noted)
            if place not in found or found[place].at < each.at:
                found[place] = each
    return found


own = Exemplars()
"""Those of this process."""
