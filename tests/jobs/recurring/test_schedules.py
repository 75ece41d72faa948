"""Recurring jobs in the database: who writes the next run, who skips one, who ends them all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import InternalError, OperationalError, ProgrammingError, connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks
from psycopg import errors

from jobs.actions import bulk_cancel
from jobs.actions import job as actions_job
from jobs.models import Job, JobState, LogEvent, Schedule
from jobs.recurring import beat_edits, beat_entries, firing
from jobs.recurring import schedules as recurring_schedules
from jobs.recurring.schedules import Refused
from jobs.running import attempts, transitions
from jobs.running.attempts import Ended
from jobs.specs import JobSpec, RecurrenceSpec
from tests.factories import NOON, make_schedule, make_spec, make_user

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def plan_of(schedule: Schedule, **changes: Any) -> RecurrenceSpec:
    fields: dict[str, Any] = {
        "frequency": schedule.frequency,
        "timezone": schedule.timezone,
        "first_run_at": schedule.anchor_at,
    }
    return RecurrenceSpec(**fields | changes)


def to(plan: RecurrenceSpec) -> Callable[[Schedule], tuple[JobSpec, RecurrenceSpec]]:
    return lambda _: (make_spec(), plan)


def upcoming_of(schedule: Schedule) -> Job:
    return Job.objects.get(schedule=schedule, is_upcoming=True)


def runs_of(schedule: Schedule) -> list[tuple[datetime | None, str]]:
    runs = Job.objects.filter(schedule=schedule, is_upcoming=False).order_by("occurrence_at")
    return list(runs.values_list("occurrence_at", "state"))


def fire_all(now: datetime) -> int:
    total = 0
    while fired := firing.fire_due(limit=500, now=now):
        total += fired
    return total


def complete(job: Job, *, body: Any, now: datetime) -> None:
    worker = uuid4()
    for claimed in attempts.claim(worker, limit=100, now=now):
        answer = {"status": 200, "headers": {}, "body": body, "duration_ms": 1, "truncated": False}
        attempts.record(worker, [Ended(job=claimed, state=JobState.COMPLETED, response=answer)], now=now)


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


def test_a_schedule_ends_after_its_last_run():
    schedule = make_schedule(max_runs=2)
    fire_all(NOON + MINUTE)
    schedule.refresh_from_db()
    assert (len(runs_of(schedule)), schedule.disabled_at, schedule.run_count) == (2, NOON + MINUTE, 2)
    assert not Job.objects.filter(is_upcoming=True).exists()
    assert not PeriodicTask.objects.get(booper_schedule=schedule).enabled


def test_a_schedule_ends_at_its_end():
    schedule = make_schedule(ends_at=NOON + 90 * timedelta(seconds=1))
    fire_all(NOON + MINUTE)
    schedule.refresh_from_db()
    assert schedule.disabled_at == NOON + MINUTE


def test_cancelling_the_upcoming_run_ends_the_schedule():
    schedule = make_schedule()
    cancelled = actions_job.cancel_job(upcoming_of(schedule), now=NOON)
    assert cancelled is not None
    assert cancelled.state == "cancelled"
    schedule.refresh_from_db()
    assert schedule.disabled_at == NOON


def test_cancelling_just_the_upcoming_run_leaves_the_next_one():
    schedule = make_schedule()
    actions_job.cancel_job(upcoming_of(schedule), ends_schedule=False, now=NOON)
    schedule.refresh_from_db()
    assert schedule.disabled_at is None
    assert upcoming_of(schedule).scheduled_at == NOON + 2 * MINUTE


def test_skipping_a_run_that_was_moved_in_the_meantime_goes_on_from_where_it_is():
    schedule = make_schedule(first=NOON + MINUTE)
    seen_before = upcoming_of(schedule)
    moved = plan_of(schedule, starts_at=NOON + 2 * MINUTE)
    assert isinstance(recurring_schedules.edit(schedule, to(moved), now=NOON), Schedule)
    assert actions_job.cancel_job(seen_before, ends_schedule=False, now=NOON) is not None
    assert upcoming_of(schedule).scheduled_at == NOON + 3 * MINUTE


def test_cancelling_a_run_that_was_fired_leaves_the_schedule_alone():
    schedule = make_schedule()
    run = Job.objects.get(schedule=schedule, is_upcoming=False)
    assert actions_job.cancel_job(run, now=NOON) is not None
    schedule.refresh_from_db()
    assert schedule.disabled_at is None


def test_running_the_upcoming_run_now_takes_its_place_on_the_grid():
    schedule = make_schedule(first=NOON + MINUTE)
    fired = actions_job.run_job(upcoming_of(schedule), now=NOON)
    assert fired is not None
    assert (fired.scheduled_at, fired.is_upcoming) == (NOON, False)
    assert upcoming_of(schedule).scheduled_at == NOON + 2 * MINUTE


def test_disabling_drops_previous_and_keeps_state():
    schedule = make_schedule()
    complete(upcoming_of(schedule), body={"sent": 3, "$set": {"cursor": 7}}, now=NOON)
    schedule.refresh_from_db()
    assert (schedule.previous, schedule.state) == ({"sent": 3, "$set": {"cursor": 7}}, {"cursor": 7})
    disabled = recurring_schedules.disable(schedule, now=NOON + MINUTE)
    assert disabled is not None
    assert (disabled.previous, disabled.state) == ({}, {"cursor": 7})
    assert not Job.objects.filter(is_upcoming=True).exists()
    assert recurring_schedules.disable(schedule, now=NOON + MINUTE) is None


def test_cancelling_all_that_waits_drops_previous_as_disabling_does():
    schedule = make_schedule()
    complete(upcoming_of(schedule), body={"sent": 3}, now=NOON)
    bulk_cancel.cancel_matching(Job.objects.all(), now=NOON)
    schedule.refresh_from_db()
    assert (schedule.disabled_at, schedule.previous) == (NOON, {})


def test_the_last_run_is_sent_what_the_one_before_was_answered():
    schedule = make_schedule(max_runs=2)
    complete(upcoming_of(schedule), body={"sent": 3}, now=NOON)
    assert fire_all(NOON + MINUTE) == 1
    schedule.refresh_from_db()
    assert schedule.disabled_at == NOON + MINUTE
    assert schedule.previous == {"sent": 3}


def test_what_the_last_run_was_answered_shows_until_the_schedule_is_enabled_again():
    schedule = make_schedule(max_runs=1)
    worker = uuid4()
    [run] = attempts.claim(worker, limit=1, now=NOON)
    answer = {"status": 200, "headers": {}, "body": {"sent": 4}, "duration_ms": 1, "truncated": False}
    attempts.record(worker, [Ended(job=run, state=JobState.COMPLETED, response=answer)], now=NOON)
    schedule.refresh_from_db()
    assert schedule.previous == {"sent": 4}
    recurring_schedules.edit(schedule, to(plan_of(schedule, max_runs=5)), now=NOON)
    enabled = recurring_schedules.enable(schedule, now=NOON)
    assert isinstance(enabled, Schedule)
    assert enabled.previous == {}


def test_a_late_answer_of_a_run_from_before_disabling_is_not_previous():
    schedule = make_schedule()
    worker = uuid4()
    [run] = attempts.claim(worker, limit=1, now=NOON)
    recurring_schedules.disable(schedule, now=NOON + MINUTE)
    answer = {"status": 200, "headers": {}, "body": {"old": 1}, "duration_ms": 1, "truncated": False}
    attempts.record(worker, [Ended(job=run, state=JobState.COMPLETED, response=answer)], now=NOON + 2 * MINUTE)
    schedule.refresh_from_db()
    assert schedule.previous == {}


def test_enabling_starts_from_now_without_a_stampede():
    schedule = make_schedule()
    recurring_schedules.disable(schedule, now=NOON)
    later = NOON + timedelta(days=3, seconds=20)
    enabled = recurring_schedules.enable(schedule, now=later)
    assert isinstance(enabled, Schedule)
    assert upcoming_of(schedule).scheduled_at == NOON + timedelta(days=3, minutes=1)
    assert fire_all(later) == 0


def test_enabling_right_after_disabling_runs_at_the_very_time_that_was_cancelled():
    schedule = make_schedule(first=NOON + MINUTE)
    recurring_schedules.disable(schedule, now=NOON)
    assert isinstance(recurring_schedules.enable(schedule, now=NOON), Schedule)
    assert upcoming_of(schedule).scheduled_at == NOON + MINUTE


def test_a_time_whose_run_was_made_early_is_not_run_again_after_a_pause():
    schedule = make_schedule(first=NOON + MINUTE)
    actions_job.run_job(upcoming_of(schedule), now=NOON)
    recurring_schedules.disable(schedule, now=NOON)
    assert isinstance(recurring_schedules.enable(schedule, now=NOON), Schedule)
    assert upcoming_of(schedule).scheduled_at == NOON + 2 * MINUTE


def test_other_bounds_leave_a_time_alone_whose_run_was_made_early():
    schedule = make_schedule(first=NOON + MINUTE)
    actions_job.run_job(upcoming_of(schedule), now=NOON)
    bounded = plan_of(schedule, ends_at=NOON + timedelta(days=1))
    edited = recurring_schedules.edit(schedule, to(bounded), now=NOON)
    assert isinstance(edited, Schedule)
    assert upcoming_of(schedule).scheduled_at == NOON + 2 * MINUTE


def test_another_grid_runs_at_times_whose_runs_were_made_early_on_the_old_one():
    schedule = make_schedule(first=NOON + 2 * MINUTE)
    actions_job.run_job(upcoming_of(schedule), now=NOON)
    faster = plan_of(schedule, frequency={"cron": "* * * * *"})
    assert isinstance(recurring_schedules.edit(schedule, to(faster), now=NOON), Schedule)
    for minute in (1, 2, 3):
        fire_all(NOON + minute * MINUTE)
    assert [at for at, _ in runs_of(schedule) if at is not None] == [NOON + n * MINUTE for n in (1, 2, 3)]


def test_a_grid_that_is_moved_to_now_begins_now():
    schedule = make_schedule(first=NOON + MINUTE)
    moved = plan_of(schedule, first_run_at=NOON + timedelta(seconds=20))
    recurring_schedules.edit(schedule, to(moved), now=NOON + timedelta(seconds=20))
    assert upcoming_of(schedule).scheduled_at == NOON + timedelta(seconds=20)


def test_enabling_a_schedule_whose_runs_are_all_done_is_refused():
    schedule = make_schedule(max_runs=1)
    assert isinstance(recurring_schedules.enable(schedule, now=NOON), Refused)


def test_a_late_answer_of_a_run_from_before_the_pause_does_not_come_back_as_previous():
    schedule = make_schedule()
    worker = uuid4()
    [run] = attempts.claim(worker, limit=1, now=NOON)
    recurring_schedules.disable(schedule, now=NOON + MINUTE)
    recurring_schedules.enable(schedule, now=NOON + 2 * MINUTE)
    answer = {"status": 200, "headers": {}, "body": {"old": 1}, "duration_ms": 1, "truncated": False}
    attempts.record(worker, [Ended(job=run, state=JobState.COMPLETED, response=answer)], now=NOON + 3 * MINUTE)
    schedule.refresh_from_db()
    assert schedule.previous == {}


def test_concurrent_runs_lose_no_set_key_of_each_other():
    schedule = make_schedule(frequency={"repeat_every": [1, "seconds"]})
    fire_all(NOON + timedelta(seconds=3))
    worker = uuid4()
    for number, run in enumerate(attempts.claim(worker, limit=10, now=NOON + timedelta(seconds=3))):
        answer = {"status": 200, "headers": {}, "body": {"$set": {f"k{number}": number}}, "duration_ms": 1}
        attempts.record(worker, [Ended(job=run, state=JobState.COMPLETED, response=answer)], now=NOON + MINUTE)
    schedule.refresh_from_db()
    assert schedule.state == {"k0": 0, "k1": 1, "k2": 2, "k3": 3}


def test_recording_a_run_locks_its_schedule_before_its_job():
    """Whoever edits or ends a schedule locks in that order: the other way round the two would wait for each other."""
    make_schedule()
    worker = uuid4()
    [run] = attempts.claim(worker, limit=1, now=NOON)
    answer = {"status": 200, "headers": {}, "body": {"$set": {"a": 1}}, "duration_ms": 1}
    with CaptureQueriesContext(
        connection,
    ) as queries:
        attempts.record(worker, [Ended(job=run, state=JobState.COMPLETED, response=answer)], now=NOON)
    statements = [query["sql"] for query in queries.captured_queries]
    [schedule_read] = [
        n for n, text in enumerate(statements) if text.startswith("SELECT") and 'FROM "jobs_schedule"' in text
    ]
    [job_written] = [n for n, text in enumerate(statements) if "UPDATE jobs_job" in text]
    assert schedule_read < job_written
    assert ("FOR NO KEY UPDATE" in statements[schedule_read]) == (connection.vendor == "postgresql")


def test_a_set_that_is_refused_leaves_the_state_and_a_log_row():
    schedule = make_schedule()
    complete(upcoming_of(schedule), body={"$set": {"big": "x" * 70_000}}, now=NOON)
    schedule.refresh_from_db()
    assert schedule.state == {}
    refusal = LogEvent.objects.get(event="job.error")
    assert refusal.payload["code"] == "set_refused"
    assert Job.objects.get(schedule=schedule, is_upcoming=False).state == "completed"


@pytest.mark.parametrize("body", ['{"$set": {"big": "' + "x" * 65_000, '{"n": NaN, "$set": {"a": 1}}'])
def test_a_set_in_an_answer_that_is_no_whole_json_leaves_a_log_row(body):
    schedule = make_schedule()
    complete(upcoming_of(schedule), body=body, now=NOON)
    schedule.refresh_from_db()
    assert schedule.state == {}
    refusal = LogEvent.objects.get(event="job.error")
    assert refusal.payload["code"] == "set_refused"
    assert "65536 bytes" in refusal.payload["message"]


def test_a_text_about_a_set_is_no_set():
    complete(upcoming_of(make_schedule()), body='answer {"$set": {}} to set something', now=NOON)
    assert not LogEvent.objects.filter(event="job.error").exists()


def test_a_failed_run_sets_nothing():
    schedule = make_schedule()
    worker = uuid4()
    [run] = attempts.claim(worker, limit=1, now=NOON)
    answer = {"status": 500, "headers": {}, "body": {"$set": {"a": 1}}, "duration_ms": 1, "truncated": False}
    failed = Ended(job=run, state=JobState.DISCARDED, response=answer, error={"code": "http_status", "message": "500"})
    attempts.record(worker, [failed], now=NOON)
    schedule.refresh_from_db()
    assert (schedule.state, schedule.previous) == ({}, {})


def test_a_deleted_schedule_runs_no_more_and_its_history_stays():
    schedule = make_schedule()
    assert recurring_schedules.delete(schedule, now=NOON) is not None
    assert not Schedule.objects.existing().exists()
    assert runs_of(schedule)[0] == (NOON, "scheduled")
    assert not PeriodicTask.objects.filter(task="booper.fire_schedule").exists()
    assert not CrontabSchedule.objects.filter(hour="9").exists()
    assert recurring_schedules.delete(schedule, now=NOON) is None


def test_a_trigger_is_one_more_run_outside_the_grid():
    schedule = make_schedule()
    job = recurring_schedules.trigger(schedule, now=NOON + timedelta(seconds=10))
    assert (job.occurrence_at, job.schedule_id, job.is_upcoming) == (None, schedule.id, False)
    assert upcoming_of(schedule).scheduled_at == NOON + MINUTE


def test_a_key_covers_schedules_that_are_enabled_and_jobs_alike():
    schedule = make_schedule(spec={"idempotency_key": "k"})
    again = transitions.schedule(make_spec(idempotency_key="k"), user_id=make_user().id, now=NOON)
    assert (again.is_new, again.job.schedule_id) == (False, schedule.id)
    recurring_schedules.disable(schedule, now=NOON)
    Job.objects.filter(is_upcoming=False).delete()
    assert transitions.schedule(make_spec(idempotency_key="k"), user_id=make_user().id, now=NOON).is_new


def test_a_schedule_whose_key_is_held_leaves_nothing_behind():
    schedule = make_schedule(spec={"idempotency_key": "k"})
    plan = RecurrenceSpec(frequency={"cron": "0 0 * * *"}, timezone="UTC", first_run_at=NOON + MINUTE)
    again = recurring_schedules.create(make_spec(idempotency_key="k"), plan, user_id=make_user().id, now=NOON)
    assert (again.is_new, again.job) == (False, upcoming_of(schedule))
    assert list(Schedule.objects.all()) == [schedule]
    assert (PeriodicTask.objects.count(), CrontabSchedule.objects.count()) == (1, 0)


def test_each_schedule_has_its_entry_in_django_celery_beat():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * MON-FRI"}, timezone="Europe/London")
    entry = PeriodicTask.objects.get(booper_schedule=schedule)
    crontab = entry.crontab
    assert crontab is not None
    assert (crontab.minute, crontab.hour, crontab.day_of_week, str(crontab.timezone)) == (
        "0",
        "9",
        "1-5",
        "Europe/London",
    )
    assert (entry.task, entry.enabled) == ("booper.fire_schedule", True)


def test_no_key_in_a_url_is_shown_in_django_celery_beat():
    entry = make_schedule(spec={"url": "https://example.com/hook?api_key=hunter2"}).periodic_task
    assert entry is not None
    assert entry.name.startswith("https://example.com/hook (")
    assert entry.description == "POST https://example.com/hook"


def test_making_and_firing_schedules_makes_no_beat_read_its_table_again():
    before = PeriodicTasks.last_change()
    schedule = make_schedule()
    fire_all(NOON + MINUTE)
    recurring_schedules.disable(schedule, now=NOON + MINUTE)
    recurring_schedules.delete(schedule, now=NOON + MINUTE)
    assert PeriodicTasks.last_change() == before


def test_firing_shows_in_the_entry():
    schedule = make_schedule()
    fire_all(NOON + MINUTE)
    entry = PeriodicTask.objects.get(booper_schedule=schedule)
    assert (entry.total_run_count, entry.last_run_at) == (2, NOON + MINUTE)


def test_switching_an_entry_off_in_its_admin_disables_the_schedule_and_on_again_enables_it():
    schedule = make_schedule()
    PeriodicTask.objects.update(enabled=False)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    assert Schedule.objects.get(id=schedule.id).disabled_at == NOON
    PeriodicTask.objects.update(enabled=True)
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON + MINUTE)
    schedule.refresh_from_db()
    assert schedule.disabled_at is None
    assert schedule.frequency == {"repeat_every": [1, "minutes"]}
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_another_time_set_in_its_admin_moves_the_upcoming_run():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    CrontabSchedule.objects.update(hour="15", timezone="Europe/Paris")
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert (schedule.frequency, schedule.timezone) == ({"cron": "0 15 * * *"}, "Europe/Paris")
    assert (schedule.args["cron"], schedule.args["timezone"]) == ("0 15 * * *", "Europe/Paris")
    assert upcoming_of(schedule).scheduled_at == datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_an_entry_deleted_in_its_admin_disables_the_schedule():
    schedule = make_schedule()
    PeriodicTask.objects.all().delete()
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert schedule.disabled_at == NOON


def test_a_time_that_cannot_be_read_disables_that_schedule_alone():
    bad = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    good = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 10 * * *"})
    CrontabSchedule.objects.filter(hour="9").update(hour="99")
    CrontabSchedule.objects.filter(hour="10").update(hour="11")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.disabled_at, good.frequency) == (NOON, {"cron": "0 11 * * *"})
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def applied_twice() -> list[int]:
    """How many edits are taken over, and how many are left to be: beat would go on with those for ever."""
    return [beat_edits.apply(beat_entries.edited(limit=10), now=NOON) for _ in range(2)]


def test_a_time_set_together_with_switching_off_is_taken_over():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    CrontabSchedule.objects.update(hour="15")
    PeriodicTask.objects.update(enabled=False)
    assert applied_twice() == [1, 0]
    schedule.refresh_from_db()
    assert (schedule.frequency, schedule.disabled_at) == ({"cron": "0 15 * * *"}, NOON)


def test_time_and_start_of_a_schedule_that_is_off_are_taken_over():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    recurring_schedules.disable(schedule, now=NOON)
    CrontabSchedule.objects.update(hour="15")
    PeriodicTask.objects.update(start_time=NOON + timedelta(days=1))
    assert applied_twice() == [1, 0]
    schedule.refresh_from_db()
    assert (schedule.frequency, schedule.starts_at) == ({"cron": "0 15 * * *"}, NOON + timedelta(days=1))
    assert schedule.disabled_at == NOON


def test_the_same_in_other_words_changes_nothing():
    hourly = make_schedule(first=NOON + MINUTE, frequency={"repeat_every": [60, "minutes"]})
    weekdays = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * MON-FRI"})
    IntervalSchedule.objects.update(every=60, period="minutes")
    CrontabSchedule.objects.update(day_of_week="MON-FRI")
    assert applied_twice() == [2, 0]
    for schedule, frequency in ((hourly, {"repeat_every": [60, "minutes"]}), (weekdays, {"cron": "0 9 * * MON-FRI"})):
        schedule.refresh_from_db()
        assert (schedule.frequency, schedule.disabled_at) == (frequency, None)


def test_edits_are_found_some_at_a_time_each_once():
    for _ in range(5):
        make_schedule(first=NOON + MINUTE)
    PeriodicTask.objects.update(enabled=False)
    everything = beat_entries.edited(limit=10)
    first = beat_entries.edited(limit=3)
    assert first + beat_entries.edited(after=first[-1], limit=3) == everything
    assert len(everything) == 5


def test_an_edit_that_leaves_no_run_ends_the_schedule():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "* * * * *"}, ends_at=NOON + timedelta(days=1))
    CrontabSchedule.objects.update(month_of_year="12")
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert (schedule.frequency, schedule.disabled_at) == ({"cron": "* * * 12 *"}, NOON)
    assert not PeriodicTask.objects.get(booper_schedule=schedule).enabled
    assert not Job.objects.filter(is_upcoming=True).exists()
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_an_entry_that_cannot_be_switched_on_is_shown_as_off_again():
    schedule = make_schedule(max_runs=1)
    PeriodicTask.objects.update(enabled=True)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    assert not PeriodicTask.objects.get(booper_schedule=schedule).enabled
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_start_and_end_set_in_its_admin_bound_the_schedule():
    schedule = make_schedule(
        first=NOON + MINUTE, spec={"args": {"url": "https://example.com/", "ends_at": "2026-03-09"}}
    )
    tomorrow, later = NOON + timedelta(days=1), NOON + timedelta(days=2)
    PeriodicTask.objects.update(start_time=tomorrow, expires=later)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert (schedule.starts_at, schedule.ends_at) == (tomorrow, later)
    assert (schedule.args["starts_at"], schedule.args["ends_at"]) == ("2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z")
    assert upcoming_of(schedule).scheduled_at == tomorrow
    PeriodicTask.objects.update(start_time=None, expires=None)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert (schedule.starts_at, schedule.ends_at) == (None, None)
    assert not {"starts_at", "ends_at"} & schedule.args.keys()
    assert upcoming_of(schedule).scheduled_at == NOON + MINUTE
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_an_end_in_the_past_set_in_its_admin_ends_the_schedule():
    schedule = make_schedule(first=NOON + MINUTE)
    PeriodicTask.objects.update(expires=NOON - MINUTE)
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    schedule.refresh_from_db()
    assert (schedule.ends_at, schedule.disabled_at) == (NOON - MINUTE, NOON)


def test_an_edit_that_fails_holds_up_no_other(monkeypatch):
    schedules = [make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"}) for _ in range(3)]
    CrontabSchedule.objects.update(hour="15")
    edit = recurring_schedules.edit

    def fails_for_one(schedule: Schedule, *args: Any, **kwargs: Any) -> Any:
        if schedule.id == schedules[1].id:
            raise RuntimeError("a row that nobody foresaw")
        return edit(schedule, *args, **kwargs)

    monkeypatch.setattr(recurring_schedules, "edit", fails_for_one)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 2
    hours = [Schedule.objects.get(id=schedule.id).frequency["cron"] for schedule in schedules]
    assert hours == ["0 15 * * *", "0 9 * * *", "0 15 * * *"]


def test_edits_are_taken_over_some_at_a_time():
    for _ in range(5):
        make_schedule()
    PeriodicTask.objects.update(enabled=False)
    assert [beat_edits.apply(beat_entries.edited(limit=2), now=NOON) for _ in range(4)] == [2, 2, 1, 0]
    assert not Schedule.objects.filter(disabled_at__isnull=True).exists()


def test_what_the_api_changed_since_is_not_undone_by_an_edit_found_before(monkeypatch):
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    CrontabSchedule.objects.update(hour="15")
    found = beat_entries.edited(limit=10)
    recurring_schedules.edit(schedule, to(plan_of(schedule, frequency={"cron": "0 20 * * *"})), now=NOON)
    monkeypatch.setattr(beat_entries, "edited", lambda *, limit: found)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0
    schedule.refresh_from_db()
    assert schedule.frequency == {"cron": "0 20 * * *"}


@pytest.mark.parametrize(
    ("frequency", "every", "period"),
    [
        ([2, "minutes"], 2, "minutes"),
        ([90, "seconds"], 90, "seconds"),
        ([1.5, "hours"], 90, "minutes"),
        ([1.5, "seconds"], 1_500_000, "microseconds"),
        ([2147.25, "seconds"], 2_147_250_000, "microseconds"),
        ([2147.75, "seconds"], 2148, "seconds"),
        ([1, "weeks"], 7, "days"),
        ([1, "months"], 30, "days"),
    ],
)
def test_an_interval_is_shown_in_the_units_its_admin_knows(frequency, every, period):
    schedule = make_schedule(frequency={"repeat_every": frequency})
    interval = PeriodicTask.objects.get(booper_schedule=schedule).interval
    assert interval is not None
    assert (interval.every, interval.period) == (every, period)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0
