"""Jobs a second, with all of them waiting when the clock starts.

Booper's clock runs from the time the jobs are due until the last one is recorded in the database. A peer's runs from
its tenth of the way until its last request has arrived, which leaves out its start and what it writes at the end.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from benchmarks import servers, tables
from benchmarks.booper import Instance
from benchmarks.peers.catalog import PEERS, Peer
from benchmarks.processes import environment, run, wait_until
from benchmarks.scene import Scene

_KEEPS = "job, attempts, 4 log rows in {}"
_BASE = "Celery, prefork"
LONGEST_SECONDS = 60.0
# What a job with callback and webhook sends beside its own request.
_MESSAGES = 5


@dataclass(slots=True)
class Side:
    name: str
    keeps: str
    once: Callable[[], float]
    rates: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(self.rates) if self.rates else 0.0


def measure(scene: Scene) -> None:
    with contextlib.ExitStack() as exits:
        sides = [*_boopers(scene, exits), *_peers(scene)]
        for number in range(scene.effort.rounds):
            for side in sides:
                try:
                    side.rates.append(side.once())
                except (RuntimeError, TimeoutError) as error:
                    print(f"{side.name}, round {number + 1}: {error}", flush=True)
    base = next((side.rate for side in sides if side.name == _BASE), 0.0)
    rows = [
        (side.name, f"{side.rate:,.0f}", tables.ratio(side.rate, base), _spread(side.rates), side.keeps)
        for side in sorted(sides, key=lambda side: -side.rate)
    ]
    head = ("side", "jobs/s", "against plain Celery", "lowest to highest", "what it makes durable")
    tables.show(f"Due jobs a second, medians of {scene.effort.rounds} interleaved rounds", head, rows)


def _spread(rates: list[float]) -> str:
    return f"{min(rates):,.0f} to {max(rates):,.0f}" if rates else "did not run"


def _boopers(scene: Scene, exits: contextlib.ExitStack) -> list[Side]:
    sides = []
    for index, (name, broker_url, is_postgres) in enumerate(scene.stacks()):
        instance = exits.enter_context(scene.instance(f"drain-{index}", broker_url=broker_url, is_postgres=is_postgres))
        keeps = _KEEPS.format("PostgreSQL" if is_postgres else "SQLite")
        for workers in (1, 2):
            sides.append(
                Side(
                    f"Booper, {name}, {workers} worker{'s'[: workers - 1]}",
                    keeps,
                    lambda instance=instance, workers=workers: drain(scene, instance, workers=workers),
                )
            )
    return sides


def drain(
    scene: Scene,
    instance: Instance,
    *,
    workers: int = 1,
    path: str = "",
    count: int = 0,
    messages: str = "",
    settings: Mapping[str, str] | None = None,
) -> float:
    """Jobs a second of an instance that gets `count` of them, due at once, for a path of the sink."""
    count = count or scene.effort.jobs
    groups = [*instance.start("worker", count=workers, **(settings or {})), *instance.start("beat")]
    try:
        return run_due(scene, instance, count, path=path, messages=messages)
    finally:
        instance.end(groups)


def run_due(
    scene: Scene, instance: Instance, count: int, *, path: str = "", messages: str = "", times_as_long: float = 1.0
) -> float:
    """The same with the workers that are there; `times_as_long`: more than usual to bring the jobs."""
    scene.sink.reset()
    seconds = times_as_long * seconds_to_bring(count)
    due_at = instance.inside("rows", "due", count, seconds, scene.sink.url + path, messages)["at"]
    # The database is asked only once there is little left to wait for: its part is to be that of the jobs.
    requests = count * (1 + _MESSAGES if messages else 1)
    wait_until(
        lambda: scene.sink.report()["count"] >= requests, what=f"{requests} came", within_seconds=LONGEST_SECONDS
    )
    return float(count / (instance.wait_until_done(within_seconds=LONGEST_SECONDS) - due_at))


def seconds_to_bring(count: int) -> float:
    """That it takes to write so many jobs, with some to spare."""
    return 2 + count / 2000


def _peers(scene: Scene) -> list[Side]:
    sides = []
    has_postgres = servers.has_postgres() and not scene.is_embedded_only
    for peer in PEERS:
        if not peer.is_there or scene.redis is None or (peer.needs_postgres and not has_postgres):
            print(f"{peer.name}: left out, it or its server is not installed here", flush=True)
            continue
        sides.append(Side(peer.name, peer.keeps, lambda peer=peer: _drain_peer(scene, peer)))
    return sides


def _drain_peer(scene: Scene, peer: Peer) -> float:
    assert scene.redis is not None
    variables = {"BENCH_REDIS": scene.redis, **(peer.variables or {})}
    if peer.needs_postgres:
        variables["BENCH_POSTGRES"] = servers.new_database("peer")
    env = environment(**variables)
    port, count = int(scene.redis.rpartition(":")[2]), scene.effort.peer_jobs
    scene.sink.reset()
    run([*peer.command("put", redis_port=port), str(count), scene.sink.url], env=env)
    group = scene.processes.start(f"peer-{peer.needs}", peer.command("work", redis_port=port), env=env)
    try:
        wait_until(
            lambda: scene.sink.report()["count"] >= count or not group.is_alive,
            what=f"{count} arrived, log: {group.log.read_text()[-2000:]}",
            within_seconds=LONGEST_SECONDS,
        )
        if not group.is_alive:
            raise RuntimeError(f"it ended: {group.log.read_text()[-2000:]}")
        tenths = scene.sink.report()["tenths"]
        return 0.9 * count / (tenths[10] - tenths[1])
    finally:
        scene.processes.end([group])
        if peer.needs_postgres:
            servers.drop_database("peer")
