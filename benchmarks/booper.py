"""An instance of Booper to be measured: a fresh database, and the Procfile's own commands."""

import contextlib
import json
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from benchmarks import servers
from benchmarks.processes import ROOT, Group, Processes, cpu_seconds_of, environment, run, wait_until
from config import listening, procfile

EMAIL = "bench@example.com"
METRICS_TOKEN = "bench"
# By index, however many wait for another day.
_UNFINISHED = """
SELECT EXISTS (SELECT 1 FROM jobs_job WHERE state = 'executing')
    OR EXISTS (SELECT 1 FROM jobs_job WHERE state IN ('scheduled', 'retryable') AND NOT is_upcoming
        AND queue_id IS NULL AND scheduled_at <= {soon})
    OR EXISTS (SELECT 1 FROM jobs_delivery WHERE state IN ('pending', 'sending'))
"""
_SOON_POSTGRES, _SOON_SQLITE = "now() + interval '1 day'", "datetime('now', '+1 day')"


class Instance:
    def __init__(self, processes: Processes, *, name: str, broker_url: str | None, is_postgres: bool) -> None:
        """Without `broker_url`: the embedded Redis, written to disk, as `bin/up` has it."""
        self.name = name
        self._processes = processes
        self._data_dir = processes.folder / f"data-{name}"
        self._data_dir.mkdir(mode=0o700, exist_ok=True)
        self._sqlite = self._data_dir / "booper.sqlite3"
        self._is_postgres = is_postgres
        self._connection: psycopg.Connection | None = None
        self.port = servers.free_port()
        self.env = environment(
            BOOPER_DATA_DIR=str(self._data_dir),
            BOOPER_ALLOW_HTTP_TARGETS="true",
            BOOPER_ALLOWED_TARGET_NETWORKS="127.0.0.0/8",
            DJANGO_SETTINGS_MODULE="config.settings",
            METRICS_TOKEN=METRICS_TOKEN,
            PORT=str(self.port),
            FLOWER_PORT=str(servers.free_port()),
            WEB_ADDRESS=f"127.0.0.1:{self.port}",
        )
        url = servers.new_database(self.name) if is_postgres else f"sqlite:///{self._sqlite}"
        self._url = self.env["DATABASE_URL"] = url
        if broker_url is not None:
            self.env["BROKER_URL"] = broker_url
        run((sys.executable, "manage.py", "migrate", "--verbosity", "0"), env=self.env)
        if broker_url is None:
            self._start_embedded_broker()
        self.key = run((sys.executable, "manage.py", "create_api_key", EMAIL), env=self.env).strip()

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._is_postgres:
            servers.drop_database(self.name)

    def _start_embedded_broker(self) -> None:
        question = "from pathlib import Path; from config import embedded_broker as b; import json, sys; "
        question += "print(json.dumps(b.prepare(Path(sys.argv[1])).command))"
        command = json.loads(run((sys.executable, "-c", question, str(self._data_dir)), env=self.env))
        if command:
            self._processes.start(f"broker-{self.name}", command, env=self.env)

    def inside(self, name: str, *arguments: object, **settings: str) -> dict[str, Any]:
        """What a module of `benchmarks.inside` answers in the instance's settings."""
        command = (sys.executable, "-m", "benchmarks.inside", name, *map(str, arguments))
        answer: dict[str, Any] = json.loads(run(command, env={**self.env, **settings}).splitlines()[-1])
        return answer

    def start(self, kind: str, *, count: int = 1, **settings: str) -> list[Group]:
        """Processes of the Procfile, once they are at work."""
        variables = {**self.env, **settings, "PROCESS_INDEX": "1"}
        wanted = self.programs(kind, count=count, variables=variables)
        before = self.query("SELECT count(*) FROM jobs_process")
        groups = [self._processes.start(f"{self.name}-{p.name}", p.command, env=variables) for p in wanted]
        if kind == "web":
            wait_until(self._web_answers, what="web answers", within_seconds=60)
        elif kind == "flower":
            port = int(self.env["FLOWER_PORT"])
            wait_until(lambda: servers.is_open(port), what="flower answers", within_seconds=30)
        else:
            wait_until(
                lambda: self.query("SELECT count(*) FROM jobs_process") >= before + count,
                what=f"{count} {kind} of {self.name} at work: {groups[0].log}",
                within_seconds=40,
            )
        return groups

    def _web_answers(self) -> bool:
        # Its port is open before its processes are there.
        return listening.answers("127.0.0.1", self.port, path="/livez", patience_seconds=5, name="localhost")

    def programs(self, kind: str, *, count: int, variables: Mapping[str, str]) -> list[procfile.Program]:
        """Those of the Procfile of one kind."""
        text = (ROOT / "Procfile").read_text()
        programs = procfile.programs(text, variables=variables, counts={kind: count})
        return [program for program in programs if program.name.partition(".")[0] == kind]

    @contextlib.contextmanager
    def running(self, kind: str, *, count: int = 1, **settings: str) -> Iterator[list[Group]]:
        """The same for the length of a block."""
        groups = self.start(kind, count=count, **settings)
        try:
            yield groups
        finally:
            self.end(groups)

    def end(self, groups: list[Group]) -> None:
        self._processes.end(groups)

    def query(self, statement: str) -> int:
        """The number that a statement answers."""
        if self._is_postgres:
            if self._connection is None:
                self._connection = psycopg.connect(self._url, autocommit=True)
            row = self._connection.execute(statement.encode()).fetchone()
        else:
            with sqlite3.connect(self._sqlite, timeout=20) as database:
                row = database.execute(statement).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def database_cpu_seconds(self) -> float | None:
        """Of the server's processes that serve this instance; None where there is no server on this machine."""
        return cpu_seconds_of("postgres:", self._url.rpartition("/")[2]) if self._is_postgres else None

    def wait_until_done(self, *, within_seconds: float) -> float:
        """Waits until nothing that is due is unfinished; the unix time at which that was seen."""
        statement = _UNFINISHED.format(soon=_SOON_POSTGRES if self._is_postgres else _SOON_SQLITE)
        wait_until(
            lambda: not self.query(statement),
            what="all is recorded",
            within_seconds=within_seconds,
            pause_seconds=0.02,
        )
        return time.time()
