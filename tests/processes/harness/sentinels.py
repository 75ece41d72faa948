"""A Redis with two replicas, watched by three Sentinels, of which a test may kill any. All ask for passwords."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.processes.harness import ports
from tests.processes.harness.processes import Processes
from tests.processes.harness.servers import Server, on_path, require
from tests.processes.harness.waiting import eventually

MASTER = "booper"
# A comma and an @ are for whoever reads the URL.
_PASSWORD, _QUOTED = "of,redis@3", "of%2Credis%403"
_SENTINEL_PASSWORD = "of-the-sentinels"
_START_SECONDS = 60.0
_DOWN_AFTER_MILLISECONDS = 2000
_FAILOVER_SECONDS = 30.0


class _Node(Server):
    """One Redis or one Sentinel, on a port of its own."""

    def __init__(self, processes: Processes, name: str, *, port: int, password: str, command: Sequence[str]) -> None:
        super().__init__(processes, name)
        self.port = port
        self._password = password
        self._command = command

    def start(self) -> None:
        self._start(self._command, env=dict(os.environ))
        self._until(lambda: self.ask("PING") is not None)

    def ask(self, *words: str) -> Any:
        """The answer, or None if there is none."""
        client = Redis("127.0.0.1", self.port, password=self._password, socket_timeout=2, decode_responses=True)
        try:
            return client.execute_command(*words)
        except RedisError:
            return None
        finally:
            client.close()


class WatchedRedis:
    def __init__(self, processes: Processes, folder: Path) -> None:
        server, sentinel = on_path("redis-server"), on_path("redis-sentinel")
        require("redis-server", is_here=server is not None)
        require("redis-sentinel", is_here=sentinel is not None)
        first = ports.free()
        self.nodes = [_node(processes, folder, str(server), number, first=first) for number in range(3)]
        self.sentinels = [_sentinel(processes, folder, str(sentinel), number, first=first) for number in range(3)]

    @property
    def environment(self) -> dict[str, str]:
        """What Booper's processes have to be told."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return {
            "BROKER_URL": f"sentinel://:{_QUOTED}@{hosts}/0?master={MASTER}",
            "BROKER_SENTINEL_PASSWORD": _SENTINEL_PASSWORD,
        }

    def start(self) -> None:
        """Returns once the Sentinels know the replicas and each other."""
        for server in (*self.nodes, *self.sentinels):
            server.start()
        eventually(self._is_watched, "the Sentinels know all", within_seconds=_START_SECONDS, pause_seconds=0.2)

    def master(self) -> _Node | None:
        """The one that a majority of the Sentinels names; None while they differ, or are away."""
        named = [_port_of_master(sentinel) for sentinel in self.sentinels]
        agreed = [port for port in named if port is not None and named.count(port) * 2 > len(named)]
        return next((node for node in self.nodes if node.port in agreed[:1]), None)

    def fail_over(self) -> _Node:
        """Kills the master, and returns it when another one is in its place.

        Not before the last one is over: of a master that is lost meanwhile the Sentinels differ for long, and may hold
        to the one before, which has come back.
        """
        eventually(self._is_settled, "the Sentinels agree", within_seconds=_FAILOVER_SECONDS, pause_seconds=0.1)
        lost = self.master()
        assert lost is not None, "the Sentinels name no master"
        lost.kill()
        eventually(
            lambda: self.master() not in (None, lost),
            "another master is named",
            within_seconds=_FAILOVER_SECONDS,
            pause_seconds=0.1,
        )
        return lost

    def _is_settled(self) -> bool:
        """Whether all name one master, and none is about to change it."""
        named = {_port_of_master(sentinel) for sentinel in self.sentinels}
        flags = [str(sentinel.ask("SENTINEL", "MASTER", MASTER)) for sentinel in self.sentinels]
        return None not in named and len(named) == 1 and not any("failover_in_progress" in each for each in flags)

    def _is_watched(self) -> bool:
        return all(_sees_all(sentinel) for sentinel in self.sentinels)


def _node(processes: Processes, folder: Path, binary: str, number: int, *, first: int) -> _Node:
    port = ports.free() if number else first
    own = folder / f"redis-{number}"
    own.mkdir()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(own), "--save", ""]
    command += ["--requirepass", _PASSWORD, "--masterauth", _PASSWORD]
    command += ["--replicaof", "127.0.0.1", str(first)] if number else []
    return _Node(processes, own.name, port=port, password=_PASSWORD, command=command)


def _sentinel(processes: Processes, folder: Path, binary: str, number: int, *, first: int) -> _Node:
    own = folder / f"sentinel-{number}"
    own.mkdir()
    port, file = ports.free(), own / "sentinel.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {own}\n"
        f"requirepass {_SENTINEL_PASSWORD}\nsentinel sentinel-pass {_SENTINEL_PASSWORD}\n"
        f"sentinel monitor {MASTER} 127.0.0.1 {first} 2\nsentinel auth-pass {MASTER} {_PASSWORD}\n"
        f"sentinel down-after-milliseconds {MASTER} {_DOWN_AFTER_MILLISECONDS}\n"
        f"sentinel failover-timeout {MASTER} 10000\n"
    )
    return _Node(processes, own.name, port=port, password=_SENTINEL_PASSWORD, command=[binary, str(file)])


def _port_of_master(sentinel: _Node) -> int | None:
    address = sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
    return None if address is None else int(address[1])


def _sees_all(sentinel: _Node) -> bool:
    others, replicas = (sentinel.ask("SENTINEL", word, MASTER) or [] for word in ("SENTINELS", "REPLICAS"))
    return len(others) == 2 and len(replicas) == 2
