"""A tenant suspended, the instance paused: nothing starts, nobody else waits, and nothing is lost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.api import authentication
from jobs.delivering import stage as delivering
from jobs.guarding import suspension
from jobs.models import AuditEvent, Delivery, DeliveryState, Job, JobState, User
from jobs.queues import limits
from jobs.recurring import firing
from jobs.running import queue_stage
from tests.api import Api, data_of, problem_of
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import run_due, start_due, take_lease

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def suspend(user: User) -> None:
    assert suspension.suspend(user, now=NOON)
    suspension.look()


def resume(user: User) -> None:
    assert suspension.resume(user, now=NOON)
    suspension.look()


def test_of_one_who_is_suspended_nothing_starts_and_all_of_the_others(user: User, other_user: User) -> None:
    for _ in range(3):
        make_job(user=user)
    theirs = make_job(user=other_user)
    suspend(user)
    assert [started.row.id for started in start_due(take_lease().id)] == [theirs.id]
    assert start_due(take_lease().id) == []
    resume(user)
    assert len(start_due(take_lease().id)) == 3


def test_jobs_of_queues_and_deliveries_wait_too(user: User, other_user: User) -> None:
    for owner in (user, other_user):
        queue = limits.named(owner.id, "mail", now=NOON)
        make_job(user=owner, queue_id=queue.id)
        make_job(user=owner, callback_url="https://example.com/back")
    run_due()
    assert Delivery.objects.filter(state=DeliveryState.PENDING).count() == 2
    suspend(user)
    started, _ = queue_stage.claim(take_lease().id, limit=10, is_crowded=False, now=NOON)
    assert [item.row.user_id for item in started] == [other_user.id]
    sent, _ = delivering.claim(take_lease().id, limit=10, is_crowded=False, now=NOON)
    assert [item.row.user_id for item in sent] == [other_user.id]
    resume(user)
    started, _ = queue_stage.claim(take_lease().id, limit=10, is_crowded=False, now=NOON)
    sent, _ = delivering.claim(take_lease().id, limit=10, is_crowded=False, now=NOON)
    assert [item.row.user_id for item in (*started, *sent)] == [user.id, user.id]


def test_schedules_are_not_fired_and_make_up_for_it_as_after_an_outage(user: User) -> None:
    schedule = make_schedule(first=NOON + MINUTE)
    suspend(user)
    for minutes in (1, 2, 30):
        assert firing.fire_due(limit=10, now=NOON + minutes * MINUTE) == 0
    assert firing.next_due() is None
    resume(user)
    upcoming = firing.next_due()
    assert upcoming is not None
    assert upcoming.at == NOON + MINUTE
    now = NOON + 30 * MINUTE
    assert firing.fire_due(limit=10, now=now) == 1
    due = Job.objects.filter(schedule_id=schedule.id, state=JobState.SCHEDULED, is_upcoming=False)
    assert due.count() == 1


def test_their_calls_are_answered_403_and_nothing_of_theirs_is_lost(api: Api, other_api: Api, user: User) -> None:
    job = data_of(api.post("/api/jobs", {"url": "https://example.com"}), status=201)
    suspend(user)
    authentication.known_keys.clear()
    for response in (api.get("/api/jobs"), api.post("/api/jobs", {"url": "https://example.com"})):
        assert "suspended" in problem_of(response, status=403)["detail"]
    data_of(other_api.get("/api/jobs"))
    resume(user)
    authentication.known_keys.clear()
    assert [row["id"] for row in data_of(api.get("/api/jobs"))] == [job["id"]]


def test_timelines_say_who_holds_a_job(api: Api, other_user: User) -> None:
    job = data_of(api.post("/api/jobs", {"url": "https://example.com"}), status=201)
    suspension.pause(now=NOON)
    reason = data_of(api.get(f"/api/jobs/{job['job_id']}/timeline"))["reason"]
    assert (reason["code"], "paused this instance" in reason["message"]) == ("paused", True)


def test_both_switches_are_in_the_trail_and_thrown_once(user: User) -> None:
    assert suspension.suspend(user, now=NOON)
    assert not suspension.suspend(user, now=NOON)
    assert suspension.resume(user, now=NOON)
    assert not suspension.resume(user, now=NOON)
    assert suspension.pause(now=NOON)
    assert not suspension.pause(now=NOON)
    assert suspension.unpause(now=NOON)
    assert not suspension.unpause(now=NOON)
    assert list(AuditEvent.objects.order_by("id").values_list("action", "email")) == [
        ("user.suspended", user.email),
        ("user.resumed", user.email),
        ("instance.paused", ""),
        ("instance.unpaused", ""),
    ]


def test_where_nobody_is_suspended_a_claim_costs_what_it_did(user: User) -> None:
    suspension.look()
    lease = take_lease()
    with CaptureQueriesContext(connection) as queries:
        assert start_due(lease.id) == []
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1


def test_a_look_costs_two_small_queries() -> None:
    make_user("suspended@example.com")
    with CaptureQueriesContext(connection) as queries:
        suspension.look()
    assert len(queries) == 2
