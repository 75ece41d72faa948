"""Redis, RabbitMQ and PostgreSQL of a test's own, which it may kill, freeze and start again."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from kombu import Connection, Queue
from psycopg import sql
from redis import Redis
from redis.exceptions import RedisError

from tests.processes.harness import ports
from tests.processes.harness.processes import Processes, Running
from tests.processes.harness.waiting import eventually

_START_SECONDS = 60.0


class Broker(Protocol):
    """What a fault may do to a broker."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def empty(self) -> None: ...


def require(name: str, *, is_here: bool) -> None:
    """Skips the test by the name of what is missing; where REQUIRE_SERVICES=1, fails it."""
    if is_here:
        return
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{name} is not on this machine, and REQUIRE_SERVICES=1 asks for it")
    pytest.skip(f"{name} is not on this machine")


class Server:
    """A server process: `command` starts it, `is_up` tells when it answers."""

    def __init__(self, processes: Processes, name: str) -> None:
        self._processes = processes
        self._name = name
        self._process: Running | None = None

    @property
    def process(self) -> Running:
        assert self._process is not None, f"{self._name} was not started"
        return self._process

    def kill(self) -> None:
        self.process.kill()

    def pause(self) -> None:
        """It goes on accepting connections, as the kernel does that, and never answers."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def _start(self, command: Sequence[str], *, env: dict[str, str], user: str | None = None) -> None:
        self._process = self._processes.start(self._name, command, env=env, user=user, cwd=Path("/"))

    def _until(self, is_up: Callable[[], bool]) -> None:
        def answer() -> bool:
            if not self.process.is_alive:
                raise AssertionError(f"{self._name} ended while it started\n{self.process.last_output()}")
            return is_up()

        eventually(answer, f"{self._name} answers", within_seconds=_START_SECONDS)


class RedisServer(Server):
    """The broker of a stack; `command` and `socket` are those of an embedded one, or its own in `folder`."""

    def __init__(self, processes: Processes, *, command: Sequence[str], socket: Path) -> None:
        super().__init__(processes, "redis")
        self._command = command
        self._client = Redis(unix_socket_path=str(socket), socket_timeout=2)
        self._socket = socket

    @property
    def url(self) -> str:
        return f"redis+socket://{self._socket}"

    @classmethod
    def of_its_own(cls, processes: Processes, folder: Path) -> "RedisServer":
        binary = on_path("redis-server")
        require("redis-server", is_here=binary is not None)
        socket = folder / "redis.sock"
        place = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
        command = [str(binary), *place, "--save", "", "--appendonly", "yes"]
        return cls(processes, command=command, socket=socket)

    def start(self) -> None:
        self._start(self._command, env=dict(os.environ))
        self._until(self._answers)

    def empty(self) -> None:
        self._client.flushall()

    def configure(self, **options: str) -> None:
        """Sets options while it runs, such as `maxmemory="1"`: it answers, with errors."""
        for name, value in options.items():
            self._client.config_set(name, value)

    def replicate(self, *master: str) -> None:
        """Makes a replica of it that takes no writes: of "host", "port", or of nobody ("NO", "ONE") any more."""
        self._client.execute_command("REPLICAOF", *master)

    def _answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except RedisError:
            return False


class RabbitServer(Server):
    """A node with its own name, ports, cookie and folders beside whatever else runs on this machine."""

    _BINARIES = Path("/usr/lib/rabbitmq/bin")

    def __init__(self, processes: Processes, folder: Path) -> None:
        require("rabbitmq-server", is_here=(self._BINARIES / "rabbitmq-server").exists())
        super().__init__(processes, "rabbitmq")
        self._port = ports.free()
        self._folder = folder
        (folder / "plugins").write_text("[].\n")
        self._env = dict(os.environ) | {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"booper-{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(ports.free()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }
        self._vhost = ""

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self._port}/{self._vhost}"

    def start(self) -> None:
        self._start([str(self._BINARIES / "rabbitmq-server")], env=self._env)
        self._until(self._answers)

    def use_vhost(self, name: str, *, queue_type: str = "classic") -> None:
        """A virtual host of the caller's own: queues and messages of others are elsewhere.

        Queues are of the `queue_type`, where whoever declares them does not say.
        """
        self._control("add_vhost", name, "--default-queue-type", queue_type)
        self._control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        self._vhost = name

    def queue_types(self, vhost: str) -> dict[str, str]:
        """The type of each queue, by its name."""
        listed = self._control("list_queues", "--quiet", "--no-table-headers", "-p", vhost, "name", "type")
        return {name: kind.rpartition("_")[2] for name, kind in (line.split() for line in listed.splitlines())}

    def empty(self) -> None:
        with Connection(self.url) as connection:
            Queue("booper").bind(connection.default_channel).purge()

    def _control(self, *arguments: str) -> str:
        command = [str(self._BINARIES / "rabbitmqctl"), *arguments]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def _answers(self) -> bool:
        try:
            with Connection(f"amqp://guest:guest@127.0.0.1:{self._port}//", connect_timeout=2) as connection:
                connection.connect()
        except OSError:
            return False
        return True


class PostgresServer(Server):
    """A cluster of its own in `folder`, run by the user postgres where this is root."""

    def __init__(self, processes: Processes, folder: Path, *, primary: "PostgresServer | None" = None) -> None:
        """A new cluster; of a `primary`, its standby, which streams what that one commits."""
        binaries = _postgres_binaries()
        require("postgresql", is_here=binaries is not None)
        assert binaries is not None
        super().__init__(processes, "postgresql")
        self._binaries = binaries
        self._folder = folder
        self.port = ports.free()
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, pwd.getpwnam(self._user).pw_gid)
        if primary is None:
            self._run("initdb", "--pgdata", str(folder), "--username", "postgres", "--auth", "trust", "--no-sync")
        else:
            folder.chmod(0o700)
            copied = ["--pgdata", str(folder), "--write-recovery-conf", "--checkpoint", "fast", "--no-sync"]
            self._run("pg_basebackup", "--dbname", primary.url("postgres"), *copied)

    def start(self) -> None:
        # Processes are killed here, never the machine: what the kernel has taken is safe without fsync.
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": 200}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._binaries / "postgres"), "-D", str(self._folder), "-k", "", *options]
        self._start(command, env=dict(os.environ), user=self._user)
        self._until(self._answers)

    def kill(self) -> None:
        """Ends at once, with all its backends and without a checkpoint: the next start recovers from the log."""
        self.process.signal(signal.SIGQUIT)
        self.process.wait(within_seconds=20)

    def pause(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """The backends too: each has a process group of its own."""
        for pid in (self.process.pid, *_children(self.process.pid)):
            # A backend whose client has gone may have ended in the meantime.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def configure(self, setting: str) -> None:
        """Sets one while it runs, as `default_transaction_read_only = on`."""
        # Itself it is under no setting that it takes back.
        own = "-c default_transaction_read_only=off -c statement_timeout=0"
        with psycopg.connect(self.url("postgres"), autocommit=True, options=own) as connection:
            name, value = setting.split(" = ")
            change = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
            connection.execute(change)
            connection.execute("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Makes a primary of a standby, and returns when it takes writes."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_promote(true, 60)")

    @contextlib.contextmanager
    def crowded(self) -> Iterator[None]:
        """Takes all connections that there are, those of others too, for as long as the block lasts."""
        with contextlib.ExitStack() as held:
            pids: list[int] = []

            def take_all() -> psycopg.Connection:
                connection = None
                with contextlib.suppress(psycopg.OperationalError):
                    while True:
                        connection = held.enter_context(psycopg.connect(self.url("postgres"), autocommit=True))
                        pids.append(connection.info.backend_pid)
                assert connection is not None, "there was none to take"
                return connection

            take_all().execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> ALL(%s)",
                [pids],
            )
            take_all()
            yield

    @contextlib.contextmanager
    def locked(self, url: str, table: str) -> Iterator[None]:
        """Keeps everybody else from `table` of the database at `url`, for as long as the block lasts."""
        with psycopg.connect(url, options="-c statement_timeout=0") as connection:
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
            yield

    def url(self, database: str, *, standby: "PostgresServer | None" = None) -> str:
        hosts = f"127.0.0.1:{self.port}" + ("" if standby is None else f",127.0.0.1:{standby.port}")
        return f"postgres://postgres@{hosts}/{database}"

    def create(self, database: str, *, template: str = "template1") -> str:
        """The URL of a new database, a copy of `template`."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(database), sql.Identifier(template))
            )
        return self.url(database)

    def drop(self, database: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            cwd="/",
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def on_path(name: str, *further: str) -> str | None:
    """Where a server's program is, on the PATH or in a folder `further` on; None if it is not on this machine."""
    # A wheel may have put a server of that name beside this Python: that one is not the machine's.
    own = Path(sys.prefix) / "bin"
    folders = [entry for entry in (*os.get_exec_path(), *further) if Path(entry).resolve() != own.resolve()]
    return shutil.which(name, path=os.pathsep.join(folders))


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which is in brackets: state, parent.
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(status.parent.name))
    return found


def _postgres_binaries() -> Path | None:
    found_on_path = on_path("postgres")
    if found_on_path:
        # It may be a link to where all of them are.
        return Path(found_on_path).resolve().parent
    # Debian keeps them beside each other by version, off the PATH.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None
