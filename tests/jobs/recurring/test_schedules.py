"""Recurring jobs in the database: who writes the next run, who skips one, who ends them all."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from jobs.actions import bulk_cancel
from jobs.actions import job as actions_job
from jobs.models import Job, JobState, LogEvent, Schedule
from jobs.recurring import schedules as recurring_schedules
from jobs.recurring.schedules import Refused
from jobs.running import attempts, transitions
from jobs.running.ended import Ended
from jobs.specs import RecurrenceSpec
from tests.factories import NOON, make_schedule, make_spec, make_user
from tests.jobs.recurring.plans import MINUTE, fire_all, plan_of, to, upcoming_of

pytestmark = pytest.mark.django_db


def runs_of(schedule: Schedule) -> list[tuple[datetime | None, str]]:
    runs = Job.objects.filter(schedule=schedule, is_upcoming=False).order_by("occurrence_at")
    return list(runs.values_list("occurrence_at", "state"))


def complete(job: Job, *, body: Any, now: datetime) -> None:
    worker = uuid4()
    for claimed in attempts.claim(worker, limit=100, now=now):
        answer = {"status": 200, "headers": {}, "body": body, "duration_ms": 1, "truncated": False}
        attempts.record(worker, [Ended(job=claimed, state=JobState.COMPLETED, response=answer)], now=now)


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
