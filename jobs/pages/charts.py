"""Charts as SVG that a template writes out: bars and lines in a box of their own units, which the page stretches.

Words stand beside the box as text, so that they stay readable however narrow it becomes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from jobs.pages.filters import span
from jobs.telemetry.figures import Bar, Range

HEIGHT = 100
_MARKS = 4


@dataclass(frozen=True, slots=True)
class Column:
    """A bar: `x` its left edge; from the ground up what completed, and on it what failed. `words` is its title."""

    x: float
    good_y: float
    good_height: float
    bad_y: float
    bad_height: float
    words: str


@dataclass(frozen=True, slots=True)
class Columns:
    """`width`: of the box, a unit a bar; `scale`: what stands at its left, from above; `marks` below it."""

    columns: Sequence[Column]
    width: int
    scale: Sequence[str]
    marks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Line:
    """`path` and `area` (down to the ground) as SVG draws them; empty if there is nothing to draw."""

    path: str
    area: str
    width: int
    most: str


def columns(bars: Sequence[Bar], asked: Range) -> Columns:
    most = _round_up(max((bar.counted.attempts for bar in bars), default=0))
    return Columns(
        [_column(place, bar, most, asked) for place, bar in enumerate(bars) if bar.counted.attempts],
        len(bars),
        (f"{most:,}", f"{most // 2:,}", "0"),
        _marks(bars, asked),
    )


def line(bars: Sequence[Bar], value: Callable[[Bar], float | None]) -> Line:
    """`value` in milliseconds; where there is none the line has a gap."""
    values = [value(bar) for bar in bars]
    most = max((found for found in values if found is not None), default=0.0)
    runs = _runs(values)
    if not most or not runs:
        return Line("", "", len(bars), "")
    drawn = [[(place + 0.5, HEIGHT - found / most * HEIGHT) for place, found in run] for run in runs]
    return Line(
        " ".join(_path(points) for points in drawn),
        " ".join(f"{_path(points)} L{points[-1][0]} {HEIGHT} L{points[0][0]} {HEIGHT} Z" for points in drawn),
        len(bars),
        span(most / 1000),
    )


def _column(place: int, bar: Bar, most: int, asked: Range) -> Column:
    good = bar.counted.completed / most * HEIGHT
    bad = bar.counted.failed / most * HEIGHT
    words = f"{_moment(bar.begins_at, asked)}: {bar.counted.completed:,} completed, {bar.counted.failed:,} failed"
    return Column(
        place + 0.12, round(HEIGHT - good, 2), round(good, 2), round(HEIGHT - good - bad, 2), round(bad, 2), words
    )


def _round_up(number: int) -> int:
    """To a number whose half is one too, as the scale shows it."""
    size = 1
    while True:
        for first in (2, 4, 6, 10):
            if first * size >= number:
                return first * size
        size *= 10


def _marks(bars: Sequence[Bar], asked: Range) -> list[str]:
    step = len(bars) // _MARKS
    return [*(_moment(bars[place].begins_at, asked) for place in range(0, _MARKS * step, step)), "now"]


def _moment(moment: datetime, asked: Range) -> str:
    """In the reader's zone."""
    local = timezone.localtime(moment)
    if asked.length <= timedelta(days=1):
        return f"{local:%H:%M}"
    return f"{local:%-d %b}" if asked.length > timedelta(days=7) else f"{local:%a %H:%M}"


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Places that follow each other; one alone becomes a short line."""
    runs: list[list[tuple[int, float]]] = []
    for place, found in enumerate(values):
        if found is None:
            continue
        if runs and runs[-1][-1][0] == place - 1:
            runs[-1].append((place, found))
        else:
            runs.append([(place, found)])
    return [run if len(run) > 1 else [run[0], (run[0][0] + 0.4, run[0][1])] for run in runs]  # type: ignore[list-item]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(points))
