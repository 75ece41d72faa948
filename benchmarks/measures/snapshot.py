"""Jobs a second while an old snapshot keeps what has died: as a dump, a report or a lagging replica does.

Two instances take turns, each with one worker: one is fresh, the other has so many dead rows in the way of each look for
what is due, none of which a vacuum may take. PostgreSQL alone.
"""

import contextlib
from collections.abc import Iterator
from statistics import median

import psycopg

from benchmarks import servers, tables
from benchmarks.booper import Instance
from benchmarks.measures.drain import run_due
from benchmarks.scene import Scene

# So much longer it may take to bring jobs while the other instance's dead rows fill the memory and the disk's queue.
_BESIDE_DEAD_ROWS = 3.0


def measure(scene: Scene) -> None:
    if scene.is_embedded_only or not servers.has_postgres():
        print("snapshot: left out, there is no PostgreSQL", flush=True)
        return
    with (
        scene.best_instance("fresh") as fresh,
        scene.best_instance("old", number=1) as old,
        fresh.running("worker"),
        fresh.running("beat"),
        old.running("worker"),
        old.running("beat"),
        held(old),
    ):
        rows = list(_rows(scene, fresh, old))
    head = ("dead rows", "jobs/s, fresh", "jobs/s, with them", "ratio", "ranges")
    rounds = scene.effort.rounds
    tables.show(f"Due jobs a second under an old snapshot, medians of {rounds} rounds in turn", head, rows)


def _rows(scene: Scene, fresh: Instance, old: Instance) -> Iterator[tuple[str, ...]]:
    count, there = scene.effort.jobs, 0
    for dead in scene.effort.dead:
        old.inside("rows", "dead", dead - there)
        there = dead
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(scene.effort.rounds):
            for instance, found in zip((fresh, old), rates, strict=True):
                found.append(run_due(scene, instance, count, times_as_long=_BESIDE_DEAD_ROWS))
        without, with_them = map(median, rates)
        ranges = " and ".join(f"{min(found):,.0f} to {max(found):,.0f}" for found in rates)
        print(f"{dead:,} dead rows: {tables.ratio(with_them, without)}", flush=True)
        yield f"{dead:,}", f"{without:,.0f}", f"{with_them:,.0f}", tables.ratio(with_them, without), ranges


@contextlib.contextmanager
def held(instance: Instance) -> Iterator[None]:
    """A REPEATABLE READ transaction, left open as a dump or a report holds it."""
    with psycopg.connect(instance.env["DATABASE_URL"]) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT 1")
        yield
