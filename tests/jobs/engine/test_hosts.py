"""What has to wait for its target is not claimed, costs no attempt, and holds up nothing else."""

import threading
import time

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from booper.outcomes.outcome import Failure, Outcome
from jobs.database import clock
from jobs.database.claim_bounds import NONE
from jobs.engine.hosts import Hosts
from jobs.guarding.places import of_settings
from jobs.models import Job, User
from jobs.running import stage as running_stage
from jobs.telemetry import counters
from jobs.waking.announcer import Lane
from tests.factories import make_job, make_user
from tests.jobs.engine.stand_ins import OK, MemorySender, eventually, running

pytestmark = pytest.mark.django_db(transaction=True)

BUSY, FREE = "https://busy.example/", "https://free.example/"


def test_a_job_of_a_host_that_has_enough_waits_unclaimed_and_others_go_by_it():
    user = make_user()
    targets = Hosts(starts_per_second=10)
    for _ in range(80):
        targets.pace.book(user.id, BUSY, now=time.monotonic())
    waiting = make_job(now=clock.now(), scheduled_at=clock.now(), url=BUSY + "x")
    other = make_job(now=clock.now(), scheduled_at=clock.now(), url=FREE + "x")
    sender = MemorySender(lambda request: OK)
    with running(sender, make_places=of_settings, targets=targets):
        eventually(lambda: Job.objects.filter(id=other.id, state="completed").exists())
        waiting.refresh_from_db()
        assert (waiting.state, waiting.attempt) == ("scheduled", 0)
    assert [request.url for request in sender.requests] == [FREE + "x"]


def test_all_are_sent_in_the_end_and_in_their_first_attempt():
    for _ in range(25):
        make_job(now=clock.now(), scheduled_at=clock.now(), url=BUSY)
    sender = MemorySender(lambda request: OK)
    with running(sender, targets=Hosts(starts_per_second=10)):
        eventually(lambda: Job.objects.filter(state="completed").count() == 25)
    assert set(Job.objects.values_list("attempt", flat=True)) == {1}


def test_whoever_is_below_it_costs_no_query():
    user = make_user()
    targets = Hosts(starts_per_second=10)
    for _ in range(10):
        targets.pace.book(user.id, BUSY, now=1.0)
    with CaptureQueriesContext(connection) as queries:
        assert targets.narrowed(NONE, lane=Lane.JOBS, now=1.0) is NONE
    assert len(queries) == 0


def test_an_outcome_is_held_against_its_host_once_however_often_its_record_is_tried(monkeypatch):
    job = make_job(now=clock.now(), scheduled_at=clock.now(), url=BUSY, max_attempts=1)
    record, tries = running_stage.record, []

    def failing(*arguments, **named):
        tries.append(1)
        if len(tries) < 4:
            raise OperationalError("gone")
        return record(*arguments, **named)

    monkeypatch.setattr(running_stage, "record", failing)
    refused = Outcome(response=None, failure=Failure("connect_failed", "nobody listens"), duration_ms=1)
    targets = Hosts(starts_per_second=0, failures_in_a_row=3)
    with running(MemorySender(lambda request: refused), targets=targets):
        eventually(lambda: Job.objects.filter(id=job.id, state="discarded").exists())
    assert len(tries) == 4
    assert targets.breakers.parked() == {}


def test_a_users_own_limit_is_known_within_seconds():
    user = make_user()
    targets = Hosts(starts_per_second=1)
    User.objects.filter(id=user.id).update(limits={"starts_per_host": 3})
    targets.look()
    assert [targets.pace.book(user.id, BUSY, now=1.0) for _ in range(4)] == [1.0, 1.0, 1.0, 2.0]


DOWN = Outcome(response=None, failure=Failure("connect_failed", "nobody listens there"), duration_ms=1)


def test_what_waits_for_a_host_that_only_fails_is_parked_and_charged_nothing_and_goes_once_it_answers():
    user, is_up = make_user(), threading.Event()
    sender = MemorySender(lambda request: OK if is_up.is_set() or "free" in request.url else DOWN)
    for _ in range(30):
        make_job(now=clock.now(), scheduled_at=clock.now(), url=BUSY, max_attempts=9, backoff_seconds=[300])
    with running(sender, concurrency=10, targets=Hosts(starts_per_second=0, failures_in_a_row=5)) as engine:
        eventually(lambda: engine._hosts.breakers.parked() != {})
        assert list(engine._hosts.breakers.parked()) == [(user.id, BUSY)]
        other = make_job(now=clock.now(), scheduled_at=clock.now(), url=FREE)
        eventually(lambda: Job.objects.filter(id=other.id, state="completed").exists())
        waiting = Job.objects.filter(state="scheduled")
        assert set(waiting.values_list("attempt", flat=True)) == {0}
        eventually(lambda: bool(counters.by_label(counters.own.read()[1], counters.PARKED)))
        is_up.set()
        eventually(lambda: not waiting.exists() and not engine._hosts.breakers.parked())
        eventually(lambda: not counters.by_label(counters.own.read()[1], counters.PARKED))
        [(label, until)] = counters.by_label(counters.own.read()[1], counters.RELEASED).items()
        owner, since, origin = label.split("|", 2)
        assert (owner, origin) == (user.id.hex, BUSY)
        assert clock.now().timestamp() - 60 < float(since) < until <= clock.now().timestamp()
    assert set(Job.objects.filter(state="completed").values_list("attempt", flat=True)) == {1}


def test_jobs_of_queues_are_parked_and_deliveries_are_not():
    user = make_user()
    targets = Hosts(starts_per_second=0, failures_in_a_row=1)
    targets.breakers.note(user.id, BUSY, DOWN, now=1.0)
    full = {lane: targets.narrowed(NONE, lane=lane, now=1.0).full_hosts for lane in Lane}
    assert full == {Lane.JOBS: {user.id: (BUSY,)}, Lane.QUEUES: {user.id: (BUSY,)}, Lane.DELIVERIES: {}}
