"""What is on the wire for nobody any more is broken off, and its place is free."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from jobs.actions import bulk_cancel
from jobs.database import clock
from jobs.models import Job, LogEvent
from jobs.running import stage, transitions
from jobs.telemetry import counters
from jobs.waking.announcer import Lane
from tests.factories import make_job
from tests.jobs.engine.stand_ins import MemorySender, Turns, eventually, running

pytestmark = pytest.mark.django_db(transaction=True)


def hanging(count: int) -> list[Job]:
    return [make_job(now=clock.now(), scheduled_at=clock.now(), url="https://hang.example/") for _ in range(count)]


def test_a_job_that_is_cancelled_is_broken_off_and_gives_its_place_to_the_next():
    first, second = hanging(2)
    sender = MemorySender(lambda request: None)
    with running(sender, concurrency=1) as engine:
        eventually(lambda: Job.objects.filter(state="executing").count() == 1)
        transitions.cancel(Job.objects.get(state="executing"), now=clock.now())
        eventually(lambda: len(sender.requests) == 2)
        engine.stop_claiming()
        transitions.cancel(Job.objects.get(state="executing"), now=clock.now())
        eventually(lambda: not engine._lanes[Lane.JOBS].in_hand)
    for job in (first, second):
        assert Job.objects.get(id=job.id).state == "cancelled"
        *_, last = LogEvent.objects.filter(job=job).order_by("id")
        assert (last.event, last.payload["code"], last.payload["retry_at"]) == ("job.error", "cancelled", None)


def test_all_that_are_cancelled_together_or_erased_are_broken_off():
    jobs = hanging(6)
    sender = MemorySender(lambda request: None)
    with running(sender) as engine:
        eventually(lambda: len(sender.requests) == 6)
        bulk_cancel.cancel_matching(Job.objects.all(), now=clock.now())
        Job.objects.filter(id=jobs[0].id).delete()
        eventually(lambda: not engine._lanes[Lane.JOBS].in_hand)
    assert [event.payload["code"] for event in LogEvent.objects.filter(event="job.error")] == ["cancelled"] * 5


def test_one_that_is_retried_after_its_cancellation_has_its_old_request_broken_off():
    (job,) = hanging(1)
    sender = MemorySender(lambda request: None)
    with running(sender, concurrency=2) as engine:
        eventually(lambda: len(sender.requests) == 1)
        transitions.cancel(Job.objects.get(), now=clock.now())
        transitions.retry(Job.objects.get(), now=clock.now())
        eventually(lambda: len(sender.requests) == 2)
        eventually(lambda: [key[1:] for key in engine._lanes[Lane.JOBS].in_hand] == [(job.id, 2)])
        transitions.cancel(Job.objects.get(), now=clock.now())


def test_a_worker_asks_nothing_while_what_it_has_is_answered_within_a_second(monkeypatch):
    asked: list[int] = []

    def held(worker_id: UUID, ids: Sequence[int]) -> set[tuple[int, int]]:
        asked.extend(ids)
        return {(row_id, 1) for row_id in ids}

    monkeypatch.setattr(stage, "held", held)
    (job,) = hanging(1)
    engine = Turns(MemorySender(lambda request: None))
    engine.turn()
    engine.turn()
    assert asked == []
    engine._breaking_off._next_at = 0.0
    engine.turn()
    assert counters.own.read()[1][counters.IN_FLIGHT] == 1
    engine._breaking_off._next_at = 0.0
    engine.turn()
    assert asked == [job.id]
