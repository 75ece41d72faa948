"""Beat fires runs that are due, each once, on the grid, and makes up for what it missed."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import InternalError, OperationalError, ProgrammingError, connection
from django.test.utils import CaptureQueriesContext
from psycopg import errors

from jobs.models import Job, JobState, LogEvent, Schedule
from jobs.recurring import firing
from jobs.running import attempts
from jobs.running.ended import Ended
from tests.factories import NOON, make_schedule
from tests.jobs.recurring.plans import MINUTE, fire_all, upcoming_of

pytestmark = pytest.mark.django_db


def runs_of(schedule: Schedule) -> list[tuple[datetime | None, str]]:
    runs = Job.objects.filter(schedule=schedule, is_upcoming=False).order_by("occurrence_at")
    return list(runs.values_list("occurrence_at", "state"))


def test_a_schedule_that_starts_now_has_its_first_run_fired_and_its_second_upcoming():
    schedule = make_schedule()
    assert runs_of(schedule) == [(NOON, "scheduled")]
    assert upcoming_of(schedule).scheduled_at == NOON + MINUTE
    assert schedule.run_count == 1


def test_no_worker_claims_the_upcoming_run_before_beat_has_fired_it():
    schedule = make_schedule(first=NOON + MINUTE)
    assert attempts.claim(uuid4(), limit=10, now=NOON + 2 * MINUTE) == []
    assert fire_all(NOON + MINUTE) == 1
    [claimed] = attempts.claim(uuid4(), limit=10, now=NOON + MINUTE)
    assert (claimed.schedule_id, claimed.occurrence_at) == (schedule.id, NOON + MINUTE)


def test_runs_stay_on_the_grid_however_late_beat_is():
    schedule = make_schedule()
    for seconds in (60.4, 121.9, 180.0):
        fire_all(NOON + timedelta(seconds=seconds))
    assert [at for at, _ in runs_of(schedule)] == [NOON + n * MINUTE for n in range(4)]


def test_firing_twice_at_one_time_fires_once():
    schedule = make_schedule()
    assert [fire_all(NOON + MINUTE), fire_all(NOON + MINUTE)] == [1, 0]
    assert len(runs_of(schedule)) == 2


def test_firing_five_hundred_costs_as_many_queries_as_firing_one():
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            firing.fire_due(limit=500, now=NOON + MINUTE)
        return len(queries)

    make_schedule(first=NOON + MINUTE)
    one = cost()
    for _ in range(30):
        make_schedule(first=NOON + MINUTE)
    assert cost() == one


def test_a_schedule_beyond_firing_holds_up_no_other_and_is_switched_off():
    broken = make_schedule(first=NOON + MINUTE)
    good = make_schedule(first=NOON + MINUTE)
    Schedule.objects.filter(id=broken.id).update(frequency={"cron": "nonsense"})
    assert fire_all(NOON + MINUTE) == 2
    assert runs_of(good) == [(NOON + MINUTE, "scheduled")]
    assert runs_of(broken) == [(NOON + MINUTE, "cancelled")]
    assert Schedule.objects.get(id=broken.id).disabled_at == NOON + MINUTE
    assert LogEvent.objects.get().payload == {"reason": "cannot_be_fired"}


@pytest.mark.parametrize("kind", [OperationalError, InternalError, ProgrammingError])
def test_no_state_of_the_database_switches_a_schedule_off(monkeypatch, kind):
    schedule = make_schedule(first=NOON + MINUTE)

    def refuse(*args, **kwargs):
        # As psycopg does: the SQLSTATE is that of the cause.
        raise kind("cannot execute UPDATE in a read-only transaction") from errors.ReadOnlySqlTransaction()

    with monkeypatch.context() as patched:
        patched.setattr(firing, "insert_upcoming", refuse)
        with pytest.raises(kind):
            fire_all(NOON + MINUTE)
    assert Schedule.objects.get(id=schedule.id).disabled_at is None
    assert fire_all(NOON + MINUTE) == 1


def test_a_short_stop_of_beat_is_made_up_for_run_by_run():
    schedule = make_schedule(frequency={"repeat_every": [1, "seconds"]})
    fire_all(NOON + timedelta(seconds=30))
    assert [at for at, _ in runs_of(schedule)] == [NOON + timedelta(seconds=n) for n in range(31)]


def test_after_an_hour_without_beat_there_is_one_late_run_and_then_the_grid():
    schedule = make_schedule(first=NOON + MINUTE)
    fire_all(NOON + timedelta(minutes=60, seconds=20))
    assert runs_of(schedule) == [(NOON + timedelta(minutes=60), "scheduled")]
    assert upcoming_of(schedule).scheduled_at == NOON + timedelta(minutes=61)


def test_after_an_hour_without_beat_a_schedule_that_skips_has_no_late_run():
    schedule = make_schedule(first=NOON + MINUTE, catch_up="skip")
    fire_all(NOON + timedelta(minutes=60, seconds=20))
    assert runs_of(schedule) == [(NOON + MINUTE, "cancelled")]
    assert upcoming_of(schedule).scheduled_at == NOON + timedelta(minutes=61)
    assert LogEvent.objects.get().payload == {"reason": "catch_up"}


def test_after_an_hour_without_workers_one_late_run_is_left():
    schedule = make_schedule()
    for minute in range(1, 61):
        fire_all(NOON + minute * MINUTE)
    waiting = [at for at, state in runs_of(schedule) if state == "scheduled"]
    assert waiting == [NOON + 59 * MINUTE, NOON + 60 * MINUTE]


def test_a_run_is_skipped_while_the_one_before_is_going():
    schedule = make_schedule(overlap="skip")
    worker = uuid4()
    [first] = attempts.claim(worker, limit=1, now=NOON)
    fire_all(NOON + MINUTE)
    assert runs_of(schedule) == [(NOON, "executing"), (NOON + MINUTE, "cancelled")]
    ended = Ended(job=first, state=JobState.DISCARDED, error={"code": "x", "message": "y"})
    attempts.record(worker, [ended], now=NOON + MINUTE)
    fire_all(NOON + 2 * MINUTE)
    assert runs_of(schedule)[-1] == (NOON + 2 * MINUTE, "scheduled")
