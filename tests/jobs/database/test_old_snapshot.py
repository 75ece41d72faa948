"""Looks for what is due under an old snapshot: they cost by what is alive, in blocks, not by what it keeps."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from jobs.database.lower_bounds import LowerBounds
from jobs.delivering import stage as delivering_stage
from jobs.engine.bounded import Bounded
from jobs.models import User
from jobs.queues import limits
from jobs.recurring import firing
from jobs.running import queue_stage
from jobs.running import stage as running_stage
from tests.blocks import blocks
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import take_lease

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps nothing for an old snapshot there"),
]

_DEAD = 50_000
# What a handful of descents into indexes and the rows they lead to take; the dead lie in hundreds to thousands.
_FEW = 120
SOON = NOON + timedelta(milliseconds=200)

_JOBS = """
INSERT INTO jobs_job (uuid, user_id, state, inserted_at, scheduled_at, is_upcoming, attempt, event_count, worker_id,
    queue_id, args, method, url, timeout_seconds, max_attempts)
SELECT gen_random_uuid(), (%(users)s::uuid[])[1 + n %% %(tenants)s], 'scheduled', %(at)s, %(at)s, false, 0, 0, NULL,
    %(queue)s, '{}', 'get', 'https://example.com/', 30, 5
FROM generate_series(1, %(count)s) AS n
"""
_DELIVERIES = """
INSERT INTO jobs_delivery (uuid, user_id, job_id, kind, event, sequence, url, body, state, inserted_at, due_at, attempt)
SELECT gen_random_uuid(), (%(users)s::uuid[])[1 + n %% %(tenants)s], n, 'callback', 'callback', NULL,
    'https://example.com/', '{}', 'pending', %(at)s, %(at)s, 0
FROM generate_series(1, %(count)s) AS n
"""


@pytest.fixture(autouse=True)
def _old_snapshot() -> Iterator[None]:
    old = connection.copy()
    with old.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT 1")
        yield
    old.close()


def execute(statement: str, **parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def leave_dead(table: str, insert: str, *users: User, queue: int | None = None, ended: str) -> UUID:
    """Rows that came due a minute ago, were leased by a worker that lives, and have ended; the worker's id."""
    ids = [user.id for user in users]
    at, worker = NOON - timedelta(minutes=1), take_lease(now=NOON).id
    execute(insert, users=ids, tenants=len(ids), at=at, queue=queue, count=_DEAD)
    leased = "sending" if table == "jobs_delivery" else "executing"
    leasing = f"UPDATE {table} SET state = %(leased)s, worker_id = %(worker)s, attempted_at = %(at)s"
    execute(leasing, leased=leased, worker=worker, at=at)
    execute(f"UPDATE {table} SET state = %(ended)s, worker_id = NULL", ended=ended)
    execute(f"ANALYZE {table}")
    return worker


def assert_bounded(look: Callable[[datetime], Any]) -> None:
    """The first look walks what is dead; those that follow pass it by."""
    with blocks() as first:
        look(NOON)
    assert first.count > 3 * _FEW, "nothing dead was in the way: this shows nothing"
    with blocks() as next_one:
        look(SOON)
    assert next_one.count < _FEW


def test_a_look_for_jobs_that_are_due_passes_the_dead_by():
    leave_dead("jobs_job", _JOBS, make_user(), ended="completed")
    stage = Bounded(running_stage)
    assert_bounded(lambda now: stage.is_due(now=now))


def test_a_claim_of_jobs_passes_the_dead_by():
    leave_dead("jobs_job", _JOBS, make_user(), ended="completed")
    make_job(scheduled_at=SOON)
    stage, claimed = Bounded(running_stage), []
    assert_bounded(lambda now: claimed.extend(stage.claim(uuid4(), limit=10, is_crowded=False, now=now)[0]))
    assert len(claimed) == 1


def test_a_claim_in_equal_shares_passes_the_dead_of_each_tenant_by():
    ada, grace = make_user(), make_user("grace@example.com")
    leave_dead("jobs_job", _JOBS, ada, grace, ended="completed")
    for _ in range(6):
        make_job(user=ada, scheduled_at=NOON)
        make_job(user=grace, scheduled_at=NOON)
    stage, claimed = Bounded(running_stage), []
    assert_bounded(lambda now: claimed.append(stage.claim(uuid4(), limit=4, is_crowded=True, now=now)[0]))
    for batch in claimed:
        assert sorted(item.row.user_id for item in batch) == sorted([ada.id, ada.id, grace.id, grace.id])


def test_a_claim_from_a_queue_passes_the_dead_by():
    queue = limits.named(make_user().id, "mail", now=NOON)
    leave_dead("jobs_job", _JOBS, make_user(), queue=queue.id, ended="completed")
    for _ in range(6):
        make_job(queue_id=queue.id, scheduled_at=NOON)
    stage, claimed = Bounded(queue_stage), []
    assert_bounded(lambda now: claimed.extend(stage.claim(uuid4(), limit=3, is_crowded=False, now=now)[0]))
    assert len(claimed) == 6


def test_a_claim_from_a_queue_with_a_limit_counts_what_runs_past_the_dead():
    queue = limits.named(make_user().id, "mail", now=NOON)
    queue = limits.configure(queue, concurrency=5, rate_limit=None, rate_seconds=None, is_paused=False, now=NOON)
    leave_dead("jobs_job", _JOBS, make_user(), queue=queue.id, ended="completed")
    for _ in range(9):
        make_job(queue_id=queue.id, scheduled_at=NOON)
    stage, claimed = Bounded(queue_stage), []
    assert_bounded(lambda now: claimed.append(stage.claim(uuid4(), limit=3, is_crowded=False, now=now)[0]))
    assert [len(batch) for batch in claimed] == [3, 2]


def test_a_claim_of_deliveries_passes_the_dead_by():
    leave_dead("jobs_delivery", _DELIVERIES, make_user(), ended="delivered")
    stage = Bounded(delivering_stage)
    assert_bounded(lambda now: stage.is_due(now=now))
    with blocks() as counted:
        stage.claim(uuid4(), limit=10, is_crowded=False, now=SOON)
    assert counted.count < _FEW


@pytest.mark.parametrize(
    ("table", "insert", "stage", "ended"),
    [
        ("jobs_job", _JOBS, running_stage, "completed"),
        ("jobs_delivery", _DELIVERIES, delivering_stage, "delivered"),
    ],
)
def test_the_rescue_passes_by_what_the_living_have_held(table: str, insert: str, stage: Any, ended: str):
    leave_dead(table, insert, make_user(), ended=ended)
    take_lease(name="another", now=NOON)
    with blocks() as counted:
        assert stage.rescue(limit=500, now=NOON)[0] == 0
    assert counted.count < _FEW


@pytest.mark.parametrize(
    ("table", "insert", "stage", "ended"),
    [
        ("jobs_job", _JOBS, running_stage, "completed"),
        ("jobs_delivery", _DELIVERIES, delivering_stage, "delivered"),
    ],
)
def test_a_look_for_what_is_cancelled_passes_by_what_the_worker_has_held(
    table: str, insert: str, stage: Any, ended: str
):
    worker_id = leave_dead(table, insert, make_user(), ended=ended)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT array_agg(id) FROM (SELECT id FROM {table} ORDER BY id LIMIT 10) AS first")
        [ids] = cursor.fetchone()
    with blocks() as counted:
        assert stage.held(worker_id, ids) == set()
    assert counted.count < _FEW


_SCHEDULES = """
INSERT INTO jobs_schedule SELECT (jsonb_populate_record(s, jsonb_build_object(
    'id', gen_random_uuid(), 'periodic_task_id', NULL))).*
FROM jobs_schedule s, generate_series(1, %(count)s)
"""
_UPCOMING = """
INSERT INTO jobs_job SELECT (jsonb_populate_record(j, jsonb_build_object(
    'id', nextval(pg_get_serial_sequence('jobs_job', 'id')), 'uuid', gen_random_uuid(), 'schedule_id', s.id))).*
FROM jobs_job j, jobs_schedule s WHERE s.id <> j.schedule_id
"""


def test_beat_passes_by_the_runs_it_has_fired():
    minute_ago = NOON - timedelta(minutes=1)
    make_schedule(first=minute_ago, now=minute_ago)
    execute("UPDATE jobs_job SET scheduled_at = %(at)s", at=minute_ago)
    execute(_SCHEDULES, count=_DEAD // 4)
    execute(_UPCOMING)
    execute("UPDATE jobs_job SET is_upcoming = false")
    execute("ANALYZE jobs_job")
    bounds = LowerBounds()

    def tick(now: datetime) -> None:
        mark = bounds.mark(now=now)
        firing.fire_due(limit=500, mark=mark, now=now)
        bounds.note(began=mark, first=firing.next_due(mark=mark), seconds=0, now=now)

    assert_bounded(tick)
