"""What has to wait for its target is not claimed, costs no attempt, and holds up nothing else."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.database import clock
from jobs.database.claim_bounds import NONE
from jobs.engine.hosts import Hosts
from jobs.guarding.places import of_settings
from jobs.models import Job, User
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
        assert targets.narrowed(NONE, now=1.0) is NONE
    assert len(queries) == 0


def test_a_users_own_limit_is_known_within_seconds():
    user = make_user()
    targets = Hosts(starts_per_second=1)
    User.objects.filter(id=user.id).update(limits={"starts_per_host": 3})
    targets.look()
    assert [targets.pace.book(user.id, BUSY, now=1.0) for _ in range(4)] == [1.0, 1.0, 1.0, 2.0]
