"""Databases and brokers for a measurement: those that run here, with databases of its own, and a Redis of its own."""

import http.client
import os
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.processes import Processes, environment, wait_until

POSTGRES = os.environ.get("BENCH_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
RABBIT = os.environ.get("BENCH_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def answers(port: int, path: str = "/", host: str = "127.0.0.1") -> bool:
    """Whether any answer comes, be it a refusal: a server that is open may still be loading what is to answer."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def has_postgres() -> bool:
    url = urlsplit(POSTGRES)
    return is_open(url.port or 5432, url.hostname or "127.0.0.1")


def has_rabbit() -> bool:
    url = urlsplit(RABBIT)
    return is_open(url.port or 5672, url.hostname or "127.0.0.1")


def _full(name: str) -> str:
    """With this run's own number: two runs side by side do not take each other's databases away."""
    return f"booper_bench_{os.getpid()}_{name.replace('-', '_')}"


def new_database(name: str) -> str:
    """The URL of an empty database; one that had this name in this run is gone."""
    drop_database(name)
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{_full(name)}"'.encode())
    return POSTGRES.rpartition("/")[0] + f"/{_full(name)}"


def drop_database(name: str) -> None:
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{_full(name)}" WITH (FORCE)'.encode())


def start_redis(processes: Processes, folder: Path) -> str | None:
    """The URL of a Redis that writes nothing to disk, which is the quickest it can be; None where there is no server."""
    binary = shutil.which("redis-server")
    if binary is None:
        return None
    port = free_port()
    command = (binary, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder))
    processes.start("redis", command, env=environment())
    wait_until(lambda: is_open(port), what="redis answers", within_seconds=10)
    return f"redis://127.0.0.1:{port}"
