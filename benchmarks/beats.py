"""Booper's beat and its peers', each on a database of its own, behind one set of verbs for `measures.schedules`."""

import contextlib
import json
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import redis

from benchmarks import servers
from benchmarks.booper import Instance
from benchmarks.processes import Group, environment, run, wait_until
from benchmarks.scene import Scene

_LONGEST_SECONDS = 180.0


class Beat(Protocol):
    """`groups` are the processes that run; `beats`, how many of them schedule when the wave comes."""

    name: str
    beats: int
    groups: list[Group]

    def fill(self) -> None: ...

    def start(self) -> Group:
        """The first beat, which is alone until the wave."""
        ...

    def add(self) -> float:
        """Seconds from the moment a new schedule is there, and due, until its run is handed over."""
        ...

    def prepare_wave(self) -> float:
        """Makes the wave due; the unix time at which it is."""
        ...

    def waiting(self) -> int:
        """How many of the wave are not handed over yet."""
        ...

    def doubts(self) -> str:
        """Once all are handed over: what is not as it should be, or nothing."""
        ...


@dataclass(slots=True)
class BooperBeat:
    scene: Scene
    instance: Instance
    name: str
    beats: int = 2
    groups: list[Group] = field(default_factory=list)
    _due_at: float = 0.0

    def fill(self) -> None:
        effort = self.scene.effort
        self.instance.inside("schedules", "fill", effort.schedules, effort.schedules_due, self.scene.sink.url)

    def start(self) -> Group:
        self.groups += self.instance.start("web")
        self.groups += self.instance.start("beat")
        return self.groups[-1]

    def add(self) -> float:
        # Due a moment after the answer: what is due at once is fired by the request that makes it.
        fields = {"url": f"{self.scene.sink.url}added", "repeat_every": [1, "hour"], "schedule_in": 0.1}
        job_id = self._post("/api/jobs", fields)["job_id"]
        began = time.monotonic()
        wait_until(
            lambda: self.instance.query(f"SELECT count(*) FROM jobs_job WHERE id = {job_id} AND NOT is_upcoming") == 1,
            what="the new schedule takes effect",
            within_seconds=_LONGEST_SECONDS,
            pause_seconds=0.005,
        )
        return time.monotonic() - began

    def prepare_wave(self) -> float:
        self.groups += self.instance.start("beat", count=self.beats - 1)
        self._due_at = float(int(time.time()) + 6)
        self.instance.inside("schedules", "due", self._due_at)
        return self._due_at

    def waiting(self) -> int:
        until = datetime.fromtimestamp(self._due_at + 1, UTC).strftime("%Y-%m-%d %H:%M:%S")
        return self.instance.query(f"SELECT count(*) FROM jobs_job WHERE is_upcoming AND scheduled_at < '{until}'")

    def doubts(self) -> str:
        """Both what is recorded and what arrives, once there are workers."""
        count = self.scene.effort.schedules_due
        fired = "FROM jobs_job WHERE NOT is_upcoming AND url LIKE '%/wave'"
        recorded = self.instance.query(f"SELECT count(*) {fired}")
        schedules = self.instance.query(f"SELECT count(DISTINCT schedule_id) {fired}")
        upcoming = self.instance.query("SELECT count(*) FROM jobs_job WHERE is_upcoming AND url LIKE '%/wave'")
        if not recorded == schedules == upcoming == count:
            return f"{recorded} runs of {schedules} schedules, {upcoming} upcoming"
        self.scene.sink.reset()
        self.groups += self.instance.start("worker")
        open_jobs = (
            "SELECT count(*) FROM jobs_job WHERE NOT is_upcoming AND state IN ('scheduled', 'retryable', 'executing')"
        )
        wait_until(lambda: self.instance.query(open_jobs) == 0, what="all are done", within_seconds=_LONGEST_SECONDS)
        # Those that were added were waiting for a worker too.
        arrived = self.scene.sink.report()["count"] - self.instance.query(
            "SELECT count(*) FROM jobs_job WHERE NOT is_upcoming AND url LIKE '%/added'"
        )
        return "" if arrived == count else f"{arrived} requests arrived"

    def _post(self, path: str, fields: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.instance.port}{path}",
            data=json.dumps(fields).encode(),
            headers={"Authorization": f"Bearer {self.instance.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]


@dataclass(slots=True)
class PeerBeat:
    """A module of `benchmarks.peers` with the verbs fill, add and due."""

    scene: Scene
    name: str
    module: str
    command: str
    database_url: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    beats: int = 1
    groups: list[Group] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        url = {"BENCH_POSTGRES": self.database_url, "BENCH_DATABASE": self.database_url} if self.database_url else {}
        return environment(BENCH_REDIS=str(self.scene.redis), **url, **self.variables)

    @property
    def _lists(self) -> redis.Redis:
        return redis.Redis.from_url(f"{self.scene.redis}/8")

    def ask(self, verb: str, *arguments: float) -> Any:
        command = (sys.executable, "-m", "benchmarks.peers.beat", self.module, verb, *map(str, arguments))
        return json.loads(run(command, env=self.env).splitlines()[-1])

    def fill(self) -> None:
        self._lists.flushdb()
        self.ask("fill", self.scene.effort.schedules, self.scene.effort.schedules_due)

    def start(self) -> Group:
        words = [word.format(python=sys.executable, module=self.module) for word in self.command.split()]
        self.groups.append(self.scene.processes.start(f"beat-{self.module}", words, env=self.env))
        return self.groups[-1]

    def add(self) -> float:
        return float(self.ask("add"))

    def prepare_wave(self) -> float:
        # Time for all of them to be written, and noticed.
        due_at = time.time() + 6 + self.scene.effort.schedules_due / 500
        self.ask("due", due_at, self.scene.effort.schedules_due)
        if time.time() > due_at:
            raise TimeoutError("the wave was due before it was there")
        return due_at

    def waiting(self) -> int:
        return self.scene.effort.schedules_due - int(self._lists.llen("wave"))

    def doubts(self) -> str:
        time.sleep(1)
        count = int(self._lists.llen("wave"))
        return "" if count == self.scene.effort.schedules_due else f"{count} were handed over"


STOCK = "django-celery-beat"
_CELERY = "celery -A benchmarks.peers.{module} beat --pidfile= --loglevel WARNING"
_SERVE = "{python} -m benchmarks.peers.beat {module} serve"
_DATABASE = "beat"


def sides(scene: Scene) -> list[AbstractContextManager[Beat]]:
    """Each to be entered when its turn comes, so that none takes time from another."""
    databases = [True, False] if servers.has_postgres() and not scene.is_embedded_only else [False]
    found: list[AbstractContextManager[Beat]] = [_booper(scene, is_postgres=is_postgres) for is_postgres in databases]
    if scene.redis is None:
        print("The peers are left out: there is no redis-server here", flush=True)
        return found
    found.append(_stock(scene, is_postgres=databases[0]))
    if databases[0]:
        found.append(_apscheduler(scene))
    found.append(_redbeat(scene))
    return found


@contextlib.contextmanager
def _booper(scene: Scene, *, is_postgres: bool) -> Iterator[Beat]:
    broker_url = f"{scene.redis}/1" if is_postgres and scene.redis is not None else None
    name = "schedules-pg" if is_postgres else "schedules-lite"
    with scene.instance(name, broker_url=broker_url, is_postgres=is_postgres) as instance:
        side = BooperBeat(scene, instance, f"Booper, {_database(is_postgres)}")
        with _ended(side):
            yield side


@contextlib.contextmanager
def _stock(scene: Scene, *, is_postgres: bool) -> Iterator[Beat]:
    url = servers.new_database(_DATABASE) if is_postgres else f"sqlite:///{scene.processes.folder}/stock_beat.sqlite3"
    variables = {"DJANGO_SETTINGS_MODULE": "benchmarks.peers.stock_beat_settings"}
    side = PeerBeat(
        scene,
        f"{STOCK}, {_database(is_postgres)}",
        "stock_beat",
        _CELERY,
        database_url=url,
        variables=variables,
    )
    with _ended(side, drops=is_postgres):
        yield side


@contextlib.contextmanager
def _apscheduler(scene: Scene) -> Iterator[Beat]:
    url = servers.new_database(_DATABASE)
    side = PeerBeat(scene, "APScheduler, PostgreSQL", "apscheduler_app", _SERVE, database_url=url)
    with _ended(side, drops=True):
        yield side


@contextlib.contextmanager
def _redbeat(scene: Scene) -> Iterator[Beat]:
    side = PeerBeat(scene, "celery-redbeat, Redis", "redbeat_app", _CELERY)
    with _ended(side):
        yield side


@contextlib.contextmanager
def _ended(side: Beat, *, drops: bool = False) -> Iterator[None]:
    try:
        yield
    finally:
        for group in reversed(side.groups):
            group.end()
        if drops:
            servers.drop_database(_DATABASE)


def _database(is_postgres: bool) -> str:
    return "PostgreSQL" if is_postgres else "SQLite"
