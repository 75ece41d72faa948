"""What the web answers a second: a POST, a ping, one job and a list of ten, beside the same code under gunicorn's threads.

The bare view of REST framework, which inserts a row and publishes a message, stands for what a team would write itself;
FastAPI with asyncpg for the quickest that it could.
"""

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median

import psycopg

from benchmarks import servers, tables, wrk
from benchmarks.booper import Instance
from benchmarks.measures.create import GUNICORN, bare_view
from benchmarks.processes import Group, environment, wait_until
from benchmarks.scene import Scene
from benchmarks.wrk import Loaded

CLIENTS = 8
_THERE = 10_000
_FASTAPI_TABLE = "CREATE TABLE fastapi_job (LIKE jobs_job INCLUDING ALL)"
_JOB = {"method": "post", "url": "http://127.0.0.1:8080/hook", "body": {"hello": "world"}, "schedule_in": 86_400}


@dataclass(slots=True)
class Side:
    """`against` names the side that its rate is compared with."""

    call: str
    server: str
    send: Callable[[], Loaded]
    group: Group
    against: "Side | None" = None
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def measure(self) -> None:
        before = self.group.cpu_seconds()
        loaded = self.send()
        self.cpu_ms.append(1000 * (self.group.cpu_seconds() - before) / max(1, loaded.count))
        self.rates.append(loaded.per_second)
        self.p50.append(loaded.p50)
        self.p99.append(loaded.p99)


def measure(scene: Scene) -> None:
    if not wrk.is_here():
        print("\nThe web is not measured: wrk is not on the PATH (Debian has it: apt-get install wrk).", flush=True)
        return
    name, broker_url, is_postgres = scene.stacks()[0]
    with (
        scene.instance("web", broker_url=broker_url, is_postgres=is_postgres) as instance,
        instance.running("web") as own,
        _under_gunicorn(scene, instance) as (port, group),
        bare_view(scene, instance, is_postgres=is_postgres) as (bare_port, bare_group),
        _fastapi(scene, instance) as quick,
    ):
        job_id = _fill(instance)
        row = {**_JOB, "run_at": "2030-01-01T00:00:00Z"}
        bare = Side("bare view", "gunicorn", _sender(scene, bare_port, "/requests", body=row), bare_group)
        sides = [bare]
        if quick is not None:
            sides.append(
                Side("FastAPI, asyncpg", "uvicorn", _sender(scene, quick[0], "/requests", body=row), quick[1], bare)
            )
        calls = {"POST": ("/api/jobs", _JOB), "ping": ("/api/ping", None)}
        calls |= {"one job": (f"/api/jobs/{job_id}", None), "ten jobs": ("/api/jobs", None)}
        for call, (path, body) in calls.items():
            threads = Side(call, "gunicorn", _sender(scene, port, path, key=instance.key, body=body), group)
            ours = Side(call, "Booper's", _sender(scene, instance.port, path, key=instance.key, body=body), own[0])
            ours.against = threads
            threads.against = bare if call == "POST" else None
            sides += [threads, ours]
        # A process of each may still be loading.
        for side in sides:
            side.send()
        for _ in range(scene.effort.rounds):
            for side in sides:
                side.measure()
    _show(name, sides, scene.effort.rounds)


def _fill(instance: Instance) -> int:
    """Jobs to be listed, in a table of which the planner knows what is in it; the id of the last one."""
    instance.inside("rows", "waiting", _THERE)
    return instance.query("SELECT max(id) FROM jobs_job")


def _sender(scene: Scene, port: int, path: str, *, key: str = "", body: object = None) -> Callable[[], Loaded]:
    seconds = scene.effort.seconds / 3
    return lambda: wrk.send(port, path, key=key, body=body, connections=CLIENTS, seconds=seconds)


@contextlib.contextmanager
def _under_gunicorn(scene: Scene, instance: Instance) -> Iterator[tuple[int, Group]]:
    """The same application on the same database, and the port that it has there."""
    port = servers.free_port()
    command = (sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", *GUNICORN)
    group = scene.processes.start("gunicorn", command, env=instance.env)
    try:
        wait_until(lambda: servers.answers(port), what=f"gunicorn answers: {group.log}", within_seconds=60)
        yield port, group
    finally:
        scene.processes.end([group])


@contextlib.contextmanager
def _fastapi(scene: Scene, instance: Instance) -> Iterator[tuple[int, Group] | None]:
    """Its port and its processes, as many as Booper's; None where it or what it needs is not there."""
    url = instance.env["DATABASE_URL"]
    is_there = all(importlib.util.find_spec(name) for name in ("fastapi", "asyncpg"))
    if not is_there or scene.redis is None or not url.startswith("postgres"):
        print("FastAPI: left out, it or PostgreSQL is not installed here", flush=True)
        yield None
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FASTAPI_TABLE)
    port = servers.free_port()
    command = (
        sys.executable,
        "-m",
        "uvicorn",
        "benchmarks.peers.fastapi_app:app",
        "--port",
        str(port),
        "--workers",
        "2",
    )
    env = environment(BENCH_POSTGRES=url, BENCH_REDIS=scene.redis)
    group = scene.processes.start("fastapi", (*command, "--no-access-log"), env=env)
    try:
        wait_until(lambda: servers.answers(port), what=f"FastAPI answers: {group.log}", within_seconds=60)
        yield port, group
    finally:
        scene.processes.end([group])


def _show(name: str, sides: list[Side], rounds: int) -> None:
    rows = [
        (
            side.call,
            side.server,
            f"{median(side.rates):,.0f}",
            tables.ratio(median(side.rates), median(side.against.rates)) if side.against else "-",
            f"{median(side.cpu_ms):.2f}",
            f"{median(side.p50):.1f} / {median(side.p99):.1f}",
            f"{min(side.rates):,.0f} to {max(side.rates):,.0f}",
        )
        for side in sides
    ]
    head = ("call", "server", "a second", "ratio", "CPU ms of the web", "ms p50 / p99", "range")
    tables.show(f"What the web answers, {name}, wrk with {CLIENTS}, medians of {rounds} interleaved rounds", head, rows)
