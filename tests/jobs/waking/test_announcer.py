"""Many jobs share few wake-ups, and a broker that fails is nobody's problem but its own."""

from datetime import timedelta

from jobs.waking.announcer import Announcer, Lane, slots
from tests.factories import NOON


def test_what_is_due_is_one_wake_up_now():
    overdue = [NOON - timedelta(seconds=s) for s in range(100)]
    assert slots(overdue, now=NOON) == {NOON}


def test_jobs_of_one_hundredth_of_a_second_share_a_wake_up_that_is_not_early():
    jobs = [NOON + timedelta(milliseconds=m) for m in (1, 2, 9, 10, 11)]
    assert slots(jobs, now=NOON) == {NOON + timedelta(milliseconds=10), NOON + timedelta(milliseconds=20)}


def test_announcements_reach_the_broker_from_another_thread():
    published = []
    announcer = Announcer(lambda lane, instants: published.append((lane, instants)))
    announcer.announce(Lane.JOBS, [NOON, NOON - timedelta(hours=1)], now=NOON)
    assert announcer.flush(timeout_seconds=5)
    assert published == [(Lane.JOBS, [NOON])]


def test_a_broker_that_raises_loses_the_wake_up_and_not_the_next():
    published = []

    def publish(lane, instants):
        published.append(instants)
        if len(published) == 1:
            raise ConnectionRefusedError("no broker")

    announcer = Announcer(publish)
    announcer.announce(Lane.JOBS, [NOON], now=NOON)
    assert announcer.flush(timeout_seconds=5)
    announcer.announce(Lane.DELIVERIES, [NOON], now=NOON)
    assert announcer.flush(timeout_seconds=5)
    assert len(published) == 2
