"""The whole way of a job, from the POST to the last webhook, through real processes: on each of the three stacks, and
behind a pooler."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.processes.harness.fixtures import behind_a_pooler, running
from tests.processes.harness.stack import EMAIL, STACK_KINDS, Servers, Stack, manage
from tests.processes.harness.target import Arrival, Reply, in_turn
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

# A busy machine is slower than a lost wake-up: a worker looks for itself each second.
_PATIENCE_SECONDS = 15.0


@pytest.fixture(scope="module", params=[*STACK_KINDS, "pgbouncer"])
def stack(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Stack]:
    is_pooled = request.param == "pgbouncer"
    with behind_a_pooler(servers) if is_pooled else running(request.param, servers=servers) as stack:
        stack.start()
        yield stack


@pytest.fixture(scope="module")
def signed(stack: Stack) -> Webhook:
    return Webhook(manage("signing_secret", EMAIL, env=stack.env))


def _arrivals(stack: Stack, path: str, count: int) -> list[Arrival]:
    """The first `count` requests for `path`, in the order they came in."""
    eventually(
        lambda: len(stack.target.at(path)) >= count,
        f"{count} requests for {path}",
        within_seconds=_PATIENCE_SECONDS,
    )
    return stack.target.at(path)[:count]


def _job_once_done(stack: Stack, job_id: int) -> Any:
    eventually(
        lambda: stack.api.job(job_id)["job"]["state"] in ("completed", "discarded", "cancelled"),
        f"job {job_id} ends",
        within_seconds=_PATIENCE_SECONDS,
    )
    return stack.api.job(job_id)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _events_told(stack: Stack, path: str, count: int, signed: Webhook) -> list[Any]:
    """The verified webhook messages in their sequence; they may arrive in any other."""
    messages = [signed.verify(arrival.body, arrival.headers) for arrival in _arrivals(stack, path, count)]
    return sorted(messages, key=lambda message: message["data"]["sequence"])


def test_a_job_is_sent_logged_called_back_and_told_of(stack: Stack, signed: Webhook) -> None:
    job = stack.api.create_job(
        method="post",
        url=stack.target.answer("/hook", in_turn(Reply(body=b'{"ok": true}'))) + "?fixed=1",
        query={"page": 2},
        headers={"X-Mine": "yes"},
        body={"content": "Hi"},
        callback_url=stack.target.url("/callback"),
        webhook_url=stack.target.url("/events"),
    )
    [arrival] = _arrivals(stack, "/hook?fixed=1&page=2", 1)
    assert (arrival.method, arrival.json) == ("POST", {"content": "Hi"})
    wanted = {
        "x-mine": "yes",
        "booper-job-id": str(job["job_id"]),
        "booper-attempt": "1",
        "idempotency-key": job["id"],
        "content-type": "application/json",
    }
    assert wanted.items() <= arrival.headers.items()
    assert arrival.headers["user-agent"].startswith("Booper/")
    assert signed.verify(arrival.body, arrival.headers) == {"content": "Hi"}

    [callback] = _arrivals(stack, "/callback", 1)
    told = signed.verify(callback.body, callback.headers)
    assert (told["type"], told["data"]["state"], told["data"]["attempt"]) == ("job.result", "completed", 1)
    assert (told["data"]["response"]["status"], told["data"]["response"]["body"]) == (200, {"ok": True})
    events = _events_told(stack, "/events", 4, signed)
    assert [event["type"] for event in events] == ["job.started", "job.request", "job.response", "job.finished"]
    assert [event["data"]["sequence"] for event in events] == [1, 2, 3, 4]
    assert {event["data"]["job_id"] for event in events} == {job["job_id"]}

    assert _job_once_done(stack, job["job_id"])["job"]["state"] == "completed"
    assert _log(stack, job["job_id"], 9) == {
        "job.started": 1,
        "worker.http.request": 1,
        "worker.http.response": 1,
        "job.finished": 1,
        "delivery.sent": 5,
    }


def _log(stack: Stack, job_id: int, count: int) -> dict[str, int]:
    """How often each event was logged, once there are `count` of them."""
    path = f"/api/logs?job_id={job_id}&limit=100"
    eventually(
        lambda: len(stack.api.get(path).data) >= count,
        f"{count} log rows of job {job_id}",
        within_seconds=_PATIENCE_SECONDS,
    )
    events = [row["event"] for row in stack.api.get(path).data]
    return {event: events.count(event) for event in events}


def test_a_job_that_fails_is_tried_again_after_its_backoff(stack: Stack, signed: Webhook) -> None:
    job = stack.api.create_job(
        method="post",
        url=stack.target.answer("/flaky", in_turn(Reply(503), Reply(200))),
        backoff=[[1, "second"]],
        webhook_url=stack.target.url("/flaky-events"),
    )
    first, second = _arrivals(stack, "/flaky", 2)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == job["id"]
    assert 1.0 <= second.at - first.at <= 3.0
    events = _events_told(stack, "/flaky-events", 8, signed)
    assert [(event["type"], event["data"]["attempt"]) for event in events] == [
        ("job.started", 1),
        ("job.request", 1),
        ("job.response", 1),
        ("job.error", 1),
        ("job.started", 2),
        ("job.request", 2),
        ("job.response", 2),
        ("job.finished", 2),
    ]
    assert [event["data"]["sequence"] for event in events] == list(range(1, 9))
    assert _job_once_done(stack, job["job_id"])["job"]["state"] == "completed"


def test_a_job_scheduled_ahead_runs_at_its_time_and_not_before(stack: Stack) -> None:
    job = stack.api.create_job(url=stack.target.url("/ahead"), schedule_in=3)
    due_at = _time(job["job"]["scheduled_at"])
    assert stack.api.job(job["job_id"])["job"]["state"] == "scheduled"
    [arrival] = _arrivals(stack, "/ahead", 1)
    assert 0.0 <= arrival.at - due_at <= 1.0


def test_a_job_that_was_cancelled_is_not_sent(stack: Stack) -> None:
    cancelled = stack.api.create_job(url=stack.target.url("/cancelled"), schedule_in=2)
    stack.api.create_job(url=stack.target.url("/after-it"), schedule_in=2.5)
    answer = stack.api.post(f"/api/jobs/{cancelled['job_id']}/cancel")
    assert (answer.status, answer.data["job"]["state"]) == (200, "cancelled")
    assert stack.api.post(f"/api/jobs/{cancelled['job_id']}/cancel").status == 409
    _arrivals(stack, "/after-it", 1)
    assert stack.target.at("/cancelled") == []


def test_a_recurring_job_runs_on_its_grid_until_its_schedule_is_deleted(stack: Stack) -> None:
    first = stack.api.create_job(method="post", url=stack.target.url("/every"), body={}, repeat_every=1)
    arrivals = _arrivals(stack, "/every", 4)
    assert stack.api.request("DELETE", f"/api/schedules/{first['schedule_id']}").status in (200, 204)
    anchor = _time(first["job"]["scheduled_at"])
    for number, arrival in enumerate(arrivals):
        late_seconds = arrival.at - (anchor + number)
        assert 0.0 <= late_seconds <= 1.0, f"run {number} came {late_seconds:.3f} s late"
    numbers = [arrival.json["$job"]["id"] for arrival in arrivals]
    assert len(set(numbers)) == len(numbers)

    stopped_at = datetime.now(UTC).timestamp()
    stack.api.create_job(url=stack.target.url("/later-than-every"), schedule_in=2.2)
    _arrivals(stack, "/later-than-every", 1)
    assert [arrival for arrival in stack.target.at("/every") if arrival.at > stopped_at + 1] == []


def test_a_job_is_taken_while_the_broker_is_down_and_runs(stack: Stack) -> None:
    stack.broker.kill()
    try:
        answer = stack.api.post("/api/jobs", {"url": stack.target.url("/brokerless")})
        assert (answer.status, answer.seconds < 1.0) == (201, True), f"{answer.status} after {answer.seconds:.2f} s"
        _arrivals(stack, "/brokerless", 1)
    finally:
        stack.broker.start()
    after = stack.api.create_job(url=stack.target.url("/broker-is-back"))
    assert _job_once_done(stack, after["job_id"])["job"]["state"] == "completed"
