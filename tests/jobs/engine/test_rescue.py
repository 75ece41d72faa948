"""What a dead worker held is taken up by others, and not before their leases say who lives."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from jobs.database import clock
from jobs.engine import leases, rescue
from jobs.models import Job, ProcessRole
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


@pytest.mark.parametrize(
    ("took_seconds", "is_full", "pause_seconds"),
    [(0.001, False, 3.0), (0.2, False, 4.0), (5.4, False, 10.0), (600.0, False, 10.0), (5.4, True, 0.0)],
)
def test_a_rescue_that_took_long_is_made_less_often_but_never_forgotten(took_seconds, is_full, pause_seconds):
    assert rescue.pause_seconds(took_seconds, is_full=is_full) == pause_seconds
