"""pgbouncer of a test's own, in transaction mode: the next statement may be another session's."""

import os
import pwd
from pathlib import Path

import psycopg

from tests.processes.harness import ports
from tests.processes.harness.processes import Processes
from tests.processes.harness.servers import PostgresServer, Server, on_path, require

# Fewer than the processes of a stack have connections, so that each session of the database is used by many.
_POOL_SIZE = 6


class PgBouncer(Server):
    """Stands before `postgres`; `url` is that of a database by way of it."""

    def __init__(self, processes: Processes, folder: Path, *, postgres: PostgresServer) -> None:
        binary = on_path("pgbouncer", "/usr/sbin")
        require("pgbouncer", is_here=binary is not None)
        super().__init__(processes, "pgbouncer")
        self._port = ports.free()
        # It refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._command = [str(binary), str(folder / "pgbouncer.ini")]
        (folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"* = host=127.0.0.1 port={postgres.port} user=postgres\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self._port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\n"
            f"default_pool_size = {_POOL_SIZE}\nmax_client_conn = 400\n"
        )
        if self._user is not None:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, pwd.getpwnam(self._user).pw_gid)

    def start(self) -> None:
        self._start(self._command, env=dict(os.environ), user=self._user)
        self._until(self._answers)

    def url(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self._port}/{database}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
