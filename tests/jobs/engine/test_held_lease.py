"""What a worker knows from renewing its lease: whether it may claim, and whether others' leases say who lives."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from jobs.engine import leases
from jobs.engine.held_lease import HeldLease
from jobs.models import Process
from tests.jobs.engine.stand_ins import SlowClock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lease(slow_clock: SlowClock) -> HeldLease:
    held = HeldLease(timedelta(seconds=20))
    held.take("test")
    return held


def test_it_is_fresh_for_half_its_length_after_each_renewal(lease: HeldLease, slow_clock: SlowClock):
    seen = [lease.is_fresh]
    slow_clock.seconds += 11
    seen.append(lease.is_fresh)
    assert lease.renew() == 5
    seen.append(lease.is_fresh)
    assert seen == [True, False, True]


def test_a_claim_before_a_long_pause_is_not_covered(lease: HeldLease, slow_clock: SlowClock):
    claimed_at = slow_clock.seconds
    assert lease.covers(claimed_at)
    slow_clock.seconds += 11
    lease.renew()
    assert not lease.covers(claimed_at)


def test_others_have_time_to_renew_after_an_outage(
    lease: HeldLease, slow_clock: SlowClock, monkeypatch: pytest.MonkeyPatch
):
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("gone")

    slow_clock.seconds += 9
    lease.renew()
    slow_clock.seconds += 2
    assert lease.has_settled(slow_clock.seconds)
    with monkeypatch.context() as patched:
        patched.setattr(leases, "renew", fail)
        assert lease.renew() == 1
    slow_clock.seconds += 9
    assert lease.renew() == 5
    assert not lease.has_settled(slow_clock.seconds)
    slow_clock.seconds += 9
    lease.renew()
    slow_clock.seconds += 2
    assert lease.has_settled(slow_clock.seconds)


def test_what_was_written_by_a_database_that_stood_still_is_written_again_at_once(
    lease: HeldLease, slow_clock: SlowClock, monkeypatch: pytest.MonkeyPatch
):
    def stand_still(*args: object, **kwargs: object) -> None:
        slow_clock.seconds += 6

    monkeypatch.setattr(leases, "renew", stand_still)
    assert lease.renew() == 0


def test_it_is_given_up_with_its_row(lease: HeldLease):
    lease.give_up()
    assert not Process.objects.exists()
