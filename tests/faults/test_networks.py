"""Networks between Booper's processes and the database that lose, delay or half-end what they carry."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.invariants import repeats
from tests.faults.proxy import Proxy
from tests.faults.trial import IS_LONG, LEASE_SECONDS, QUICK, Trial
from tests.processes.harness.fixtures import running
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import pause

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

_FAULT_SECONDS = 40.0 if IS_LONG else LEASE_SECONDS + 3.0
_TIMES = 20 if IS_LONG else 4


@pytest.fixture(scope="module")
def behind_a_proxy(servers: Servers) -> Iterator[tuple[Stack, Proxy]]:
    """A stack whose worker and beat reach the database by way of a proxy; the web has the database itself."""
    with running("postgresql-redis", servers=servers, settings=QUICK) as stack:
        stack.start_web()
        with Proxy(stack.env["DATABASE_URL"]) as proxy:
            stack.env["DATABASE_URL"] = proxy.url
            stack.start_worker()
            stack.start_beat()
            yield stack, proxy


def _lose(proxy: Proxy) -> None:
    proxy.drop()
    pause(_FAULT_SECONDS)
    proxy.recover()


def _delay(proxy: Proxy) -> None:
    proxy.delay(0.3)
    pause(_FAULT_SECONDS)
    proxy.recover()


def _half_close(proxy: Proxy) -> None:
    for _ in range(_TIMES):
        proxy.half_close()
        pause(1.0)


def _reset(proxy: Proxy) -> None:
    for _ in range(_TIMES):
        proxy.reset()
        pause(1.0)


@pytest.mark.parametrize("go_wrong", [_lose, _delay, _half_close, _reset])
def test_a_network_that_fails_between_a_worker_and_the_database_ends_nothing_and_repeats_nothing(
    behind_a_proxy: tuple[Stack, Proxy], go_wrong: Callable[[Proxy], None]
) -> None:
    stack, proxy = behind_a_proxy
    trial = Trial(stack)
    pids = [process.pid for process in (*stack.workers.values(), *stack.beats.values())]
    url = stack.target.answer("/through", always(Reply(delay_seconds=1.0)))
    webhook_url = stack.target.url("/events")

    def fields(number: int) -> dict[str, object]:
        return {"method": "post", "url": url, "body": number, "webhook_url": webhook_url}

    with trial.load(per_second=10, fields=fields):
        pause(1.0)
        with trial.ledger.fault("database's network " + go_wrong.__name__.lstrip("_")):
            go_wrong(proxy)
        pause(2.0)
    evidence = trial.conclude(within_seconds=30)
    assert not repeats(evidence)
    processes = (*stack.workers.values(), *stack.beats.values())
    assert [process.pid for process in processes if process.is_alive] == pids
