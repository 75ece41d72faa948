"""Many enabled schedules: how soon a new one takes effect, what an idle beat takes, and a wave that is due at once.

All but the wave run once a day, at any time but now. The wave is handed over when its runs are the workers' to take: in
Booper a committed row, in its peers a message or an entry in Redis. Where that takes too long, it is broken off.
"""

import contextlib
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

from benchmarks import beats, tables
from benchmarks.beats import Beat, PeerBeat
from benchmarks.processes import wait_until
from benchmarks.scene import Scene

_LONGEST_SECONDS = 60.0


@dataclass(slots=True)
class Figures:
    name: str
    beats: int
    added_seconds: list[float]
    cpu_percent: float
    memory_mb: float
    first_seconds: float = 0.0
    all_seconds: float = 0.0
    handed_over: int = 0
    doubts: str = ""
    reload_seconds: float | None = None

    @property
    def rate(self) -> float:
        return self.handed_over / self.all_seconds if self.all_seconds else 0.0


def measure(scene: Scene) -> None:
    measured = [figures for side in beats.sides(scene) if (figures := _measured(scene, side)) is not None]
    count, due = scene.effort.schedules, scene.effort.schedules_due
    base = next((figures for figures in measured if figures.name.startswith(beats.STOCK)), None)
    head = (
        "side",
        "a new one takes effect within",
        "at worst",
        "time against stock",
        "idle CPU",
        "memory",
        "memory against stock",
    )
    tables.show(f"{count:,} enabled schedules, one beat", head, [_idle_row(figures, base) for figures in measured])
    head = ("side", "beats", "the first after", "all after", "runs/s", "against stock", "each once")
    rows = [_wave_row(figures, base, due) for figures in measured]
    tables.show(f"{due:,} of them due at the same minute, handed over", head, rows)
    for figures in measured:
        if figures.reload_seconds is not None:
            print(f"{figures.name}: reading its schedule anew takes {figures.reload_seconds:.2f} s, at every change")


def _measured(scene: Scene, side: AbstractContextManager[Beat]) -> Figures | None:
    """None, and a line that says why, where it could not be measured."""
    with side as beat:
        began = time.monotonic()
        try:
            figures = _idle(scene, beat)
            _wave(scene, beat, figures)
        except (OSError, RuntimeError, TimeoutError) as error:
            print(f"{beat.name}: {error}", flush=True)
            return None
        print(f"{beat.name}: measured in {time.monotonic() - began:.0f} s", flush=True)
        return figures


def _idle(scene: Scene, beat: Beat) -> Figures:
    beat.fill()
    reload_seconds = beat.ask("reload") if isinstance(beat, PeerBeat) and beat.module == "stock_beat" else None
    group = beat.start()
    beat.add()  # the first one waits for the start as well
    added = [beat.add() for _ in range(scene.effort.rounds)]
    time.sleep(2)
    seconds = 1.5 * scene.effort.seconds
    before = group.cpu_seconds()
    time.sleep(seconds)
    cpu_percent = 100 * (group.cpu_seconds() - before) / seconds
    return Figures(beat.name, beat.beats, added, cpu_percent, group.memory_mb(), reload_seconds=reload_seconds)


def _wave(scene: Scene, beat: Beat, figures: Figures) -> None:
    due = scene.effort.schedules_due
    due_at = beat.prepare_wave()
    wait_until(
        lambda: beat.waiting() < due,
        what="the first of the wave is handed over",
        within_seconds=due_at - time.time() + _LONGEST_SECONDS,
        pause_seconds=0.02,
    )
    figures.first_seconds = time.time() - due_at
    with contextlib.suppress(TimeoutError):
        wait_until(
            lambda: beat.waiting() <= 0,
            what="all of the wave is handed over",
            within_seconds=_LONGEST_SECONDS,
            pause_seconds=0.02,
        )
    figures.all_seconds = time.time() - due_at
    figures.handed_over = due - beat.waiting()
    figures.doubts = beat.doubts() if figures.handed_over == due else "not measured"


def _idle_row(figures: Figures, base: Figures | None) -> tuple[object, ...]:
    usual = median(figures.added_seconds)
    return (
        figures.name,
        f"{usual:.2f} s",
        f"{max(figures.added_seconds):.2f} s",
        tables.ratio(usual, median(base.added_seconds)) if base else "-",
        f"{figures.cpu_percent:.1f}% of a core",
        f"{figures.memory_mb:.0f} MB",
        tables.ratio(figures.memory_mb, base.memory_mb) if base else "-",
    )


def _wave_row(figures: Figures, base: Figures | None, due: int) -> tuple[object, ...]:
    is_whole = figures.handed_over == due
    return (
        figures.name,
        figures.beats,
        f"{figures.first_seconds:.2f} s",
        f"{figures.all_seconds:.2f} s" if is_whole else f"{figures.handed_over:,} in {figures.all_seconds:.0f} s",
        f"{figures.rate:,.0f}",
        tables.ratio(figures.rate, base.rate) if base else "-",
        figures.doubts or "yes",
    )
