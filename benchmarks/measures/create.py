"""Jobs created a second by POST, one by one and a thousand at once, beside a bare REST framework view.

The view inserts one row and publishes one message, without a key, a check or an answer worth the name, under gunicorn
with threads, into the same database server and broker. No worker runs meanwhile, on either side.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

from benchmarks import load, servers, tables
from benchmarks.booper import Instance
from benchmarks.load import Load
from benchmarks.processes import Group, run, wait_until
from benchmarks.scene import Scene

BATCH = 1000
CLIENTS = 8
_BARE = "bare view"
_SINGLE = "single POST"
# As many threads of as many processes as Booper has.
GUNICORN = ("--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket")


@dataclass(slots=True)
class Side:
    """`jobs` is how many one request makes; `once` sends for a while and says what came of it and the CPU it took."""

    name: str
    jobs: int
    once: Callable[[], tuple[Load, float]]
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def measure(self) -> None:
        loaded, cpu_seconds = self.once()
        self.rates.append(loaded.per_second * self.jobs)
        self.cpu_ms.append(1000 * cpu_seconds / (loaded.count * self.jobs))
        self.p50.append(loaded.p50)
        self.p99.append(loaded.p99)


def measure(scene: Scene) -> None:
    stacks = scene.stacks()
    # RabbitMQ would say the same again: what a broker costs here is in the background.
    for name, broker_url, is_postgres in dict.fromkeys((stacks[0], stacks[-1])):
        with (
            scene.instance("create", broker_url=broker_url, is_postgres=is_postgres) as instance,
            instance.running("web") as web,
            bare_view(scene, instance, is_postgres=is_postgres) as bare,
        ):
            sides = _sides(scene, instance, web, bare)
            for _ in range(scene.effort.rounds):
                for side in sides:
                    side.measure()
        _show(name, sides, scene.effort.rounds)


def _sides(scene: Scene, instance: Instance, web: list[Group], bare: tuple[int, Group]) -> list[Side]:
    # Near enough for both to publish a wake-up.
    delay = timedelta(seconds=10)
    wanted = {"method": "post", "url": "http://127.0.0.1:8080/hook", "body": {"hello": "world", "number": 1}}
    job = {**wanted, "schedule_in": [delay.seconds, "seconds"]}
    row = {**wanted, "run_at": (datetime.now(UTC) + delay).isoformat()}
    bare_port, bare_group = bare
    bare_post = load.request("POST", "/requests", body=row)
    single = load.request("POST", "/api/jobs", key=instance.key, body=job)
    batch = load.request("POST", "/api/jobs/batch", key=instance.key, body={"jobs": [job] * BATCH})

    def send(port: int, group: Group, wanted: bytes, connections: int) -> tuple[Load, float]:
        before = group.cpu_seconds()
        loaded = load.send(port, wanted, seconds=scene.effort.seconds / 2, connections=connections)
        return loaded, group.cpu_seconds() - before

    return [
        Side(_BARE, 1, lambda: send(bare_port, bare_group, bare_post, CLIENTS)),
        Side(_SINGLE, 1, lambda: send(instance.port, web[0], single, CLIENTS)),
        Side(f"POST of {BATCH:,}", BATCH, lambda: send(instance.port, web[0], batch, 2)),
    ]


@contextlib.contextmanager
def bare_view(scene: Scene, instance: Instance, *, is_postgres: bool) -> Iterator[tuple[int, Group]]:
    """Its port and its process."""
    port = servers.free_port()
    sqlite = scene.processes.folder / "bare.sqlite3"
    url = servers.new_database("bare") if is_postgres else f"sqlite:///{sqlite}"
    own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "benchmarks.peers.bare.settings"}
    env = {**instance.env, **own, "WEB_ADDRESS": f"127.0.0.1:{port}", "PROCESS_INDEX": "1"}
    run((sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"), env=env)
    command = ("gunicorn", "benchmarks.peers.bare.wsgi", "--bind", env["WEB_ADDRESS"], *GUNICORN)
    group = scene.processes.start("bare", command, env=env)
    try:
        wait_until(lambda: servers.answers(port), what=f"the bare view answers: {group.log}", within_seconds=60)
        yield port, group
    finally:
        scene.processes.end([group])
        if is_postgres:
            servers.drop_database("bare")


def _show(name: str, sides: list[Side], rounds: int) -> None:
    rate = {side.name: median(side.rates) for side in sides}
    rows = [
        (
            side.name,
            f"{rate[side.name]:,.0f}",
            tables.ratio(rate[side.name], rate[_BARE]),
            tables.ratio(rate[side.name], rate[_SINGLE]),
            f"{median(side.cpu_ms):.3f}",
            f"{median(side.p50):.1f} / {median(side.p99):.1f}",
            f"{min(side.rates):,.0f} to {max(side.rates):,.0f}",
        )
        for side in sides
    ]
    head = ("by", "jobs/s", "against the bare view", "against single POST", "CPU ms a job", "ms p50 / p99", "range")
    tables.show(f"Jobs created a second, {name}, {CLIENTS} clients, medians of {rounds} interleaved rounds", head, rows)
