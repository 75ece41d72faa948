"""The fixtures of the tests that start processes; a conftest.py takes them over by importing them."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path

import pytest

from tests.processes.harness.poolers import PgBouncer
from tests.processes.harness.processes import Processes
from tests.processes.harness.stack import Servers, Stack, StackKind

MakeStack = Callable[..., Stack]

_live: list[Stack] = []


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    # Not pytest's own folder: the database's user could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="booper-servers-"))
    folder.chmod(0o755)
    with Processes(folder / "logs") as processes:
        yield Servers(processes, folder)
    shutil.rmtree(folder)


@pytest.fixture
def make_stack(servers: Servers) -> Iterator[MakeStack]:
    """Makes stacks that end with the test."""
    with contextlib.ExitStack() as exits:

        def make(
            kind: StackKind, *, settings: Mapping[str, str] | None = None, database_at: Path | None = None
        ) -> Stack:
            return exits.enter_context(running(kind, servers=servers, settings=settings, database_at=database_at))

        yield make


@contextlib.contextmanager
def running(
    kind: StackKind, *, servers: Servers, settings: Mapping[str, str] | None = None, database_at: Path | None = None
) -> Iterator[Stack]:
    """A stack whose logs are shown when a test fails meanwhile, and kept then."""
    folder = Path(tempfile.mkdtemp(prefix="booper-stack-"))
    stack = Stack(kind, servers=servers, folder=folder, settings=settings or {}, database_at=database_at)
    with stack:
        _live.append(stack)
        try:
            yield stack
        finally:
            _live.remove(stack)
    if not stack.is_kept:
        shutil.rmtree(folder)


@contextlib.contextmanager
def behind_a_pooler(servers: Servers) -> Iterator[Stack]:
    """A stack all of whose processes reach the database through pgbouncer; the test itself has the database."""
    with running("postgresql-redis", servers=servers) as stack:
        pooler = PgBouncer(stack.processes, servers.new_folder("pgbouncer"), postgres=servers.postgres)
        pooler.start()
        stack.env["DATABASE_URL"] = pooler.url(stack.database.url.rpartition("/")[2])
        yield stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        for stack in _live:
            stack.is_kept = True
            report.sections.append((f"{stack.kind}: logs are in {stack.processes.log_dir}", stack.processes.output()))
    return report
