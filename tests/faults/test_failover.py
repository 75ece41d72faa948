"""A primary that is lost under load: its standby is promoted, and nothing that was answered 201 is lost."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.invariants import repeats
from tests.faults.trial import QUICK, Trial
from tests.processes.harness.fixtures import running
from tests.processes.harness.processes import Processes
from tests.processes.harness.record import Database
from tests.processes.harness.servers import PostgresServer
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


@pytest.fixture
def pair() -> Iterator[tuple[Stack, PostgresServer]]:
    """A stack that knows two database servers, one of them the standby of the other; and that standby."""
    folder = Path(tempfile.mkdtemp(prefix="booper-pair-"))
    folder.chmod(0o755)
    with Processes(folder / "logs") as processes:
        servers = Servers(processes, folder)
        with running("postgresql-redis", servers=servers, settings=QUICK) as stack:
            standby = servers.add_standby()
            name = stack.database.url.rpartition("/")[2]
            stack.env["DATABASE_URL"] = servers.postgres.url(name, standby=standby)
            stack.start(workers=2)
            stack.database = Database(standby.url(name))
            yield stack, standby


def test_a_standby_that_is_promoted_under_load_has_all_that_was_promised(pair: tuple[Stack, PostgresServer]) -> None:
    stack, standby = pair
    trial = Trial(stack)
    pids = [process.pid for process in (*stack.workers.values(), *stack.beats.values())]
    url = stack.target.answer("/promoted", always(Reply(delay_seconds=1.0)))
    fields = {"method": "post", "url": url, "webhook_url": stack.target.url("/events")}
    with trial.load(per_second=20, fields=lambda number: {**fields, "body": number}):
        pause(3.0)
        with trial.ledger.fault("database failed over"):
            stack.servers.fail_over(standby)
        pause(4.0)
    evidence = trial.conclude(within_seconds=60)
    assert not repeats(evidence)
    assert [process.pid for process in (*stack.workers.values(), *stack.beats.values()) if process.is_alive] == pids
