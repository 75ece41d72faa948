"""What is old goes, in small bites, and nothing else does."""

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask
from pytest_django import Settings

from config.celery import app
from jobs.beat import Scheduler
from jobs.database import backlog
from jobs.models import AuditEvent, Delivery, Job, LogEvent, Process, Receiver, Schedule, Tally, Usage, User
from jobs.models.identifiers import earliest_uuid7, uuid7
from jobs.operating import old_rows, retention
from jobs.operating.old_rows import Places
from jobs.operating.retention import Pace, Pruned
from jobs.recurring import schedules
from jobs.running import transitions
from tests.conftest import StoppedClock
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import OK, REFUSED, answered, deliver_due, run_due, take_lease

pytestmark = pytest.mark.django_db

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LONG_AGO = NOON - 100 * DAY


@pytest.fixture(autouse=True)
def _retention(settings: Settings) -> None:
    settings.LOG_RETENTION_DAYS, settings.JOB_RETENTION_DAYS = 30, 90


def prune(*, now: datetime = NOON, batch: int = 1000, **pace: object) -> Pruned:
    return retention.prune(now=now, pace=Pace(batch=batch, pause_seconds=0, **pace))  # type: ignore[arg-type]


def write_log_at(moment: datetime, count: int, *, job: Job) -> None:
    """Rows as they would have been written then: their ids are of that time."""
    first = earliest_uuid7(moment).int
    LogEvent.objects.bulk_create(
        LogEvent(
            id=type(uuid7())(int=first + number),
            event="job.started",
            inserted_at=moment,
            job_id=job.id,
            user_id=job.user_id,
            payload={},
        )
        for number in range(count)
    )


# --- Identifiers ------------------------------------------------------------------------------------------------------


def test_the_earliest_id_of_a_moment_is_above_all_before_it_and_below_all_after_it():
    now = datetime.now(NOON.tzinfo)
    assert earliest_uuid7(now - SECOND) < uuid7() < earliest_uuid7(now + 60 * SECOND)
    assert earliest_uuid7(now).version == 7


# --- The log ----------------------------------------------------------------------------------------------------------


def test_log_rows_go_after_thirty_days_to_the_second():
    job = make_job()
    write_log_at(NOON - 30 * DAY - SECOND, 3, job=job)
    write_log_at(NOON - 30 * DAY, 2, job=job)
    pruned = prune()
    assert (pruned.log_events, pruned.is_all, LogEvent.objects.count()) == (3, True, 2)


def test_thousands_of_rows_go_in_batches():
    job = make_job()
    write_log_at(LONG_AGO, 2500, job=job)
    with CaptureQueriesContext(connection) as queries:
        assert prune(batch=1000).log_events == 2500
    deletes = [query["sql"] for query in queries if "DELETE FROM" in query["sql"] and "jobs_logevent" in query["sql"]]
    # The last one finds none.
    assert len(deletes) in (3, 4)


# --- Jobs -------------------------------------------------------------------------------------------------------------


def test_jobs_go_ninety_days_after_they_ended_with_all_they_left(settings: Settings):
    # With a log that is kept no longer its rows have gone before, each by the time in its own id.
    settings.LOG_RETENTION_DAYS = 91
    job = make_job(now=LONG_AGO, scheduled_at=LONG_AGO, callback_url="https://example.com/callback")
    run_due(OK, now=LONG_AGO)
    deliver_due(OK, now=LONG_AGO)
    assert LogEvent.objects.filter(job=job).exists()
    pruned = prune()
    assert (pruned.jobs, pruned.deliveries) == (1, 1)
    assert not Job.objects.exists()
    assert not LogEvent.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("state", ["completed", "discarded", "cancelled"])
def test_what_counts_is_when_it_ended(state: str):
    ended_at = NOON - 90 * DAY
    for moment in (ended_at - SECOND, ended_at):
        job = make_job(now=LONG_AGO, scheduled_at=moment, max_attempts=1)
        if state == "cancelled":
            transitions.cancel(job, now=moment)
        else:
            run_due(OK if state == "completed" else REFUSED, now=moment)
    assert set(Job.objects.values_list("state", flat=True)) == {state}
    assert prune().jobs == 1
    assert Job.objects.get().scheduled_at == ended_at


def test_what_has_not_ended_stays_however_old_and_what_is_behind_it_still_goes():
    waiting = [make_job(now=LONG_AGO, scheduled_at=NOON + DAY) for _ in range(7)]
    make_job(now=LONG_AGO, scheduled_at=LONG_AGO)
    run_due(OK, now=LONG_AGO)
    assert prune(batch=3).jobs == 1
    assert Job.objects.count() == len(waiting)


def test_a_job_that_was_retried_while_it_was_looked_at_stays():
    job = make_job(now=LONG_AGO, scheduled_at=LONG_AGO, max_attempts=1)
    run_due(REFUSED, now=LONG_AGO)
    transitions.retry(Job.objects.get(id=job.id), now=NOON)
    assert old_rows.delete_jobs([job.id], NOON - 90 * DAY) == 0
    assert Job.objects.filter(id=job.id).exists()


def test_thousands_of_jobs_go_in_windows_that_are_read_by_id():
    user = make_user()
    make_many(2500, user=user)
    with CaptureQueriesContext(connection) as queries:
        assert prune(batch=1000).jobs == 2500
    reads = [query["sql"] for query in queries if '"jobs_job"."discarded_at" AS' in query["sql"]]
    assert len(reads) <= 4
    assert all("LIMIT 1000" in sql for sql in reads)


def make_many(count: int, *, user: User) -> None:
    Job.objects.bulk_create(
        Job(
            user=user,
            state="completed",
            inserted_at=LONG_AGO,
            scheduled_at=LONG_AGO,
            completed_at=LONG_AGO,
            args={},
            method="get",
            url="https://example.com",
            timeout_seconds=30,
            max_attempts=5,
        )
        for _ in range(count)
    )


# --- Deliveries -------------------------------------------------------------------------------------------------------


def test_deliveries_go_thirty_days_after_they_ended_and_pending_ones_stay():
    for outcome in (OK, answered(410), REFUSED):
        make_job(now=LONG_AGO, scheduled_at=LONG_AGO, callback_url="https://example.com/callback")
        run_due(OK, now=LONG_AGO)
        deliver_due(outcome, now=LONG_AGO)
    assert prune(now=LONG_AGO + 30 * DAY).deliveries == 0
    assert prune(now=LONG_AGO + 30 * DAY + SECOND).deliveries == 2
    assert Delivery.objects.get().state == "pending"


# --- The rest ---------------------------------------------------------------------------------------------------------


def test_a_deleted_schedule_goes_when_the_last_of_its_jobs_has_gone():
    schedule = make_schedule(now=LONG_AGO, first=LONG_AGO)
    run_due(OK, now=LONG_AGO)
    schedules.delete(schedule, now=LONG_AGO)
    kept = make_schedule(now=LONG_AGO, first=NOON)
    assert prune(now=LONG_AGO + DAY).schedules == 0
    assert prune().schedules == 1
    assert Schedule.objects.get() == kept


def test_dead_processes_and_receivers_that_recovered_go_and_one_that_is_off_stays():
    take_lease(name="dead", now=NOON - 2 * timedelta(hours=1))
    take_lease(name="alive")
    for name, disabled_at in (("recovered", None), ("off", LONG_AGO)):
        Receiver.objects.create(
            user=make_user(),
            origin=f"https://{name}.example",
            failing_since=disabled_at,
            disabled_at=disabled_at,
            last_failed_at=LONG_AGO,
        )
    Tally.objects.create(id=uuid7(), name="dead", counts={"attempts|success": 3}, flushed_at=LONG_AGO)
    pruned = prune()
    assert (pruned.receivers, Receiver.objects.get().origin) == (1, "https://off.example")
    assert Process.objects.get().name == "alive"
    assert Tally.objects.get().counts == {"attempts|success": 3}


def test_when_time_is_up_the_rest_is_left_for_the_next_time():
    job = make_job()
    write_log_at(LONG_AGO, 10, job=job)
    turns = iter([True] * 5 + [False] * 20)
    pruned = prune(batch=3, has_time=lambda: next(turns))
    assert (pruned.log_events, pruned.is_all) == (6, False)
    assert prune(batch=3).log_events == 4


def test_each_kind_has_a_batch_in_turn_so_that_a_long_log_holds_up_no_jobs():
    make_many(6, user=make_user())
    write_log_at(LONG_AGO, 100, job=make_job())
    turns = iter([True] * 6 + [False] * 20)
    pruned = prune(batch=3, has_time=lambda: next(turns))
    assert (pruned.log_events, pruned.jobs, pruned.is_all) == (6, 6, False)


def test_deleting_gives_way_while_something_due_was_not_taken_up(monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []
    monkeypatch.setattr("jobs.operating.retention.time.sleep", pauses.append)
    Pace(pause_seconds=0.02).pause(0.5)
    Pace(pause_seconds=0.02, is_busy=lambda: True).pause(0.5)
    assert pauses == [0.02, 2.0]


def test_a_round_goes_on_where_the_one_before_has_come_to_and_now_and_then_begins_anew():
    places = Places()
    waiting = [make_job(now=LONG_AGO, scheduled_at=NOON + DAY) for _ in range(7)]
    retention.prune(now=NOON, pace=Pace(batch=3, pause_seconds=0), places=places)
    with CaptureQueriesContext(connection) as queries:
        retention.prune(now=NOON + SECOND, pace=Pace(batch=3, pause_seconds=0), places=places)
    assert sum('"jobs_job"."discarded_at" AS' in query["sql"] for query in queries) == 1
    transitions.cancel(waiting[0], now=NOON - 90 * DAY - SECOND)
    assert retention.prune(now=NOON + 2 * SECOND, places=places).jobs == 0
    assert retention.prune(now=NOON + 600 * SECOND, places=places).jobs == 1


def test_a_round_that_finds_nothing_old_goes_past_what_is_gone():
    places = Places()
    gone = [make_job() for _ in range(3)]
    first = make_job()
    Job.objects.filter(id__in=[job.id for job in gone]).delete()
    retention.prune(now=NOON + SECOND, places=places)
    assert places.job == first.id - 1
    transitions.cancel(first, now=NOON)
    assert retention.prune(now=NOON + 91 * DAY, places=places).jobs == 1


def test_what_ends_a_little_later_than_its_neighbours_goes_with_the_round_that_follows():
    places = Places()
    early, late = (make_job(now=LONG_AGO, scheduled_at=LONG_AGO) for _ in range(2))
    for job, seconds in ((early, 0), (late, 60)):
        transitions.cancel(job, now=LONG_AGO + seconds * SECOND)
    assert retention.prune(now=LONG_AGO + 90 * DAY + SECOND, places=places).jobs == 1
    assert retention.prune(now=LONG_AGO + 90 * DAY + 61 * SECOND, places=places).jobs == 1


def test_what_is_behind_is_told_by_kind():
    write_log_at(NOON - 32 * DAY, 1, job=make_job())
    make_many(1, user=make_user())
    assert backlog.seconds_behind(now=NOON) == {"log": 2 * 86400, "deliveries": 0.0, "jobs": 10 * 86400}
    prune()
    assert set(backlog.seconds_behind(now=NOON).values()) == {0.0}


def test_the_command_deletes_to_the_end_and_says_what(stopped_clock: StoppedClock):
    write_log_at(LONG_AGO, 5, job=make_job())
    output = StringIO()
    call_command("prune", "--batch=2", stdout=output)
    assert output.getvalue().startswith("5 log events, 0 deliveries, 0 jobs")
    with pytest.raises(CommandError, match="write a number of rows"):
        call_command("prune", "--batch=0")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped_clock")
def test_beat_prunes_and_shows_it_in_its_admin(settings: Settings):

    Scheduler(app=app, lazy=False)
    entry = PeriodicTask.objects.get(name="booper.prune")
    assert (entry.task, entry.enabled, str(entry.interval)) == ("booper.prune", True, "every 10 seconds")
    assert json.loads(entry.args) == []


def test_the_audit_trail_is_kept_for_a_year_and_usage_for_days(user: User) -> None:
    for days in (364, 366):
        at = NOON - timedelta(days=days)
        AuditEvent.objects.create(id=earliest_uuid7(at), at=at, user_id=user.id, actor="me", action=f"days.{days}")
    for days in (2, 4):
        Usage.objects.create(name="requests", subject=str(days), at=NOON - timedelta(days=days))
    retention.prune(now=NOON)
    assert AuditEvent.objects.get().action == "days.364"
    assert Usage.objects.get().subject == "2"
