"""Where looks for what is due begin, and that nothing is missed that lies before."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from jobs.database.fair_shares import Tenants
from jobs.database.lower_bounds import LowerBounds, Mark
from jobs.engine.bounded import Bounded
from jobs.models import Job, Queue
from jobs.queues import limits
from jobs.running import queue_stage, transitions
from jobs.running import stage as running_stage
from tests.factories import NOON, make_job, make_user

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def claimed(stage: Any, *, now: datetime, limit: int = 10, is_crowded: bool = False) -> list[int]:
    started, _ = stage.claim(uuid4(), limit=limit, is_crowded=is_crowded, now=now)
    return [item.row.id for item in started]


def test_a_look_begins_at_what_the_one_before_found_first():
    bounds, first = LowerBounds(), Mark(NOON - 60 * SECOND, 7)
    bounds.note(began=None, first=first, seconds=0, now=NOON)
    assert bounds.mark(now=NOON) == first


def test_it_begins_a_second_back_where_nothing_was_found_so_that_what_is_committed_late_is_seen():
    bounds = LowerBounds()
    bounds.note(began=None, first=None, seconds=0, now=NOON)
    assert bounds.mark(now=NOON + SECOND / 2) == Mark(NOON - SECOND)


def test_a_mark_never_moves_back():
    bounds = LowerBounds()
    bounds.note(began=None, first=None, seconds=0, now=NOON)
    began = bounds.mark(now=NOON)
    bounds.note(began=began, first=Mark(NOON - 9 * SECOND), seconds=0, now=NOON + SECOND / 2)
    assert bounds.mark(now=NOON + SECOND / 2) == began


def test_each_second_a_look_begins_at_the_beginning():
    bounds = LowerBounds()
    bounds.note(began=None, first=None, seconds=0.001, now=NOON)
    assert bounds.mark(now=NOON + SECOND - SECOND / 100) is not None
    assert bounds.mark(now=NOON + SECOND) is None


def test_dear_looks_from_the_beginning_are_made_less_often():
    bounds = LowerBounds()
    bounds.note(began=None, first=None, seconds=0.5, now=NOON)
    assert bounds.mark(now=NOON + 9 * SECOND) is not None
    assert bounds.mark(now=NOON + 10 * SECOND) is None


def test_a_clock_that_was_set_back_has_the_next_look_begin_at_the_beginning():
    bounds = LowerBounds()
    bounds.note(began=None, first=None, seconds=0, now=NOON)
    assert bounds.mark(now=NOON - SECOND) is None


def test_keys_have_marks_of_their_own():
    bounds = LowerBounds()
    bounds.note("ada", began=None, first=None, seconds=0, now=NOON)
    assert bounds.mark("grace", now=NOON) is None


def test_a_job_that_was_committed_late_is_claimed_by_the_next_look():
    stage = Bounded(running_stage)
    make_job(scheduled_at=NOON - SECOND / 10)
    claimed(stage, now=NOON)
    late = make_job(scheduled_at=NOON - SECOND / 2)
    assert claimed(stage, now=NOON) == [late.id]


def test_a_job_that_is_put_in_behind_all_marks_is_claimed_within_a_second():
    stage = Bounded(running_stage)
    claimed(stage, now=NOON)
    behind = make_job(scheduled_at=NOON - 3600 * SECOND, now=NOON - 3600 * SECOND)
    assert not stage.is_due(now=NOON + SECOND / 2)
    assert claimed(stage, now=NOON + SECOND) == [behind.id]


@pytest.mark.parametrize("is_crowded", [False, True])
def test_one_look_after_the_other_claims_all_that_waits_in_order(is_crowded: bool):
    stage = Bounded(running_stage)
    users = [make_user(), make_user("grace@example.com")]
    wanted = [make_job(user=users[n % 2], scheduled_at=NOON - 9 * SECOND).id for n in range(20)]
    found = [claimed(stage, now=NOON + n * SECOND / 100, limit=4, is_crowded=is_crowded) for n in range(5)]
    assert [id_ for batch in found for id_ in sorted(batch)] == wanted


def test_a_tenant_who_comes_into_a_crowd_is_claimed_from_though_not_all_tenants_were_looked_for(
    monkeypatch: pytest.MonkeyPatch,
):
    stage = Bounded(running_stage)
    for email in ("ada@example.com", "grace@example.com"):
        for _ in range(4):
            make_job(user=make_user(email), scheduled_at=NOON - SECOND)
    # As if the look for all of them had taken long.
    monkeypatch.setattr("jobs.database.lower_bounds.COST_SHARE", 1e9)
    claimed(stage, now=NOON, limit=2, is_crowded=True)
    newcomer = make_job(user=make_user("edsger@example.com"), scheduled_at=NOON + SECOND / 10)
    assert newcomer.id in claimed(stage, now=NOON + SECOND / 5, limit=3, is_crowded=True)


@pytest.mark.parametrize("is_crowded", [False, True])
def test_what_is_run_now_or_retried_while_looks_go_on_is_claimed_at_once(is_crowded: bool):
    stage = Bounded(running_stage)
    done, waiting = make_job(scheduled_at=NOON), make_job(scheduled_at=NOON + 3600 * SECOND)
    claimed(stage, now=NOON, is_crowded=is_crowded)
    Job.objects.filter(id=done.id).update(state="completed", worker_id=None, completed_at=NOON)
    now = NOON + SECOND / 2
    transitions.retry(Job.objects.get(id=done.id), now=now)
    transitions.run_now(waiting, now=now)
    assert sorted(claimed(stage, now=now, is_crowded=is_crowded)) == [done.id, waiting.id]


def test_a_queue_whose_look_did_not_begin_at_the_beginning_is_looked_at_again_when_one_does():
    stage, queue = Bounded(queue_stage), limits.named(make_user().id, "mail", now=NOON)
    make_job(queue_id=queue.id, scheduled_at=NOON)
    later = make_job(queue_id=queue.id, scheduled_at=NOON + 3600 * SECOND)
    claimed(stage, now=NOON)
    behind = make_job(queue_id=queue.id, scheduled_at=NOON - 60 * SECOND, now=NOON - 60 * SECOND)
    # The queue is ready, but the look into it begins behind the job.
    Queue.objects.update(ready_at=NOON + SECOND / 2)
    assert claimed(stage, now=NOON + SECOND / 2) == []
    assert Queue.objects.get().ready_at == NOON + SECOND
    assert claimed(stage, now=NOON + SECOND) == [behind.id]
    assert claimed(stage, now=NOON + 2 * SECOND) == []
    assert Queue.objects.get().ready_at == later.scheduled_at


def test_a_look_that_waited_for_long_puts_the_next_from_the_beginning_off_for_ten_seconds_at_most():
    bounds = LowerBounds()
    bounds.note(began=None, first=None, seconds=60, now=NOON)
    assert bounds.mark(now=NOON + 9 * SECOND) is not None
    assert bounds.mark(now=NOON + 10 * SECOND) is None


def test_two_in_turn_that_took_long_put_the_next_from_the_beginning_off_by_twenty_times_as_long():
    bounds = LowerBounds()
    for at in (NOON, NOON + 10 * SECOND):
        bounds.note(began=None, first=None, seconds=4.5, now=at)
    assert bounds.mark(now=NOON + 99 * SECOND) is not None
    assert bounds.mark(now=NOON + 100 * SECOND) is None


def test_meanwhile_what_is_put_in_up_to_a_minute_behind_is_found_within_ten_seconds():
    bounds = LowerBounds()
    for at in (NOON, NOON + 10 * SECOND):
        bounds.note(began=None, first=None, seconds=4.5, now=at)
    near, late = bounds.mark(now=NOON + 20 * SECOND), Mark(NOON - 20 * SECOND, 7)
    assert near is not None
    assert near < late
    bounds.note(began=near, first=late, seconds=0.001, now=NOON + 20 * SECOND)
    assert bounds.mark(now=NOON + 20 * SECOND) == late


def test_the_looks_from_a_minute_before_are_paced_by_their_own_cost():
    bounds = LowerBounds()
    for at in (NOON, NOON + 10 * SECOND):
        bounds.note(began=None, first=None, seconds=4.5, now=at)
    bounds.note(began=bounds.mark(now=NOON + 20 * SECOND), first=None, seconds=0.1, now=NOON + 20 * SECOND)
    assert bounds.mark(now=NOON + 21.9 * SECOND) == Mark(NOON + 19 * SECOND)
    assert bounds.mark(now=NOON + 22 * SECOND) == Mark(NOON + 19 * SECOND - 60 * SECOND)


def test_one_that_took_long_and_one_that_did_not_leave_it_at_ten_seconds():
    bounds = LowerBounds()
    bounds.note(began=None, first=None, seconds=0.01, now=NOON)
    bounds.note(began=None, first=None, seconds=100, now=NOON + SECOND)
    assert bounds.mark(now=NOON + 11 * SECOND) is None


def test_a_tenant_who_comes_back_is_not_looked_at_from_the_beginning_for_it():
    bounds = LowerBounds()
    for at in (NOON, NOON + 10 * SECOND):
        bounds.note("ada", began=None, first=None, seconds=4.5, now=at)
    bounds.begin("ada", Mark(NOON + 14 * SECOND), now=NOON + 15 * SECOND)
    assert bounds.mark("ada", now=NOON + 17 * SECOND) == Mark(NOON + 14 * SECOND)


def test_one_who_comes_back_while_the_clock_is_set_back_is_looked_at_anew_once_it_goes_on():
    bounds = LowerBounds()
    bounds.note("ada", began=None, first=None, seconds=0.01, now=NOON)
    bounds.begin("ada", Mark(NOON - 31 * SECOND), now=NOON - 30 * SECOND)
    assert bounds.mark("ada", now=NOON - 30 * SECOND) == Mark(NOON - 31 * SECOND)
    assert bounds.mark("ada", now=NOON - 28 * SECOND) is None


def tenants_and_their_bounds() -> tuple[Tenants, LowerBounds]:
    bounds = LowerBounds()
    return Tenants(
        bounds, table="jobs_job", waiting="state IN ('scheduled', 'retryable')", due_at="scheduled_at"
    ), bounds


def test_all_tenants_are_looked_for_each_two_minutes_however_dear_that_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jobs.database.lower_bounds.COST_SHARE", 1e9)
    tenants, _ = tenants_and_their_bounds()
    for seconds in (0, 10):
        assert tenants.shares(10, now=NOON + seconds * SECOND) == []
    for email in ("ada@example.com", "grace@example.com"):
        early = NOON - 3600 * SECOND
        make_job(user=make_user(email), scheduled_at=early, now=early)
    assert tenants.shares(10, now=NOON + 129.9 * SECOND) == []
    assert len(tenants.shares(10, now=NOON + 130 * SECOND)) == 2


def test_the_look_for_all_tenants_is_one_from_the_beginning_for_all_that_is_due_too():
    tenants, bounds = tenants_and_their_bounds()
    first, _ = (make_job(user=make_user(email)) for email in ("ada@example.com", "grace@example.com"))
    assert bounds.mark(now=NOON) is None
    now = NOON + 2 * SECOND
    marks = {look.key: look.mark for look in tenants.shares(10, now=now)}
    assert bounds.mark(now=now) == Mark(NOON, first.id) == marks[first.user_id.hex]
    assert bounds.mark("edsger", now=now) == Mark(now - SECOND)


def test_a_look_from_the_beginning_that_finds_nothing_is_one_for_all_tenants_too(
    django_assert_num_queries: DjangoAssertNumQueries,
):
    tenants, bounds = tenants_and_their_bounds()
    bounds.note(began=None, first=None, seconds=0.001, now=NOON)
    make_job(user=make_user(), scheduled_at=NOON, now=NOON)
    with django_assert_num_queries(1):
        assert tenants.shares(10, now=NOON + SECOND / 2) == []
    make_job(user=make_user("grace@example.com"), scheduled_at=NOON)
    looks = tenants.shares(10, now=NOON + SECOND / 2)
    assert {look.mark for look in looks} == {Mark(NOON - SECOND)}
    assert len(looks) == 2


def test_one_that_finds_something_says_nothing_of_the_tenants():
    bounds = LowerBounds()
    bounds.note(began=None, first=Mark(NOON, 7), seconds=0.001, now=NOON)
    assert bounds.all_looked_at(now=NOON) is None
    assert bounds.mark("ada", now=NOON) is None


def test_marks_of_many_keys_are_forgotten_together_and_never_taken_for_one_of_another(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jobs.database.lower_bounds._MOST_KEYS", 3)
    bounds = LowerBounds()
    bounds.note_all({"ada": Mark(NOON - 9 * SECOND, 7)}, seconds=0.001, now=NOON)
    for key in ("grace", "edsger"):
        bounds.note(key, began=bounds.mark(key, now=NOON), first=None, seconds=0.001, now=NOON)
    assert bounds.mark("ada", now=NOON) is None


def test_what_of_theirs_was_committed_late_is_claimed_at_once(monkeypatch: pytest.MonkeyPatch):
    stage, ada, grace = Bounded(running_stage), make_user(), make_user("grace@example.com")
    for user in (ada, grace):
        make_job(user=user, scheduled_at=NOON - SECOND)
    # As if the look for all of them had taken long.
    monkeypatch.setattr("jobs.database.lower_bounds.COST_SHARE", 1e9)
    claimed(stage, now=NOON, is_crowded=True)
    claimed(stage, now=NOON + 4 * SECOND, is_crowded=True)
    make_job(user=grace, scheduled_at=NOON + 4.5 * SECOND)
    late = make_job(user=ada, scheduled_at=NOON + SECOND)
    assert late.id in claimed(stage, now=NOON + 5 * SECOND, is_crowded=True)


def test_a_queue_is_looked_at_again_a_minute_back_where_looks_from_the_beginning_are_dear():
    bounds = LowerBounds()
    for at in (NOON, NOON + 10 * SECOND):
        bounds.note(7, began=None, first=None, seconds=4.5, now=at)
    assert bounds.further_back_at(7, now=NOON + 11 * SECOND) == NOON + 20 * SECOND
