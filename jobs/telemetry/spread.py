"""How lengths of time are spread: counted by places between fixed bounds, from which quantiles are read."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping

# In milliseconds, each about half as much again as the one before: a quantile is right to a fifth.
BOUNDS = (
    *(1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700),
    *(1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 60_000),
    *(120_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000),
)
Spread = Mapping[str, int]
"""{place: how many}. JSON has it so: the names of places are digits."""


def place(milliseconds: float) -> str:
    return str(bisect_right(BOUNDS, milliseconds))


def added(several: Iterable[Spread]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in several:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total


def quantile(spread: Spread, share: float) -> float | None:
    """The milliseconds that so large a `share` stays below, as if those of a place were spread evenly in it."""
    counted = sorted((int(name), count) for name, count in spread.items())
    wanted, seen = share * sum(count for _, count in counted), 0
    for number, count in counted:
        if count and seen + count >= wanted:
            low = BOUNDS[number - 1] if number else 0
            high = BOUNDS[number] if number < len(BOUNDS) else low
            return low + (high - low) * (wanted - seen) / count
        seen += count
    return None
