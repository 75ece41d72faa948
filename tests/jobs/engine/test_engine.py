"""The engine on a real database, with a sender that answers from memory."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, InternalError, OperationalError, ProgrammingError, connection

from jobs.database import clock, outages
from jobs.delivering import stage
from jobs.guarding.places import of_settings
from jobs.models import Delivery, Job, LogEvent, Process
from jobs.running import stage as running_stage
from jobs.waking.announcer import Lane
from tests.factories import NOON, make_job, make_user
from tests.jobs.engine.stand_ins import OK, MemorySender, SlowClock, Turns, eventually, make_engine, running
from tests.runs import run_due

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_job_goes_out_and_its_callback_and_webhooks_follow():
    job = make_job(
        now=clock.now(), scheduled_at=clock.now(), callback_url="https://a.example/", webhook_url="https://b.example/"
    )
    sender = MemorySender(lambda request: OK)
    with running(sender):
        eventually(lambda: Delivery.objects.filter(state="delivered").count() == 5)
    job.refresh_from_db()
    assert job.state == "completed"
    first = dict(sender.requests[0].headers)
    assert (first["Booper-Job-Id"], first["Booper-Attempt"], first["Idempotency-Key"]) == (
        str(job.id),
        "1",
        str(job.uuid),
    )
    assert {"webhook-id", "webhook-timestamp", "webhook-signature", "User-Agent"} <= first.keys()
    assert Process.objects.count() == 0


@pytest.mark.parametrize("is_crowded", [False, True])
def test_a_target_that_never_answers_leaves_places_for_other_tenants(is_crowded: bool):
    other = make_user("bob@example.com")
    for _ in range(60):
        make_job(now=clock.now(), scheduled_at=clock.now(), url="https://hang.example/")
    sender = MemorySender(lambda request: None if "hang" in request.url else OK)
    with running(sender, concurrency=20, make_places=of_settings) as engine:
        eventually(lambda: len(sender.requests) == 18)
        late = [make_job(user=other, now=clock.now(), scheduled_at=clock.now()) for _ in range(30 if is_crowded else 1)]
        engine.wake(Lane.JOBS, [clock.now()])
        eventually(lambda: Job.objects.filter(id__in=[job.id for job in late], state="completed").count() == len(late))
        assert sum("hang" in request.url for request in sender.requests) == 18
        engine.shut_down(grace=timedelta(0))


def test_a_tenant_with_more_due_than_places_gets_each_place_again_as_it_is_free():
    for _ in range(60):
        make_job(now=clock.now(), scheduled_at=clock.now())
    sender = MemorySender(lambda request: OK)
    with running(sender, concurrency=10, make_places=of_settings):
        eventually(lambda: Job.objects.filter(state="completed").count() == 60)


def test_one_that_hangs_holds_up_neither_its_neighbours_nor_the_next_claim():
    hanging = make_job(now=clock.now(), scheduled_at=clock.now(), url="https://hang.example/")
    sender = MemorySender(lambda request: None if "hang" in request.url else OK)
    with running(sender, concurrency=2) as engine:
        for _ in range(5):
            make_job(now=clock.now(), scheduled_at=clock.now())
        engine.wake(Lane.JOBS, [clock.now()])
        eventually(lambda: Job.objects.filter(state="completed").count() == 5)
        hanging.refresh_from_db()
        assert hanging.state == "executing"


def test_a_worker_that_stops_hands_back_what_is_on_the_wire():
    job = make_job(now=clock.now(), scheduled_at=clock.now(), max_attempts=1)
    sender = MemorySender(lambda request: None)
    with running(sender) as engine:
        eventually(lambda: len(sender.requests) == 1)
        engine.shut_down(grace=timedelta(0))
    job.refresh_from_db()
    assert (job.state, job.attempt, job.max_attempts) == ("retryable", 1, 2)
    assert LogEvent.objects.get(job=job, event="job.error").payload["code"] == "worker_stopped"


@pytest.mark.parametrize("kind", [OperationalError, InternalError, DatabaseError])
def test_an_outcome_is_recorded_after_the_database_comes_back(monkeypatch, kind):
    job = make_job(now=clock.now(), scheduled_at=clock.now())
    failures = iter([kind("gone"), kind("still gone")])
    record = running_stage.record

    def record_when_back(*args, **kwargs):
        for error in failures:
            raise error
        return record(*args, **kwargs)

    monkeypatch.setattr(running_stage, "record", record_when_back)
    with running(MemorySender(lambda request: OK)):
        eventually(lambda: Job.objects.filter(id=job.id, state="completed").exists())
    assert LogEvent.objects.filter(job=job, event="worker.http.response").count() == 1


@pytest.mark.parametrize("kind", [InternalError, ProgrammingError, DatabaseError])
def test_a_claim_that_the_database_refuses_is_made_again(monkeypatch, caplog, kind):
    claim = running_stage.claim
    failures = iter([kind("cannot execute UPDATE in a read-only transaction")] * 3)

    def claim_when_back(*args, **kwargs):
        for error in failures:
            raise error
        return claim(*args, **kwargs)

    monkeypatch.setattr(running_stage, "claim", claim_when_back)
    monkeypatch.setattr(outages, "QUIET_SECONDS", 0.0)
    job = make_job(now=clock.now(), scheduled_at=clock.now())
    with running(MemorySender(lambda request: OK)):
        eventually(lambda: Job.objects.filter(id=job.id, state="completed").exists())
        eventually(lambda: "the database answers again" in caplog.text)
    # Said once, not at each try.
    assert caplog.text.count("the database can't be worked with") == 1
    assert caplog.text.count("the database answers again") == 1


def test_an_outcome_that_cannot_be_stored_fails_alone(monkeypatch, caplog):
    args = {"url": "https://poison.example/", "headers": {"Authorization": "Bearer hunter2"}}
    poison = make_job(now=clock.now(), scheduled_at=clock.now(), url=args["url"], args=args, max_attempts=1)
    others = [make_job(now=clock.now(), scheduled_at=clock.now()) for _ in range(3)]
    record = running_stage.record

    def record_unless_poison(worker_id, finished, *, now):
        if any("poison" in item.started.row.url and item.outcome.response for item in finished):
            raise ValueError("no database takes this")
        return record(worker_id, finished, now=now)

    monkeypatch.setattr(running_stage, "record", record_unless_poison)
    with running(MemorySender(lambda request: OK)):
        eventually(lambda: not Job.objects.exclude(state__in=("completed", "discarded")).exists())
    poison.refresh_from_db()
    assert poison.state == "discarded"
    assert Job.objects.filter(id__in=[job.id for job in others], state="completed").count() == 3
    assert f"can't be recorded as it is: Claimed {poison.id}" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_delivery_that_cannot_be_signed_fails_alone():
    for url in ("https://poison.example/", "https://example.com/"):
        make_job(callback_url=url)
    run_due()
    # As it is left where its user is deleted in the moment that it is written.
    Delivery.objects.filter(url="https://poison.example/").update(user_id=uuid4())
    started, _ = stage.claim(uuid4(), limit=10, is_crowded=False, now=NOON)
    codes = {item.row.url: None if item.failure is None else item.failure.code for item in started}
    assert codes == {"https://poison.example/": "internal", "https://example.com/": None}


def test_a_wake_up_before_its_time_waits_for_it():
    sender = MemorySender(lambda request: OK)
    with running(sender) as engine:
        due = clock.now() + timedelta(milliseconds=300)
        job = make_job(now=clock.now(), scheduled_at=due)
        engine.wake(Lane.JOBS, [due, due])
        eventually(lambda: Job.objects.filter(id=job.id, state="completed").exists())
    job.refresh_from_db()
    assert job.attempted_at is not None
    assert job.attempted_at >= due


def test_a_job_that_cannot_be_rendered_fails_alone(monkeypatch):
    bad = make_job(now=clock.now(), scheduled_at=clock.now(), args={"headers": {"x": None}, "query": 7}, max_attempts=1)
    good = make_job(now=clock.now(), scheduled_at=clock.now())
    with running(MemorySender(lambda request: OK)):
        eventually(lambda: not Job.objects.filter(state__in=("scheduled", "executing")).exists())
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, good.state) == ("discarded", "completed")


def test_what_was_claimed_just_before_a_long_pause_is_not_sent_and_handed_back(
    slow_clock: SlowClock, monkeypatch: pytest.MonkeyPatch
):
    claim = running_stage.claim

    def claim_and_pause(*args: Any, **kwargs: Any) -> Any:
        answer = claim(*args, **kwargs)
        slow_clock.seconds += 60
        return answer

    monkeypatch.setattr(running_stage, "claim", claim_and_pause)
    job = make_job(now=clock.now(), scheduled_at=clock.now(), max_attempts=1)
    sender = MemorySender(lambda request: OK)
    worker = Turns(sender)
    worker.turn()
    worker.send(sender)
    assert sender.requests == []
    worker.turn()
    job.refresh_from_db()
    assert (job.state, job.max_attempts) == ("retryable", 2)


def test_a_worker_that_may_not_claim_yet_does_not_ask_again_and_again(slow_clock: SlowClock):
    make_job(now=clock.now(), scheduled_at=clock.now())
    worker = Turns(MemorySender(lambda request: OK))
    assert worker.seconds_to_wait() == 0
    slow_clock.seconds += 15
    assert worker.seconds_to_wait() == 1
    worker.turn()
    assert Job.objects.get().state == "scheduled"


def test_a_claim_in_shares_that_came_short_is_made_again_at_once():
    now = clock.now()
    for email, count in (("ada@example.com", 60), ("grace@example.com", 1)):
        for _ in range(count):
            make_job(user=make_user(email), now=now, scheduled_at=now)
    worker = Turns(MemorySender(lambda request: None))
    for places, executing in ((4, 4), (14, 14), (24, 24), (34, 34)):
        worker.allow(places)
        worker.turn()
        worker.turn()
        assert Job.objects.filter(state="executing").count() == executing


@pytest.mark.parametrize(("places", "seconds"), [(1, 0.0), (0, 1.0)])
def test_without_a_free_place_a_wake_up_that_is_due_is_not_waited_for(places, seconds):
    engine = make_engine(MemorySender(lambda request: OK), concurrency=places)
    now = clock.now()
    engine.wake(Lane.JOBS, [now - timedelta(seconds=1)])
    assert engine._seconds_to_wait(now) == seconds


def test_threads_leave_no_connection_behind():
    with running(MemorySender(lambda request: OK)):
        pass
    if connection.vendor == "postgresql":
        # A backend takes a moment to end after its connection was closed.
        eventually(lambda: count_of_sessions() == 1)


def count_of_sessions() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return cursor.fetchone()[0]
