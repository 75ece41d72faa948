"""Whatever one tenant, a stranger or a hostile target does: another's requests are punctual, its calls answered.

Each attack runs where it costs the most; with `ATTACKED_STACKS=postgresql-rabbitmq` all of them run there.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes.harness.fixtures import running
from tests.processes.harness.stack import STACK_KINDS, Servers, StackKind
from tests.processes.harness.street import Street, post_all
from tests.processes.harness.target import Reply, always

# The first of an instance waits for its processes, on a machine that has others to do as well.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

_PLACES = 100
_SETTINGS = {
    "WORKER_CONCURRENCY": str(_PLACES),
    "LEASE_SECONDS": "20",
    # What is beside it is paced, as whatever is outside.
    "BOOPER_ALLOWED_TARGET_NETWORKS": "127.0.0.1/32",
    # Bob makes a half of it.
    "BOOPER_REQUESTS_PER_MINUTE": "4000",
}
# Each of its fields is worth an explanation.
BAD = {
    "url": "htps:/nowhere",
    "metod": "post",
    "shedule_in": [1, "fortnight"],
    "crom": "61 25 * * *",
    "timezone": "Europe/Berlyn",
    "timout": -1,
    "max_atempts": "many",
    "backof": [[1, "eon"]],
    "headrs": {"Host": "x"},
}
BOTH: tuple[StackKind, ...] = ("sqlite-redis", "postgresql-redis")
_ASKED_FOR = os.environ.get("ATTACKED_STACKS", "").split(",")
ATTACKED = tuple(kind for kind in STACK_KINDS if kind in _ASKED_FOR)
# More than a machine has time for: how it shares that out says more of the machine than of a change.
if_asked_for = pytest.mark.skipif(not ATTACKED, reason="ATTACKED_STACKS asks for it")
on_both = pytest.mark.parametrize("instance", ATTACKED or BOTH, indirect=True)
on_one = pytest.mark.parametrize("instance", ATTACKED or BOTH[:1], indirect=True)


@pytest.fixture(scope="module")
def instance(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Street]:
    """One for many tests: what one of them left would be noticed in the quiet of the next."""
    with running(request.param, servers=servers, settings=_SETTINGS) as stack:
        stack.worker_application = "tests.processes.harness.worker_of_tests"
        stack.start()
        street = Street(stack)
        # What is read and opened at the first time of each is not to be taken for quiet.
        street.notice_quiet()
        yield street
        street.bob.close()


@pytest.fixture
def street(instance: Street) -> Iterator[Street]:
    yield instance
    instance.move_out()


def hanging(port: int, **fields: Any) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:{port}/", "method": "post", "timeout": 600, **fields}


@on_both
def test_jobs_queued_jobs_and_deliveries_that_hang(street: Street) -> None:
    quiet = street.notice_quiet()
    target, port = street.target(host="127.0.0.1", delay_seconds=None)
    calls_back = {"url": street.stack.target.url("/fine"), "method": "post", "callback_url": hanging(port)["url"]}
    kinds = [hanging(port), hanging(port, queue="slow"), calls_back]
    post_all(street.mallory(), [job for job in kinds for _ in range(4 * _PLACES)])
    target.is_on(3 * _PLACES // 2, "requests")
    street.require_no_harm(quiet)


@on_one
def test_half_heads_and_half_bodies(street: Street) -> None:
    quiet = street.notice_quiet()
    street.attack("hold_halves", port=street.stack.port).is_on(500, "halves")
    street.require_no_harm(quiet)


@on_one
def test_names_that_no_name_server_answers_for(street: Street) -> None:
    quiet = street.notice_quiet(host="bob-{}.test")
    mallory = street.mallory()
    post_all(mallory, [{"url": f"http://{number}.dead.test/", "method": "post"} for number in range(1000)])
    street.require_no_harm(quiet)


@on_one
def test_batches_of_a_thousand_bad_jobs(street: Street) -> None:
    quiet = street.notice_quiet()
    mallory = street.mallory()
    keys = [mallory.key, *(mallory.post("/api/keys", {"name": str(n), "scope": "write"}).data["key"] for n in range(7))]
    street.calls(mallory, "/api/jobs/batch", keys=keys, connections=3, job=BAD, times=1000).is_on(3, "207")
    street.require_no_harm(quiet)


@on_one
def test_calls_far_beyond_the_limit(street: Street) -> None:
    quiet = street.notice_quiet()
    mallory = street.mallory()
    street.calls(mallory, "/api/jobs", method="GET", connections=16).is_on(10, "429")
    street.require_no_harm(quiet)


@on_one
def test_strangers_who_guess_at_keys(street: Street) -> None:
    quiet = street.notice_quiet()
    guesses = [f"bpr_{number:043}" for number in range(16)]
    street.calls(street.bob, "/api/jobs", method="GET", keys=guesses, connections=1).is_on(10, "429")
    street.require_no_harm(quiet)


@on_one
def test_a_target_that_asks_to_be_tried_again_at_once(street: Street) -> None:
    quiet = street.notice_quiet()
    target, port = street.target(host="127.0.0.2", status=503, headers={"Retry-After": "0"})
    url = f"http://one.paced.test:{port}/"
    job = {"url": url, "method": "post", "max_attempts": 100, "webhook_url": url, "body": "x" * 2000}
    post_all(street.mallory(), [job] * 1000)
    target.is_on(50, "requests")
    street.require_no_harm(quiet)
    # A hundred go out at once, a second after those before: three seconds begin or end with those of a fourth.
    assert target.counts["in three seconds"] <= 4 * 100


@on_one
def test_a_flood_to_one_host_and_to_many(street: Street) -> None:
    quiet = street.notice_quiet()
    target, port = street.target(host="127.0.0.2")
    hosts = ["one.paced.test"] * 1000 + [f"{number % 50}.paced.test" for number in range(5000)]
    post_all(street.mallory(), [{"url": f"http://{host}:{port}/", "method": "post"} for host in hosts])
    target.is_on(100, "requests")
    street.require_no_harm(quiet)
    # A hundred go out at once, a second after those before: three seconds begin or end with those of a fourth.
    assert target.counts["in three seconds"] <= 4 * 100


@on_one
def test_jobs_that_hang_and_are_cancelled_all_the_while(street: Street) -> None:
    quiet = street.notice_quiet()
    target, port = street.target(host="127.0.0.1", delay_seconds=None)
    mallory = street.mallory()
    made = street.calls(mallory, "/api/jobs/batch", connections=1, job=hanging(port), times=200)
    cancelled = street.calls(mallory, "/api/jobs/cancel?all=true", connections=1)
    made.is_on(2, "201")
    cancelled.is_on(2, "200")
    target.is_on(_PLACES, "requests")
    street.require_no_harm(quiet)


@on_one
def test_answers_that_come_late_on_a_connection_that_is_kept(street: Street) -> None:
    quiet = street.notice_quiet()
    forged = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"forged"'
    url = street.stack.target.answer("/forge", always(Reply(late=forged)))
    post_all(street.mallory(), [{"url": url, "schedule_in": [number / 30, "seconds"]} for number in range(300)])
    street.require_no_harm(quiet)


@if_asked_for
@on_one
def test_a_thousand_schedules_of_a_second_each(street: Street) -> None:
    quiet = street.notice_quiet()
    fine = street.stack.target.url("/each-second")
    post_all(street.mallory(), [{"url": fine, "repeat_every": [1, "second"]}] * 1000)
    street.require_no_harm(quiet)


@if_asked_for
@on_one
def test_schedules_that_are_made_and_cancelled_all_the_while(street: Street) -> None:
    quiet = street.notice_quiet()
    mallory = street.mallory()
    schedule = {"url": street.stack.target.url("/gone-soon"), "repeat_every": [1, "second"]}
    made = street.calls(mallory, "/api/jobs/batch", connections=1, job=schedule, times=100)
    cancelled = street.calls(mallory, "/api/jobs/cancel?all=true", connections=1)
    made.is_on(2, "201")
    cancelled.is_on(2, "200")
    street.require_no_harm(quiet)
