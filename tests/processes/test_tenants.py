"""While one tenant's targets hang, another tenant's jobs, jobs of queues and callbacks are as punctual as in quiet."""

import time
from statistics import median

import pytest

from tests.processes.harness.api import Api
from tests.processes.harness.fixtures import MakeStack
from tests.processes.harness.stack import Stack, manage
from tests.processes.harness.target import Reply, always
from tests.processes.harness.waiting import eventually

pytestmark = pytest.mark.processes

_PLACES = 40
_SAMPLES = 12
# What is quicker than that is the noise of the machine.
_QUIET_AT_LEAST_SECONDS = 0.1


def _seconds_of(stack: Stack, api: Api, path: str, *, callback: str | None = None, queue: str | None = None) -> float:
    """The median time that a job takes from its POST to its target, or from there to its callback."""
    stack.target.answer(path, always(Reply()))
    seconds = []
    for number in range(1, _SAMPLES + 1):
        fields = {"url": stack.target.url(path), "method": "post"} | ({} if queue is None else {"queue": queue})
        began = time.time()
        api.create_job(**fields | ({} if callback is None else {"callback_url": stack.target.url(callback)}))
        arrived = _arrival(stack, path, number)
        seconds.append(_arrival(stack, callback, number) - arrived if callback else arrived - began)
    return max(_QUIET_AT_LEAST_SECONDS, median(seconds))


def _arrival(stack: Stack, path: str, number: int) -> float:
    eventually(lambda: len(stack.target.at(path)) >= number, f"request {number} for {path}", within_seconds=30)
    return stack.target.at(path)[number - 1].at


def _measured(stack: Stack, api: Api, name: str) -> dict[str, float]:
    return {
        "jobs": _seconds_of(stack, api, f"/{name}/job"),
        "queues": _seconds_of(stack, api, f"/{name}/queued", queue="mine"),
        "deliveries": _seconds_of(stack, api, f"/{name}/called", callback=f"/{name}/callback"),
    }


def test_targets_that_hang_hold_up_their_own_tenant_alone(make_stack: MakeStack) -> None:
    settings = {"WORKER_CONCURRENCY": str(_PLACES), "LEASE_SECONDS": "20"}
    stack = make_stack("sqlite-redis", settings=settings)
    stack.start()
    other = Api(stack.port, manage("create_api_key", "bob@example.com", env=stack.env))
    quiet = _measured(stack, other, "quiet")
    hang, called = stack.target.answer("/hang", always(Reply(delay_seconds=None))), stack.target.url("/fine")
    hanging = {"url": hang, "method": "post", "timeout": 600}
    for _ in range(2 * _PLACES):
        stack.api.create_job(**hanging)
        stack.api.create_job(**hanging, queue="slow")
        stack.api.create_job(url=called, method="post", callback_url=hang)
    eventually(
        lambda: len(stack.target.at("/hang")) >= 3 * _PLACES // 2,
        "they hang in every lane",
        within_seconds=60,
    )
    crowded = _measured(stack, other, "crowded")
    other.close()
    assert {lane for lane in quiet if crowded[lane] > 5 * quiet[lane]} == set(), (quiet, crowded)
