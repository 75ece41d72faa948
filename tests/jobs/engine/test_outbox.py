"""What is to be sent goes out at its moment, is dropped where it is not wanted, and not sent after its lease."""

from ipaddress import ip_network
from uuid import UUID, uuid4

import pytest

from booper.outcomes.outcome import Request
from jobs.engine import outbox
from jobs.engine.lane_state import Key
from jobs.engine.outbox import Outbox
from jobs.guarding.pace import Pace
from jobs.waking.announcer import Lane
from tests.jobs.engine.stand_ins import MemorySender, SlowClock

TENANT = uuid4()


@pytest.fixture
def stopped(monkeypatch) -> SlowClock:
    clock = SlowClock()
    monkeypatch.setattr(outbox, "time", clock)
    return clock


def a_key(number: int) -> Key:
    return (Lane.JOBS, number, 1)


def put(box: Outbox, count: int, *, url: str = "https://a.example/x", owner: UUID = TENANT, at: float = 1000.0) -> None:
    for number in range(count):
        box.put(a_key(number), Request("GET", url, (), None, 5, owner=owner), claimed_at=at)


def test_what_is_over_the_pace_goes_out_a_second_later(stopped: SlowClock):
    sender = MemorySender(lambda request: None)
    box = Outbox(Pace(10), covers=lambda claimed_at: True)
    put(box, 25)
    assert box.send(sender) == []
    assert (len(sender.requests), 0.9 < box.wait_seconds <= 1.0) == (10, True)
    for expected in (20, 25):
        stopped.sleep(1.0)
        box.send(sender)
        assert len(sender.requests) == expected
    assert box.wait_seconds == 1.0


def test_what_was_sent_late_counts_from_when_it_was_sent(stopped: SlowClock):
    sender = MemorySender(lambda request: None)
    box = Outbox(Pace(10), covers=lambda claimed_at: True)
    put(box, 30)
    box.send(sender)
    sent = []
    # This thread comes 0.9 s late to the second ten, and in time to the third, which is to wait for theirs.
    for pause in (1.9, 0.1, 0.8, 0.1):
        stopped.sleep(pause)
        box.send(sender)
        sent.append(len(sender.requests))
    assert sent == [20, 20, 20, 30]


def test_networks_that_the_operator_allows_are_not_paced(stopped: SlowClock):
    sender = MemorySender(lambda request: None)
    sender.addresses = {"inside.example": ["10.1.2.3"], "mixed.example": ["10.1.2.3", "192.0.2.1"]}
    box = Outbox(
        Pace(1), allowed_networks=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")), covers=lambda claimed_at: True
    )
    for url in ("http://127.0.0.1:8000/x", "http://inside.example/"):
        put(box, 20, url=url)
    put(box, 20, url="http://mixed.example/")
    box.send(sender)
    assert len(sender.requests) == 41


def test_one_that_waits_for_its_moment_can_be_dropped(stopped: SlowClock):
    sender = MemorySender(lambda request: None)
    box = Outbox(Pace(1), covers=lambda claimed_at: True)
    put(box, 3)
    box.drop(a_key(1))
    ((key, outcome),) = box.send(sender)
    assert outcome.failure is not None
    assert (key, outcome.failure.code) == (a_key(1), "aborted")
    assert [key for key, _ in box.abort_all(sender)] == [a_key(2)]
    stopped.sleep(5.0)
    assert (box.send(sender), len(sender.requests)) == ([], 1)


def test_nothing_is_sent_after_its_lease(stopped: SlowClock):
    sender = MemorySender(lambda request: None)
    box = Outbox(Pace(1), covers=lambda claimed_at: stopped.seconds < 1000.5)
    put(box, 2)
    assert box.send(sender) == []
    stopped.sleep(1.0)
    ((key, outcome),) = box.send(sender)
    assert outcome.failure is not None
    assert (key, outcome.failure.code, len(sender.requests)) == (a_key(1), "aborted", 1)
