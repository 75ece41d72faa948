"""What all measurements of a run share: the processes, the sink, the Redis, and how long each may take."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import servers
from benchmarks.booper import Instance
from benchmarks.processes import Processes, environment, wait_until
from benchmarks.sink import Sink


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: jobs a round for Booper and for a peer, rounds, and seconds where time is the measure."""

    jobs: int
    peer_jobs: int
    rounds: int
    seconds: float
    waiting: tuple[int, ...]
    schedules: int
    schedules_due: int
    # Of creating, running and deleting at once, twice.
    minutes: float
    # Rows that an old snapshot keeps, one number after the other.
    dead: tuple[int, ...]


# The peers have the parts of the Redis below.
_FIRST_OF_MANY = 10

LONG = Effort(12_000, 3_000, 3, 12.0, (1_000, 100_000, 1_000_000), 50_000, 10_000, 20.0, (0, 200_000, 1_000_000))
SHORT = Effort(2_000, 600, 1, 4.0, (1_000, 20_000), 2_000, 500, 2.0, (0, 20_000))
SMOKE = Effort(100, 100, 1, 1.0, (100,), 20, 10, 0.1, (0, 100))


def with_rounds(effort: Effort, rounds: int) -> Effort:
    return replace(effort, rounds=rounds)


@dataclass(frozen=True, slots=True)
class Scene:
    processes: Processes
    sink: Sink
    redis: str | None
    effort: Effort
    is_embedded_only: bool

    def stacks(self) -> list[tuple[str, str | None, bool]]:
        """(name, broker, whether PostgreSQL) of the stacks that this machine has servers for."""
        found: list[tuple[str, str | None, bool]] = []
        if not self.is_embedded_only and servers.has_postgres():
            if self.redis is not None:
                found.append(("PostgreSQL + Redis", f"{self.redis}/1", True))
            if servers.has_rabbit():
                found.append(("PostgreSQL + RabbitMQ", servers.RABBIT, True))
        return [*found, ("embedded (SQLite)", None, False)]

    @contextlib.contextmanager
    def instance(self, name: str, *, broker_url: str | None, is_postgres: bool) -> Iterator[Instance]:
        instance = Instance(self.processes, name=name, broker_url=broker_url, is_postgres=is_postgres)
        try:
            yield instance
        finally:
            instance.drop()

    @contextlib.contextmanager
    def best_instance(self, name: str, *, number: int = 0) -> Iterator[Instance]:
        """An instance on the first stack there is: PostgreSQL + Redis, else the embedded one.

        `number` tells those apart that live at the same time: each has a part of the Redis for itself.
        """
        _, broker_url, is_postgres = self.stacks()[0]
        if number and self.redis is not None and broker_url == f"{self.redis}/1":
            broker_url = f"{self.redis}/{_FIRST_OF_MANY + number}"
        with self.instance(name, broker_url=broker_url, is_postgres=is_postgres) as instance:
            yield instance


@contextlib.contextmanager
def opened(effort: Effort, *, is_embedded_only: bool) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="booper-bench-") as folder, Processes(Path(folder)) as processes:
        port = servers.free_port()
        processes.start("sink", (sys.executable, "-m", "benchmarks.sink", str(port)), env=environment())
        sink = Sink(port)
        wait_until(sink.is_up, what="the sink answers", within_seconds=10)
        redis = servers.start_redis(processes, Path(folder))
        yield Scene(processes, sink, redis, effort, is_embedded_only)
