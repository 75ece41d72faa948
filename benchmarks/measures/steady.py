"""Whether the last minute is as the second: jobs created, run and deleted at once, with and without an old snapshot.

PostgreSQL alone, as SQLite keeps nothing for a snapshot in its tables. One worker, and as many jobs as it runs: a feeder
keeps some thousand waiting. What has ended is deleted after a few minutes; the log goes by the day, so it grows.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import servers, tables
from benchmarks.booper import Instance
from benchmarks.measures import snapshot
from benchmarks.measures.drain import run_due
from benchmarks.scene import Scene

_TABLES = ("jobs_job", "jobs_delivery")
# A quarter of the time: so what is deleted is that of the same run.
_KEPT = 0.25
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Minute:
    """What was seen at the end of one: a rate for the minute, sizes as they were then."""

    per_second: float
    late_p99_seconds: float
    job_mb: float
    index_mb: float
    dead_rows: int
    deleted: int
    vacuums: int


def measure(scene: Scene) -> None:
    if scene.is_embedded_only or not servers.has_postgres():
        print("steady: left out, there is no PostgreSQL", flush=True)
        return
    for name, is_old in (("no old snapshot", False), ("a REPEATABLE READ transaction left open", True)):
        with scene.best_instance("steady") as instance:
            alone, minutes = _run(scene, instance, is_old=is_old)
        _show(name, alone, minutes)


def _run(scene: Scene, instance: Instance, *, is_old: bool) -> tuple[float, list[Minute]]:
    kept = {
        "DJANGO_SETTINGS_MODULE": "benchmarks.inside.steady_settings",
        "BENCH_RETENTION_MINUTES": str(_KEPT * scene.effort.minutes),
    }
    with instance.running("worker", **kept), instance.running("beat", **kept):
        alone = _alone(scene, instance)
        with snapshot.held(instance) if is_old else contextlib.nullcontext():
            return alone, list(_minutes(scene, instance))


def _alone(scene: Scene, instance: Instance) -> float:
    """Jobs a second that are there before the clock starts; a machine that others use may need more than one try."""
    for _ in range(_TRIES):
        try:
            return run_due(scene, instance, scene.effort.jobs)
        except RuntimeError as error:
            print(f"draining alone: {str(error).splitlines()[-1]}", flush=True)
    return 0.0


def _minutes(scene: Scene, instance: Instance) -> Iterator[Minute]:
    length = min(60.0, 60 * scene.effort.minutes)
    count = max(1, round(60 * scene.effort.minutes / length))
    seconds = str(length * count + 5)
    feeder = scene.processes.start(
        "feeder", (sys.executable, "-m", "benchmarks.inside", "feed", seconds, scene.sink.url), env=instance.env
    )
    try:
        for _ in range(count):
            began, before = time.monotonic(), scene.sink.report()["count"]
            last = instance.query("SELECT max(id) FROM jobs_job")
            time.sleep(length)
            made = scene.sink.report()["count"] - before
            yield _seen(instance, per_second=made / (time.monotonic() - began), after=last)
    finally:
        scene.processes.end([feeder])


def _seen(instance: Instance, *, per_second: float, after: int) -> Minute:
    late = instance.query(
        "SELECT 1000000 * extract(epoch FROM percentile_disc(0.99) WITHIN GROUP (ORDER BY attempted_at - scheduled_at))"
        f" FROM jobs_job WHERE id > {after} AND attempted_at IS NOT NULL"
    )
    names = ", ".join(f"'{table}'" for table in _TABLES)
    statistics = f"FROM pg_stat_user_tables WHERE relname IN ({names})"
    highest = "pg_sequence_last_value(pg_get_serial_sequence('jobs_job', 'id')::regclass)"
    return Minute(
        per_second=per_second,
        late_p99_seconds=late / 1e6,
        job_mb=instance.query(f"SELECT sum(pg_table_size(relid)) {statistics}") / 1e6,
        index_mb=instance.query(f"SELECT sum(pg_indexes_size(relid)) {statistics}") / 1e6,
        dead_rows=instance.query(f"SELECT sum(n_dead_tup) {statistics}"),
        deleted=instance.query(f"SELECT {highest} - count(*) FROM jobs_job"),
        vacuums=instance.query(f"SELECT sum(autovacuum_count) {statistics}"),
    )


def _show(name: str, alone: float, minutes: list[Minute]) -> None:
    rows = [
        (
            number,
            f"{minute.per_second:,.0f}",
            tables.ratio(minute.per_second, alone),
            f"{minute.late_p99_seconds:.2f}",
            f"{minute.job_mb:,.0f}",
            f"{minute.index_mb:,.0f}",
            f"{minute.dead_rows:,}",
            f"{minute.deleted:,}",
            minute.vacuums,
        )
        for number, minute in enumerate(minutes, start=1)
    ]
    head = (
        "minute",
        "jobs/s",
        "against draining alone",
        "p99 late, s",
        "jobs and deliveries, MB",
        "their indexes, MB",
        "dead rows",
        "deleted so far",
        "autovacuum runs",
    )
    tables.show(f"Created, run and deleted at once, {name}; draining alone {alone:,.0f} jobs/s", head, rows)
    second = minutes[min(1, len(minutes) - 1)]
    print(f"\nThe last against the second: {tables.ratio(minutes[-1].per_second, second.per_second)}", flush=True)
