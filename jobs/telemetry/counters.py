"""What this process counts, in memory; jobs.telemetry.counter_rows writes it down for all to read."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ATTEMPTS = "attempts"
JOBS_FINISHED = "jobs_finished"
DELIVERY_ATTEMPTS = "delivery_attempts"
# Requests that the web answered 503, by why.
UNAVAILABLE = "unavailable"
NO_DATABASE, NO_THREAD = "database", "full"
CONCURRENCY = "concurrency"
IN_FLIGHT = "in_flight"
# Since when (unix seconds) a host of a tenant is parked, by the hex of the tenant's id and the origin.
PARKED = "parked"
# Until when it was, of those released of late, by the same with the begin (unix seconds) between the two.
RELEASED = "released"
# The label of the outcome of an attempt that went well; of others it is the code of what went wrong.
SUCCESS = "success"
LEASE_LOST = "lease_lost"

_SEPARATOR = "|"
_SUM = "sum"


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many of the values seen fell between which bounds; what is above the last one has a place too."""

    name: str
    bounds: tuple[float, ...]
    places: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", (*(f"{bound:g}" for bound in self.bounds), "+Inf"))


LATENESS = Histogram("lateness_seconds", (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800))
_DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
REQUEST_DURATION = Histogram("request_duration_seconds", _DURATIONS)
DELIVERY_DURATION = Histogram("delivery_duration_seconds", _DURATIONS)


class Tallies:
    """Counts, which only rise, and gauges. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, float] = {}
        self._gauges: dict[str, float] = {}

    def count(self, name: str, labels: Iterable[str]) -> None:
        """One more for each of `labels`."""
        self._add((f"{name}{_SEPARATOR}{label}", 1) for label in labels)

    def observe(self, histogram: Histogram, values: Iterable[float]) -> None:
        """Seconds, as a rule. A clock that was read elsewhere may make one negative: that counts as none."""
        name, bounds, places = histogram.name, histogram.bounds, histogram.places
        seen = [max(0.0, value) for value in values]
        self._add((f"{name}{_SEPARATOR}{places[bisect_left(bounds, value)]}", 1) for value in seen)
        self._add([(f"{name}{_SEPARATOR}{_SUM}", sum(seen))] if seen else ())

    def set_gauge(self, name: str, value: float) -> None:
        with self._lock:
            self._gauges[name] = value

    def set_gauges(self, name: str, values: Mapping[str, float]) -> None:
        """Replaces all gauges that there were under `name` by these, by label."""
        prefix = name + _SEPARATOR
        with self._lock:
            others = {series: value for series, value in self._gauges.items() if not series.startswith(prefix)}
            self._gauges = others | {prefix + label: value for label, value in values.items()}

    def read(self) -> tuple[dict[str, float], dict[str, float]]:
        """Counts and gauges as they are now, by series."""
        with self._lock:
            return dict(self._counts), dict(self._gauges)

    def _add(self, amounts: Iterable[tuple[str, float]]) -> None:
        with self._lock:
            counts = self._counts
            for series, amount in amounts:
                counts[series] = counts.get(series, 0) + amount


def by_label(counts: Mapping[str, float], name: str) -> dict[str, float]:
    """What was counted under `name`, by label."""
    prefix = name + _SEPARATOR
    return {series.removeprefix(prefix): value for series, value in counts.items() if series.startswith(prefix)}


def distribution(counts: Mapping[str, float], histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    """(bound, how many were at most that) for all bounds up to +Inf, and the sum of what was seen."""
    placed = by_label(counts, histogram.name)
    seen, buckets = 0.0, []
    for place in histogram.places:
        seen += placed.get(place, 0)
        buckets.append((place, seen))
    return buckets, placed.get(_SUM, 0.0)


def total(counts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    added: dict[str, float] = {}
    for each in counts:
        for series, value in each.items():
            added[series] = added.get(series, 0) + value
    return added


def difference(counts: Mapping[str, float], others: Mapping[str, float]) -> dict[str, float]:
    return {series: value - others.get(series, 0) for series, value in counts.items()}


own = Tallies()
"""The tallies of this process."""
