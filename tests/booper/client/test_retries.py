"""What the client sends again, and how long it waits before."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from booper.client import AsyncScheduler, ConnectionFailed, InvalidCall, RateLimited, Scheduler, ServerError
from tests.booper.client.uses import HOOK, Use
from tests.fake_api import API_KEY, Answer, FakeApi, serve

WAITS = (0.5, 2.0)


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def waiting(api: FakeApi, slept: list[float]) -> Iterator[Scheduler]:
    with Scheduler(API_KEY, base_url=api.url, retry_waits_seconds=WAITS, sleep=slept.append) as client:
        yield client


def asked_to_wait(status: int, seconds: str | None = "7") -> Answer:
    return Answer(status, {"title": "Busy"}, {"Retry-After": seconds} if seconds else {})


SAFE: list[Use] = [
    lambda s: s.jobs.get(7),
    lambda s: s.calendars.put("closed", {}),
    lambda s: s.schedules.delete("x"),
    lambda s: s.jobs.create({**HOOK, "idempotency_key": "k"}),
]
UNSAFE: list[Use] = [
    lambda s: s.jobs.create(HOOK),
    lambda s: s.jobs.create({**HOOK, "idempotency_key": "k", "on_conflict": "refuse"}),
    lambda s: s.jobs.update(7, {}),
    lambda s: s.jobs.run(7),
    lambda s: s.keys.rotate("k"),
]


@pytest.mark.parametrize("use", SAFE)
@pytest.mark.parametrize("status", [429, 503])
def test_what_is_safe_waits_as_long_as_the_server_asks_for(
    api: FakeApi, waiting: Scheduler, slept: list[float], use: Use, status: int
) -> None:
    api.answers.extend([asked_to_wait(status)] * 2)
    use(waiting)

    assert len(api.calls) == 3
    assert 7 <= slept[0] <= 7.25
    assert 7 <= slept[1] <= 8


@pytest.mark.parametrize("use", UNSAFE)
@pytest.mark.parametrize("answer", [asked_to_wait(503), Answer(500), Answer(502), Answer(is_hung_up=True)])
def test_a_failure_behind_which_it_may_have_been_done_is_raised_at_once(
    api: FakeApi, waiting: Scheduler, slept: list[float], use: Use, answer: Answer
) -> None:
    api.answers.append(answer)
    with pytest.raises((ServerError, ConnectionFailed)):
        use(waiting)

    assert (len(api.calls), slept) == (1, [])


@pytest.mark.parametrize("use", UNSAFE)
def test_what_was_refused_for_its_rate_is_sent_again_whatever_it_is(api: FakeApi, waiting: Scheduler, use: Use) -> None:
    api.answers.append(asked_to_wait(429))
    use(waiting)

    assert len(api.calls) == 2


@pytest.mark.parametrize("use", UNSAFE)
def test_everything_is_sent_again_where_that_is_asked_for(api: FakeApi, slept: list[float], use: Use) -> None:
    api.answers.extend([Answer(is_hung_up=True), asked_to_wait(503)])
    with Scheduler(API_KEY, base_url=api.url, retry_all=True, sleep=slept.append) as client:
        use(client)

    assert (len(api.calls), len(slept)) == (3, 2)


@pytest.mark.parametrize("answer", [Answer(500), Answer(502), Answer(504), asked_to_wait(503, None)])
def test_other_answers_are_not_asked_for_again(
    api: FakeApi, waiting: Scheduler, slept: list[float], answer: Answer
) -> None:
    api.answers.append(answer)
    with pytest.raises(ServerError):
        waiting.jobs.list()

    assert (len(api.calls), slept) == (1, [])


def test_repetitions_come_to_an_end(api: FakeApi, waiting: Scheduler, slept: list[float]) -> None:
    api.answers.extend([asked_to_wait(429)] * 3)
    with pytest.raises(RateLimited) as caught:
        waiting.jobs.list()

    assert (len(api.calls), len(slept), caught.value.retry_after) == (3, 2, 7)


@pytest.mark.parametrize(("longest_seconds", "calls"), [(6, 1), (7, 2)])
def test_a_server_that_asks_for_too_long_is_not_waited_for(
    api: FakeApi, slept: list[float], longest_seconds: float, calls: int
) -> None:
    api.answers.append(asked_to_wait(503))
    with Scheduler(API_KEY, base_url=api.url, longest_retry_wait_seconds=longest_seconds, sleep=slept.append) as client:
        if calls == 1:
            with pytest.raises(ServerError):
                client.jobs.list()
        else:
            client.jobs.list()

    assert len(api.calls) == calls


def test_waits_are_spread_by_up_to_half_and_never_shorter(api: FakeApi, slept: list[float]) -> None:
    with Scheduler(API_KEY, base_url=api.url, retry_waits_seconds=(1,), sleep=slept.append) as client:
        for _ in range(50):
            api.hang_up()
            client.jobs.list()

    assert len(slept) == 50
    assert all(1 <= seconds <= 1.5 for seconds in slept)
    assert max(slept) - min(slept) > 0.1


@pytest.mark.parametrize("use", UNSAFE)
def test_what_can_not_have_arrived_is_sent_again_whatever_it_is(slept: list[float], use: Use) -> None:
    with serve() as gone:
        url = gone.url
    with (
        Scheduler(API_KEY, base_url=url, retry_waits_seconds=WAITS, sleep=slept.append) as client,
        pytest.raises(ConnectionFailed) as caught,
    ):
        use(client)

    assert len(slept) == 2
    assert not caught.value.may_have_arrived


@pytest.mark.parametrize("options", [{"retry_waits_seconds": (-1,)}, {"longest_retry_wait_seconds": float("nan")}])
def test_a_wait_that_is_none_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidCall, match="retry_waits_seconds"):
        Scheduler(API_KEY, **options)


def test_the_client_for_asyncio_repeats_the_same(api: FakeApi, slept: list[float]) -> None:
    async def use() -> None:
        async with AsyncScheduler(API_KEY, base_url=api.url, sleep=slept.append) as client:
            await client.jobs.get(7)

    api.answers.append(asked_to_wait(503))
    asyncio.run(use())
    assert (len(api.calls), len(slept)) == (2, 1)
