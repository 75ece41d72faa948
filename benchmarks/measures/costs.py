"""What a job costs: CPU of each process, statements, rows and WAL of the database, and the memory of each process.

All kinds of processes run, as `bin/up` has them, the worker with its statements counted. WAL is that of the whole
database server: nobody else may write there meanwhile.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import sampling, tables
from benchmarks.booper import Instance
from benchmarks.measures.drain import run_due
from benchmarks.processes import Group
from benchmarks.scene import Scene

KINDS = ("web", "worker", "beat", "flower")
# Processes note what they have done within a second.
_SETTLE_SECONDS = 2.5
_CPU, _MADE, _STATEMENTS = "CPU ms of ", "jobs/s", "statement: "


@dataclass(slots=True)
class Costs:
    """Of one kind of job: by name of a cost what a job took of it, in each round; and the most memory in MB."""

    name: str
    messages: str
    each: dict[str, list[float]] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return median(self.each.get(name, [0.0]))

    def under(self, prefix: str) -> list[str]:
        return [name for name in self.each if name.startswith(prefix)]


def measure(scene: Scene) -> None:
    for name, broker_url, is_postgres in scene.stacks():
        kinds = (Costs("a job", ""), Costs("a job with callback and webhook", scene.sink.url))
        with (
            scene.instance("costs", broker_url=broker_url, is_postgres=is_postgres) as instance,
            _all_running(scene, instance) as groups,
        ):
            time.sleep(_SETTLE_SECONDS)
            idle_mb = {kind: group.memory_mb() for kind, group in groups.items()}
            for _ in range(scene.effort.rounds):
                for costs in kinds:
                    _round(scene, instance, groups, costs)
        _show(name, kinds, idle_mb, scene.effort.rounds)


@contextlib.contextmanager
def _all_running(scene: Scene, instance: Instance) -> Iterator[dict[str, Group]]:
    counted = {
        "DJANGO_SETTINGS_MODULE": "benchmarks.inside.counting_settings",
        "BENCH_STATEMENTS": str(_statements_file(scene)),
    }
    with contextlib.ExitStack() as exits:
        groups = {
            kind: exits.enter_context(instance.running(kind, **(counted if kind == "worker" else {})))[0]
            for kind in KINDS
        }
        is_rabbit = instance.env.get("BROKER_URL", "").startswith("amqp")
        redis = scene.processes.named(f"broker-{instance.name}") or scene.processes.named("redis")
        yield groups if redis is None or is_rabbit else {**groups, "redis": redis}


def _statements_file(scene: Scene) -> Path:
    return scene.processes.folder / "statements.json"


def _round(scene: Scene, instance: Instance, groups: dict[str, Group], costs: Costs) -> None:
    count = scene.effort.jobs // 2
    time.sleep(_SETTLE_SECONDS)
    before = _spent(scene, instance, groups)
    with sampling.most_memory_mb(groups) as most:
        rate = run_due(scene, instance, count, messages=costs.messages)
    time.sleep(_SETTLE_SECONDS)
    costs.each.setdefault(_MADE, []).append(rate)
    for name, spent in _spent(scene, instance, groups).items():
        costs.each.setdefault(name, []).append((spent - before.get(name, 0.0)) / count)
    for kind, held in most.items():
        costs.memory_mb[kind] = max(held, costs.memory_mb.get(kind, 0.0))


def _spent(scene: Scene, instance: Instance, groups: dict[str, Group]) -> dict[str, float]:
    """All there is to count, since the beginning of the instance."""
    spent = {f"{_CPU}{kind}": 1000 * group.cpu_seconds() for kind, group in groups.items()}
    database = instance.database_cpu_seconds()
    if database is not None:
        spent[f"{_CPU}PostgreSQL"] = 1000 * database
    statements: dict[str, int] = json.loads(_statements_file(scene).read_text())
    spent |= {f"{_STATEMENTS}{word}": float(number) for word, number in statements.items()}
    spent[f"{_STATEMENTS}all"] = float(sum(statements.values()))
    return spent | instance.inside("written")


def _show(stack: str, kinds: tuple[Costs, ...], idle_mb: dict[str, float], rounds: int) -> None:
    costs_of = {costs.name: costs for costs in kinds}
    names = list(dict.fromkeys(name for costs in kinds for name in costs.each))
    shown = [name for name in names if any(costs.median(name) >= 0.0005 for costs in kinds)]
    rows = [(name, *(f"{costs.median(name):,.3f}" for costs in kinds)) for name in shown]
    tables.show(f"What a job costs, {stack}, medians of {rounds} rounds", ("each takes", *costs_of), rows)
    memory = [
        (kind, f"{held:.0f}", *(f"{costs.memory_mb.get(kind, 0.0):.0f}" for costs in kinds))
        for kind, held in idle_mb.items()
    ]
    head = ("process", "idle", *(f"at most, {name}" for name in costs_of))
    tables.show(f"Memory of each process in MB (PSS), {stack}", head, memory)
