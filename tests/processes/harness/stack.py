"""One instance of Booper on one of its three stacks, every process of it real and at the mercy of a test."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self, get_args

from config import embedded_broker, procfile
from tests.processes.harness import ports
from tests.processes.harness.api import Api, NoAnswer
from tests.processes.harness.processes import ROOT, Processes, Running
from tests.processes.harness.record import Database, ProcessRow
from tests.processes.harness.servers import Broker, PostgresServer, RabbitServer, RedisServer
from tests.processes.harness.target import Target
from tests.processes.harness.waiting import eventually

StackKind = Literal["sqlite-redis", "postgresql-redis", "postgresql-rabbitmq"]
STACK_KINDS: tuple[StackKind, ...] = get_args(StackKind)
EMAIL = "ada@example.com"

METRICS_TOKEN = "the-token-of-a-stack"
ENCRYPTION_KEY = "x" * 43 + "="

_START_SECONDS = 120.0
# What a developer's shell may have set for an instance of their own.
_PRIVATE = ("ALLOWED_HOSTS", "BROKER_URL", "DATABASE_URL", "DEBUG", "HOST", "PORT", "SECRET_KEY", "LEASE_SECONDS")
_PRIVATE_PREFIXES = ("BOOPER_", "FLOWER_", "WEB_", "WORKER_", "FAKETIME")


def environment(data_dir: Path, *, database_url: str, broker_url: str | None, port: int = 0) -> dict[str, str]:
    """What the processes of an instance find in theirs. No `broker_url`: the embedded one of `data_dir`."""
    inherited = {name: value for name, value in os.environ.items() if not _is_private(name)}
    own = {
        "BOOPER_DATA_DIR": str(data_dir),
        "BOOPER_ALLOW_HTTP_TARGETS": "true",
        "BOOPER_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
        # The databases are copies of one that another instance has filled.
        "BOOPER_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "METRICS_TOKEN": METRICS_TOKEN,
        "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)]),
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "WEB_ADDRESS": f"127.0.0.1:{port}",
    }
    return inherited | own | ({} if broker_url is None else {"BROKER_URL": broker_url})


def _is_private(name: str) -> bool:
    return name in _PRIVATE or name.startswith(_PRIVATE_PREFIXES)


def manage(*arguments: str, env: Mapping[str, str]) -> str:
    """Run a management command; what it printed."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=dict(env), capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, f"manage.py {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


class Servers:
    """The database and broker servers of a test session, started when they are first asked for; and empty databases."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        self._postgres: PostgresServer | None = None
        self._rabbit: RabbitServer | None = None
        self._keys: dict[str, str] = {}
        self._count = 0

    @property
    def postgres(self) -> PostgresServer:
        if self._postgres is None:
            self._postgres = PostgresServer(self._processes, self.new_folder("postgresql"))
            self._postgres.start()
        return self._postgres

    def add_standby(self) -> PostgresServer:
        """A standby of the database server, which commits from now on what both have."""
        standby = PostgresServer(self._processes, self.new_folder("postgresql"), primary=self.postgres)
        standby.start()
        self.postgres.configure("synchronous_standby_names = *")
        return standby

    def fail_over(self, standby: PostgresServer) -> None:
        """Kills the database server and puts `standby` in its place."""
        self.postgres.kill()
        standby.configure("synchronous_standby_names = ")
        standby.promote()
        self._postgres = standby

    @property
    def rabbit(self) -> RabbitServer:
        if self._rabbit is None:
            self._rabbit = RabbitServer(self._processes, self.new_folder("rabbitmq"))
            self._rabbit.start()
        return self._rabbit

    def new_folder(self, name: str) -> Path:
        self._count += 1
        folder = self._folder / f"{name}-{self._count}"
        folder.mkdir()
        return folder

    def database(self, kind: StackKind, *, at: Path | None = None) -> tuple[str, str]:
        """The URL of a migrated database with one user in it, and that user's API key. `at`: SQLite's file."""
        name = kind.partition("-")[0]
        if name not in self._keys:
            self._keys[name] = self._make_template(name)
        if name == "sqlite":
            path = at or self.new_folder("database") / "booper.sqlite3"
            shutil.copy(self._folder / "template.sqlite3", path)
            return f"sqlite:///{path}", self._keys[name]
        self._count += 1
        return self.postgres.create(f"booper_{self._count}", template="template"), self._keys[name]

    def _make_template(self, name: str) -> str:
        """Migrates once, to be copied for each test; the user's key."""
        is_sqlite = name == "sqlite"
        url = f"sqlite:///{self._folder / 'template.sqlite3'}" if is_sqlite else self.postgres.create("template")
        env = environment(self.new_folder("data"), database_url=url, broker_url="memory://")
        manage("migrate", "--verbosity", "0", env=env)
        return manage("create_api_key", EMAIL, env=env)


class Stack:
    """`web`, `workers` and `beats` are what runs at the moment; `broker` and `target` what it talks to."""

    def __init__(
        self, kind: StackKind, *, servers: Servers, folder: Path, settings: Mapping[str, str], database_at: Path | None
    ) -> None:
        self.kind = kind
        self.folder = folder
        self.servers = servers
        self.port = ports.free()
        self.processes = Processes(folder / "logs")
        self.target = Target()
        self.web: Running | None = None
        self.workers: dict[int, Running] = {}
        self.beats: dict[int, Running] = {}
        # Whether its folder is to stay behind, for somebody to look into.
        self.is_kept = False
        # What Celery loads in workers.
        self.worker_application = "config"
        self._settings = settings
        self._database_at = database_at
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as exits:
            exits.enter_context(self.target)
            exits.enter_context(self.processes)
            url, self.key = self.servers.database(self.kind, at=self._database_at)
            self.database = Database(url)
            self.broker, broker_url = self._start_broker()
            data_dir = self.folder / "data"
            self.env = environment(data_dir, database_url=url, broker_url=broker_url, port=self.port)
            self.env |= self._settings
            self.api = Api(self.port, self.key)
            exits.callback(self.api.close)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()
        if self.kind != "sqlite-redis":
            self.servers.postgres.drop(self.database.url.rpartition("/")[2])

    def start(self, *, workers: int = 1, beats: int = 1) -> None:
        """Starts the processes side by side and waits until each is at work."""
        before = {process.id for process in self.database.read().processes.values()}
        self.start_web(waits=False)
        for index in range(1, workers + 1):
            self.start_worker(index, waits=False)
        for index in range(1, beats + 1):
            self.start_beat(index, waits=False)
        self.wait_for_web()
        eventually(
            lambda: len([p for p in self.database.read().processes if p not in before]) >= workers + beats,
            f"{workers} workers and {beats} beats are at work",
            within_seconds=_START_SECONDS,
        )

    def start_web(self, *, waits: bool = True) -> None:
        self.web = self._start("web", 1, self.env)
        if waits:
            self.wait_for_web()

    def wait_for_web(self) -> None:
        eventually(self.web_answers, "web answers", within_seconds=_START_SECONDS)

    def start_worker(self, index: int = 1, *, waits: bool = True, settings: Mapping[str, str] | None = None) -> Running:
        before = {process.id for process in self.database.processes("worker")} if waits else set()
        self.workers[index] = self._start("worker", index, {**self.env, **(settings or {})})
        if waits:
            eventually(
                lambda: [p for p in self.worker_rows(index) if p.id not in before],
                f"worker {index} is at work",
                within_seconds=_START_SECONDS,
            )
        return self.workers[index]

    def worker_rows(self, index: int) -> list[ProcessRow]:
        return [row for row in self.database.processes("worker") if row.name.startswith(f"booper-{self.port}-{index}@")]

    def start_beat(self, index: int = 1, *, waits: bool = True) -> Running:
        before = {process.id for process in self.database.processes("beat")} if waits else set()
        self.beats[index] = self._start("beat", index, self.env)
        if waits:
            eventually(
                lambda: [p for p in self.database.processes("beat") if p.id not in before],
                f"beat {index} is at work",
                within_seconds=_START_SECONDS,
            )
        return self.beats[index]

    def wait_until_done(self, *, within_seconds: float) -> None:
        """No job waits or executes any more, and no delivery is on its way; upcoming runs wait for their time."""
        eventually(
            lambda: not self.database.unfinished_count() and not self.database.undelivered_count(),
            "all jobs have ended and all deliveries arrived",
            within_seconds=within_seconds,
            pause_seconds=0.1,
        )

    def _start(self, kind: str, index: int, env: Mapping[str, str]) -> Running:
        """As the Procfile has it."""
        variables = dict(env) | {"PROCESS_INDEX": str(index)}
        programs = procfile.programs((ROOT / "Procfile").read_text(), variables=variables, counts={kind: index})
        program = next(program for program in programs if program.name == f"{kind}.{index}")
        application = self.worker_application if kind == "worker" else "config"
        command = [application if word == "config" else word for word in program.command]
        return self.processes.start(program.name, command, env=variables)

    def _start_broker(self) -> tuple[Broker, str | None]:
        data_dir = self.folder / "data"
        data_dir.mkdir()
        if self.kind == "postgresql-rabbitmq":
            rabbit = self.servers.rabbit
            rabbit.use_vhost(self.folder.name)
            return rabbit, rabbit.url
        if self.kind == "postgresql-redis":
            redis = RedisServer.of_its_own(self.processes, data_dir)
            redis.start()
            return redis, redis.url
        chosen = embedded_broker.prepare(data_dir)
        socket = Path(chosen.url.removeprefix("redis+socket://"))
        embedded = RedisServer(self.processes, command=chosen.command, socket=socket)
        embedded.start()
        return embedded, None

    def web_answers(self) -> bool:
        assert self.web is not None
        assert self.web.is_alive, f"web ended while it started\n{self.web.last_output()}"
        try:
            return self.api.get("/api/ping").status == 200
        except NoAnswer:
            return False
