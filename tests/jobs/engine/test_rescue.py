"""What a dead worker held is taken up by others, and not before their leases say who lives."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from jobs.database import clock
from jobs.engine import leases, rescue
from jobs.models import Job, Process, ProcessRole
from jobs.running import stage as running_stage
from tests.factories import make_job
from tests.jobs.engine.stand_ins import OK, MemorySender, SlowClock, Turns


def raising(error: Exception) -> Callable[..., None]:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    return fail


def leave_one_in_a_dead_hand() -> None:
    make_job(now=clock.now(), scheduled_at=clock.now())
    dead = leases.take(ProcessRole.WORKER, "dead", lease=timedelta(0), now=clock.now())
    assert running_stage.claim(dead.id, limit=1, is_crowded=False, now=clock.now())[0]


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_lease_could_once_not_be_renewed_rescues_again_later(
    slow_clock: SlowClock, monkeypatch: pytest.MonkeyPatch
):
    worker = Turns(MemorySender(lambda request: OK))
    with monkeypatch.context() as patched:
        patched.setattr(leases, "renew", raising(OperationalError("gone")))
        worker.renew()
    for _ in range(5):
        slow_clock.seconds += 5
        worker.renew()
    leave_one_in_a_dead_hand()
    worker.turn()
    assert Job.objects.get().state == "retryable"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds_since", [0.1, 9.9, 10.1, 14.9])
def test_a_clock_that_was_set_back_since_the_last_rescue_keeps_nothing_of_the_dead_for_long(
    slow_clock: SlowClock, monkeypatch: pytest.MonkeyPatch, seconds_since: float
):
    worker = Turns(MemorySender(lambda request: OK))
    worker.renew()
    worker.turn()
    ahead = clock.now() + timedelta(hours=1)
    dead = leases.take(ProcessRole.WORKER, "dead", lease=timedelta(seconds=20), now=ahead)
    # It is the lease's thread that notices, and the next rescue may be made later than half a lease after it.
    slow_clock.seconds += 15
    monkeypatch.setattr(clock, "seconds_since_step", lambda: seconds_since)
    worker.renew()
    worker.turn()
    slow_clock.seconds += 1
    worker.turn()
    assert Process.objects.get(id=dead.id).lease_expires_at < clock.now() + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("took_seconds", "is_full", "pause_seconds"),
    [(0.001, False, 3.0), (0.2, False, 4.0), (5.4, False, 10.0), (600.0, False, 10.0), (5.4, True, 0.0)],
)
def test_a_rescue_that_took_long_is_made_less_often_but_never_forgotten(took_seconds, is_full, pause_seconds):
    assert rescue.pause_seconds(took_seconds, is_full=is_full) == pause_seconds
