"""Queues and fairness, decided at the claim."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs.database.claim_bounds import NONE, ClaimBounds
from jobs.database.lower_bounds import LowerBounds
from jobs.delivering import stage
from jobs.models import Job, JobState, Queue
from jobs.queues import limits as queues_limits
from jobs.running import attempts, queue_stage, transitions
from jobs.running import stage as running_stage
from jobs.running.ended import Ended
from tests.factories import NOON, make_job, make_spec, make_user
from tests.runs import run_due

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def make_queue(name: str = "mail", *, now: datetime = NOON, **limits: Any) -> Queue:
    queue = queues_limits.named(make_user().id, name, now=now)
    wanted = {"concurrency": None, "rate_limit": None, "rate_seconds": None, "is_paused": False} | limits
    return queues_limits.configure(queue, now=now, **wanted)


def claim(now: datetime = NOON, *, limit: int = 100) -> list[Any]:
    started, _ = queue_stage.claim(uuid4(), limit=limit, is_crowded=False, now=now)
    return [item.row for item in started]


def end(job: Any, *, now: datetime) -> None:
    worker = Job.objects.get(id=job.id).worker_id
    assert worker is not None
    attempts.record(worker, [Ended(job=job, state=JobState.COMPLETED)], now=now)


def test_a_job_in_a_queue_is_left_to_the_queue():
    job = make_job(queue_id=make_queue().id)
    assert attempts.claim(uuid4(), limit=10, now=NOON) == []
    assert [row.id for row in claim()] == [job.id]


def test_no_more_run_at_once_than_the_queue_allows():
    queue = make_queue(concurrency=2)
    for _ in range(5):
        make_job(queue_id=queue.id)
    first = claim()
    assert len(first) == 2
    assert claim() == []
    end(first[0], now=NOON)
    assert len(claim()) == 1
    assert Job.objects.filter(state="executing").count() == 2


def test_a_queue_that_got_its_share_of_a_worker_and_has_a_place_left_is_ready_again():
    queue = make_queue(concurrency=3)
    for _ in range(5):
        make_job(queue_id=queue.id)
    assert len(claim(limit=1)) == 1
    assert queue_stage.is_due(now=NOON)
    assert len(claim(limit=1)) == 1
    assert len(claim(limit=1)) == 1
    assert not queue_stage.is_due(now=NOON)


def test_what_has_run_for_long_is_counted_with_what_began_just_now():
    queue = make_queue(concurrency=3)
    for _ in range(5):
        make_job(queue_id=queue.id)
    [oldest] = claim(limit=1)
    for minutes in (1, 9, 20):
        claimed = claim(NOON + timedelta(minutes=minutes), limit=1)
        if minutes == 1:
            end(claimed[0], now=NOON + timedelta(minutes=2))
    assert claim(NOON + timedelta(minutes=21)) == []
    assert Job.objects.filter(state="executing").count() == 3
    assert Queue.objects.get(id=queue.id).running_since == NOON
    end(oldest, now=NOON + timedelta(minutes=22))
    assert len(claim(NOON + timedelta(minutes=22))) == 1
    assert Queue.objects.get(id=queue.id).running_since == NOON + timedelta(minutes=9)


def test_what_was_claimed_by_a_clock_that_is_behind_is_counted():
    queue = make_queue(concurrency=2)
    for _ in range(4):
        make_job(queue_id=queue.id)
    assert len(claim(NOON + timedelta(hours=1), limit=1)) == 1
    # Its place is free again by now, as far as its own clock goes.
    Queue.objects.update(ready_at=NOON)
    assert len(claim(NOON, limit=1)) == 1
    Queue.objects.update(ready_at=NOON)
    assert claim(NOON + timedelta(hours=1)) == []


def test_a_limit_that_comes_later_counts_what_runs_already():
    queue = make_queue()
    for _ in range(4):
        make_job(queue_id=queue.id)
    assert len(claim(limit=2)) == 2
    later = NOON + timedelta(minutes=1)
    for concurrency in (3, None, 3):
        queues_limits.configure(
            queue, concurrency=concurrency, rate_limit=None, rate_seconds=None, is_paused=False, now=later
        )
    assert len(claim(later)) == 1


def test_a_full_queue_is_not_looked_at_until_a_place_is_free():
    queue = make_queue(concurrency=1)
    make_job(queue_id=queue.id)
    make_job(queue_id=queue.id)
    [running] = claim()
    assert not queue_stage.is_due(now=NOON + SECOND)
    end(running, now=NOON + SECOND)
    assert queue_stage.is_due(now=NOON + SECOND)


def test_a_cancelled_run_frees_its_place():
    queue = make_queue(concurrency=1)
    make_job(queue_id=queue.id)
    make_job(queue_id=queue.id)
    [running] = claim()
    transitions.cancel(Job.objects.get(id=running.id), now=NOON)
    assert len(claim()) == 1


def test_a_dead_workers_run_frees_its_place():
    queue = make_queue(concurrency=1)
    make_job(queue_id=queue.id)
    assert len(claim()) == 1
    attempts.rescue(limit=10, now=NOON)
    assert len(claim()) == 1


def test_the_rate_sets_how_many_start_and_when_the_next_one_may():
    queue = make_queue(rate_limit=2, rate_seconds=10.0)
    for _ in range(5):
        make_job(queue_id=queue.id)
    assert len(claim()) == 2
    queue.refresh_from_db()
    assert queue.ready_at is not None
    assert NOON + 5 * SECOND <= queue.ready_at <= NOON + 5.01 * SECOND
    assert claim(NOON + 4 * SECOND) == []
    assert len(claim(NOON + 5.01 * SECOND)) == 1
    assert len(claim(NOON + 10.02 * SECOND)) == 1


def test_tokens_are_saved_up_to_the_limit_and_no_further():
    queue = make_queue(rate_limit=2, rate_seconds=1.0)
    for _ in range(9):
        make_job(queue_id=queue.id)
    later = NOON + timedelta(hours=1)
    assert len(claim(later)) == 2


def test_a_paused_queue_starts_nothing_and_goes_on_where_it_was():
    queue = make_queue(is_paused=True)
    job = make_job(queue_id=queue.id)
    assert claim(NOON + SECOND) == []
    make_queue(now=NOON + SECOND)
    assert [row.id for row in claim(NOON + SECOND)] == [job.id]


def test_a_queue_with_nothing_due_is_not_looked_at():
    queue = make_queue()
    assert claim() == []
    assert not queue_stage.is_due(now=NOON + SECOND)
    make_job(queue_id=queue.id, scheduled_at=NOON + 10 * SECOND)
    assert not queue_stage.is_due(now=NOON + 9 * SECOND)
    assert queue_stage.is_due(now=NOON + 10 * SECOND)


def test_a_queue_that_was_overlooked_is_found_by_the_sweep():
    queue = make_queue(concurrency=1)
    make_job(queue_id=queue.id)
    Queue.objects.update(ready_at=None)
    assert claim() == []
    assert queues_limits.sweep(now=NOON) == 1
    assert len(claim()) == 1
    make_job(queue_id=queue.id)
    Queue.objects.update(ready_at=None)
    assert queues_limits.sweep(now=NOON) == 0


def test_claiming_from_many_queues_costs_as_many_queries_as_from_one():
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            claim()
        return len(queries)

    make_job(queue_id=make_queue("q0").id)
    claim()
    make_job(queue_id=make_queue("q0").id)
    one = cost()
    for number in range(20):
        make_job(queue_id=make_queue(f"q{number}").id)
    assert cost() == one


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a transaction on PostgreSQL waits for nobody's")
def test_a_claim_where_no_queue_is_ready_takes_no_transaction_and_a_job_for_one_takes_one():
    def statements(call: Callable[[], Any]) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            call()
        return [query["sql"].split()[0] for query in queries]

    queue = make_queue()
    claim()
    assert statements(claim) == ["SELECT"]
    spec = make_spec(queue_id=queue.id)
    made = statements(lambda: transitions.schedule(spec, user_id=queue.user_id, now=NOON))
    assert made == ["SAVEPOINT", "INSERT", "UPDATE", "RELEASE"]
    assert len(claim()) == 1


def test_a_queue_that_had_its_turn_lets_those_that_wait_go_first():
    for number in range(queues_limits._MOST_QUEUES):
        queue = make_queue(f"hog-{number}")
        for _ in range(3):
            make_job(queue_id=queue.id)
    job = make_job(queue_id=make_queue("small", now=NOON + SECOND).id, scheduled_at=NOON + SECOND)
    later = NOON + 2 * SECOND
    assert job.id not in [row.id for row in claim(later, limit=queues_limits._MOST_QUEUES)]
    assert job.id in [row.id for row in claim(later, limit=queues_limits._MOST_QUEUES)]


def test_a_job_without_a_queue_costs_nothing_more_for_there_being_queues():
    make_queue(concurrency=1)
    make_job()
    running_stage.claim(uuid4(), limit=1, is_crowded=False, now=NOON)
    make_job()
    with CaptureQueriesContext(connection) as queries:
        running_stage.claim(uuid4(), limit=1, is_crowded=False, now=NOON)
    assert len([q for q in queries if "jobs_queue" in q["sql"]]) == 0


def test_when_more_is_due_than_fits_each_tenant_gets_a_share():
    hog, small = make_user("hog@example.com"), make_user("small@example.com")
    make_user("idle@example.com")
    for _ in range(30):
        make_job(user=hog)
    for _ in range(3):
        make_job(user=small, scheduled_at=NOON + SECOND)
    make_job(user=make_user("later@example.com"), scheduled_at=NOON + timedelta(days=1))
    claimed = attempts.claim(uuid4(), limit=10, is_crowded=True, now=NOON + 2 * SECOND)
    assert len([job for job in claimed if job.user_id == small.id]) == 3
    assert len([job for job in claimed if job.user_id == hog.id]) == 5


def test_when_more_deliveries_are_due_than_fit_each_tenant_gets_a_share():
    hog, small = make_user("hog@example.com"), make_user("small@example.com")
    make_user("idle@example.com")
    for _ in range(30):
        make_job(user=hog, callback_url="https://down.example/callback")
    run_due(now=NOON)
    for _ in range(3):
        make_job(user=small, callback_url="https://up.example/callback")
    run_due(now=NOON + SECOND)
    later = NOON + 2 * SECOND
    first, _ = stage.claim(uuid4(), limit=10, is_crowded=False, now=later)
    assert [item.row.user_id for item in first] == [hog.id] * 10
    crowded, _ = stage.claim(uuid4(), limit=10, is_crowded=True, now=later)
    assert len([item for item in crowded if item.row.user_id == small.id]) == 3
    assert len([item for item in crowded if item.row.user_id == hog.id]) == 5


def test_when_all_fits_the_longest_due_goes_first():
    hog, small = make_user("hog@example.com"), make_user("small@example.com")
    for _ in range(5):
        make_job(user=hog)
    make_job(user=small, scheduled_at=NOON + SECOND)
    claimed = attempts.claim(uuid4(), limit=5, now=NOON + 2 * SECOND)
    assert {job.user_id for job in claimed} == {hog.id}


def test_a_queue_whose_owner_was_held_when_others_were_looked_at_is_found_at_once_afterwards():
    bounds, others = LowerBounds(), make_user("grace@example.com")
    first = make_queue()
    make_job(queue_id=first.id, scheduled_at=NOON - 9 * SECOND)
    second = queues_limits.named(others.id, "mail", now=NOON)
    make_job(user=others, queue_id=second.id, scheduled_at=NOON)
    Queue.objects.filter(id=first.id).update(ready_at=NOON - 9 * SECOND)
    full = ClaimBounds(full=frozenset({make_user().id}))
    with transaction.atomic():
        found = [queues_limits.allowances(limit=9, of_tenants=each, bounds=bounds, now=NOON) for each in (full, NONE)]
    assert [[allowance.queue.id for allowance in each] for each in found] == [[second.id], [first.id, second.id]]
