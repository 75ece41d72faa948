"""What a worker's probe hears of its engine: whether its threads go on, and whether it can work."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from jobs.delivering import stage
from jobs.engine.bounded import Bounded
from jobs.engine.engine import Engine
from jobs.telemetry.signs_of_life import SignsOfLife
from jobs.waking.announcer import Lane
from tests.jobs.engine.stand_ins import OK, MemorySender, eventually

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    ahead_seconds = 0.0

    def __call__(self) -> float:
        return 1000.0 + self.ahead_seconds


class StuckSender(MemorySender):
    """One whose `poll` never comes back, once it is told so."""

    def __init__(self) -> None:
        super().__init__(lambda request: OK)
        self.is_stuck = False
        self.released = threading.Event()

    def poll(self, timeout_seconds: float) -> list[Any]:
        if self.is_stuck:
            self.released.wait(20)
        return super().poll(min(timeout_seconds, 0.05))


class FailingStage:
    """The stage of deliveries, of which the looks fail as long as there is a `fault`."""

    fault: OperationalError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(stage, name)

    def is_due(self, **options: Any) -> bool:
        if self.fault is not None:
            raise self.fault
        return bool(stage.is_due(**options))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signs(clock: Clock) -> SignsOfLife:
    return SignsOfLife(monotonic=clock)


@pytest.fixture
def sender() -> StuckSender:
    return StuckSender()


@pytest.fixture
def deliveries() -> FailingStage:
    return FailingStage()


@pytest.fixture
def engine(signs: SignsOfLife, sender: StuckSender, deliveries: FailingStage) -> Iterator[Engine]:
    made = Engine(
        name="test",
        stages={Lane.DELIVERIES: Bounded(deliveries)},
        make_sender=lambda: sender,
        announce=lambda lane, instants: None,
        concurrency=10,
        lease=timedelta(seconds=2),
        signs=signs,
    )
    made.start()
    try:
        yield made
    finally:
        sender.released.set()
        made.shut_down(grace=timedelta(seconds=5))


@pytest.mark.usefixtures("engine")
def test_one_that_goes_on_is_ready(signs: SignsOfLife, clock: Clock):
    assert signs.look().is_ready
    clock.ahead_seconds = 5
    assert signs.look().is_ready


@pytest.mark.usefixtures("engine")
def test_one_whose_network_thread_stands_still_is_not_live(signs: SignsOfLife, clock: Clock, sender: StuckSender):
    eventually(lambda: signs.look().is_ready)
    sender.is_stuck = True
    threading.Event().wait(0.3)
    clock.ahead_seconds = 100
    # The others are heard of again in a moment.
    eventually(lambda: [words.partition(" has")[0] for words in signs.look().stuck] == ["its thread network"])
    assert "released.wait(20)" in signs.stacks()["network"]


@pytest.mark.usefixtures("engine")
def test_one_that_waits_for_its_database_lives_and_is_ready_once_that_answers(
    signs: SignsOfLife, deliveries: FailingStage
):
    deliveries.fault = OperationalError("connection refused")
    eventually(lambda: str(signs.look()) == "the database: connection refused")
    assert signs.look().is_live
    deliveries.fault = None
    eventually(lambda: signs.look().is_ready)


def test_one_that_was_told_to_end_lives_until_it_has(engine: Engine, signs: SignsOfLife):
    engine.shut_down(grace=timedelta(seconds=5))
    assert (signs.look().is_live, str(signs.look())) == (True, "it is ending")
