"""Whether it matters how many jobs wait: the same measures beside 1,000, 100,000 and 1,000,000 of them, and log rows.

An instance for each size, all in one run, taking turns. What the measures themselves leave behind stays: some thousand
jobs and four times as many log rows each round, the same for all sizes.
"""

import contextlib
from collections import defaultdict
from statistics import median

from benchmarks import load, sampling, tables
from benchmarks.booper import METRICS_TOKEN, Instance
from benchmarks.measures.drain import run_due
from benchmarks.measures.lateness import STEADY_PER_SECOND, late
from benchmarks.scene import Scene

_CREATED = 500
_LISTED = 40
_CLAIMS = 20
_PLACES = 500
# By what is better: all others are times.
_RATES = ("created/s by single POST", "due jobs/s")
Figures = dict[str, float]


def measure(scene: Scene) -> None:
    sizes = scene.effort.waiting
    with contextlib.ExitStack() as exits:
        instances = {}
        for number, size in enumerate(sizes, start=1):
            instance = exits.enter_context(scene.best_instance(f"scale-{size}", number=number))
            instance.inside("rows", "waiting", size)
            exits.enter_context(instance.running("web"))
            instances[size] = instance
        figures: dict[tuple[str, int], list[float]] = defaultdict(list)
        for _ in range(scene.effort.rounds):
            for size, instance in instances.items():
                for name, value in _round(scene, instance).items():
                    figures[name, size].append(value)
        held = _memory(scene, instances[sizes[-1]])
    _show(figures, sizes, scene.effort.rounds)
    print(f"\nWith {sizes[-1]:,} waiting, {held}", flush=True)


def _round(scene: Scene, instance: Instance) -> Figures:
    figures = _create(instance) | _lists(instance)
    figures["claim of 200, ms"] = instance.inside("claims", _CLAIMS)["ms"]
    exposition = instance.inside("exposition", _CLAIMS)
    figures["the metrics, found out anew, ms"] = exposition["ms"]
    figures["counting what has ended for them, ms"] = exposition["stored_ms"]
    with instance.running("worker"), instance.running("beat"):
        figures["due jobs/s"] = run_due(scene, instance, scene.effort.jobs)
        lateness = late(scene, instance, per_second=STEADY_PER_SECOND)
    for percentile, seconds in lateness.items():
        figures[f"late at {STEADY_PER_SECOND:g} jobs/s, {percentile}, ms"] = 1000 * seconds
    return figures


def _create(instance: Instance) -> Figures:
    job = {"url": "http://127.0.0.1:8080/hook", "method": "post", "body": {"n": 1}, "schedule_in": [30, "days"]}
    wanted = load.request("POST", "/api/jobs", key=instance.key, body=job)
    return {"created/s by single POST": load.send(instance.port, wanted, count=_CREATED).per_second}


def _lists(instance: Instance) -> Figures:
    """Milliseconds, the median, one request after the other."""
    inside = instance.inside("lists")
    paths = {
        "GET /api/jobs, first 100": "/api/jobs?limit=100",
        "GET /api/jobs, 100 in the middle by cursor": f"/api/jobs?limit=100&cursor={inside['cursor']}",
        "GET /api/jobs?state=scheduled, 100": "/api/jobs?limit=100&state=scheduled",
        "GET /api/jobs?state=discarded, none": "/api/jobs?limit=100&state=discarded",
        "GET /api/logs, first 100": "/api/logs?limit=100",
    }
    wanted = {name: load.request("GET", path, key=instance.key) for name, path in paths.items()}
    wanted["the admin's list of jobs"] = load.request("GET", "/admin/jobs/job/", cookie=inside["cookie"])
    wanted["the admin's list of log rows"] = load.request("GET", "/admin/jobs/logevent/", cookie=inside["cookie"])
    wanted["GET /metrics"] = load.request("GET", "/metrics", key=METRICS_TOKEN)
    return {
        f"{name}, ms": load.send(instance.port, request, count=_LISTED, connections=1).p50
        for name, request in wanted.items()
    }


def _memory(scene: Scene, instance: Instance) -> str:
    """Of a worker process with all its places taken by slow requests."""
    with instance.running("worker", WORKER_CONCURRENCY=str(_PLACES)) as groups, instance.running("beat"):
        with sampling.most_memory_mb({"worker": groups[0]}) as most:
            run_due(scene, instance, min(4 * _PLACES, scene.effort.jobs), path="slow/1000")
        waiting = scene.sink.report()["most_waiting"]
    return f"a worker process with {waiting} requests on the wire held {most['worker']:.0f} MB at most."


def _show(figures: dict[tuple[str, int], list[float]], sizes: tuple[int, ...], rounds: int) -> None:
    rows = []
    for name in dict.fromkeys(name for name, _ in figures):
        values = [median(figures[name, size]) for size in sizes]
        better, worse = (values[0], values[-1]) if name in _RATES else (values[-1], values[0])
        rows.append((name, *(f"{value:,.1f}" for value in values), tables.ratio(better, worse)))
    head = ("measure", *(f"at {size:,}" for size in sizes), f"worse at {sizes[-1]:,} by")
    tables.show(f"Beside so many waiting jobs and log rows, medians of {rounds} interleaved rounds", head, rows)
