"""Why a job ran late or has not run, and how long it was in each state."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.engine.stage import Finished
from jobs.explaining import timeline
from jobs.explaining.timeline import Timeline
from jobs.models import Job, LogEvent, ProcessRole, Queue
from jobs.queues import limits as queues_limits
from jobs.recurring import firing, schedules
from jobs.running import stage, transitions
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import OK, REFUSED, answered, deliver_due, run_due, start_due, take_lease

pytestmark = pytest.mark.django_db

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def timeline_of(job: Job, *, now: datetime) -> Timeline:
    return timeline.of(Job.objects.get(id=job.id), now=now)


def reason_of(job: Job, *, now: datetime) -> tuple[str, str]:
    reason = timeline_of(job, now=now).reason
    return reason.code.value, reason.message


def lines_of(found: Timeline) -> list[str]:
    return [f"{(entry.at - NOON).total_seconds():g} {entry.type} {entry.text}" for entry in found.entries]


# --- Not run yet ------------------------------------------------------------------------------------------------------


def test_one_that_is_not_due_is_scheduled_for_later():
    job = make_job(scheduled_at=NOON + HOUR)
    found = timeline_of(job, now=NOON + MINUTE)
    assert (found.reason.code, found.reason.until) == ("scheduled_later", NOON + HOUR)
    assert "2026-03-01T13:00:00Z" in found.reason.message
    assert (found.seconds_in_states, found.late_seconds) == ({"scheduled": 60}, None)


def test_one_that_is_due_without_any_worker_says_so_and_what_to_do():
    job = make_job()
    code, message = reason_of(job, now=NOON + 5 * MINUTE)
    assert (code, "due for 5 min" in message, "celery -A config worker" in message) == ("no_workers", True, True)


def test_one_behind_others_says_how_many():
    take_lease(now=NOON)
    for _ in range(3):
        make_job(scheduled_at=NOON)
    for _ in range(2):
        # How many others have is none of its owner's business.
        make_job(user=make_user("grace@example.com"), scheduled_at=NOON)
    job = make_job(scheduled_at=NOON + SECOND)
    assert reason_of(job, now=NOON + 3 * SECOND) == (
        "waiting_for_worker",
        "due for 2 s, with 3 jobs of yours due before it: the workers are busy",
    )
    found = timeline_of(job, now=NOON + 3 * SECOND)
    assert found.seconds_in_states == {"available": 2, "scheduled": 1}
    assert found.late_seconds == 2


def test_a_run_of_a_schedule_that_is_due_waits_for_beat():
    schedule = make_schedule(first=NOON + MINUTE)
    job = Job.objects.get(schedule=schedule, is_upcoming=True)
    assert reason_of(job, now=NOON)[0] == "scheduled_later"
    assert reason_of(job, now=NOON + 2 * MINUTE)[0] == "no_beat"
    take_lease(ProcessRole.BEAT, now=NOON + 2 * MINUTE)
    assert reason_of(job, now=NOON + 2 * MINUTE)[0] == "waiting_for_beat"


def test_one_on_the_wire_says_for_how_long_and_how_long_it_may_be():
    job = make_job(timeout_seconds=30.0)
    start_due(take_lease(now=NOON).id)
    assert reason_of(job, now=NOON + 3 * SECOND) == (
        "executing",
        "attempt 1 is on the wire for 3 s and may take 30 s",
    )


def test_one_whose_worker_is_silent_is_about_to_be_taken_up_by_another():
    job = make_job()
    start_due(take_lease(now=NOON).id)
    assert reason_of(job, now=NOON + MINUTE)[0] == "lease_lost"
    stage.rescue(limit=10, now=NOON + MINUTE)
    take_lease(now=NOON + 2 * MINUTE)
    code, message = reason_of(job, now=NOON + 2 * MINUTE)
    assert (code, "attempt 1" in message) == ("lease_lost", True)


def test_one_that_failed_says_why_and_when_it_is_tried_again():
    job = make_job(backoff_seconds=[600.0])
    run_due(answered(503))
    found = timeline_of(job, now=NOON + MINUTE)
    assert (found.reason.code, found.reason.until) == ("retrying_until", NOON + 10 * MINUTE)
    assert "attempt 1 of 5 failed (the target answered 503 Service Unavailable)" in found.reason.message
    assert found.seconds_in_states == {"retryable": 60}


# --- Queues -----------------------------------------------------------------------------------------------------------


def make_queued_job(**limits: int | float | bool | None) -> tuple[Job, Queue]:
    take_lease(now=NOON)
    queue = queues_limits.named(make_user().id, "mail", now=NOON)
    fields = {"concurrency": None, "rate_limit": None, "rate_seconds": None, "is_paused": False} | limits
    queue = queues_limits.configure(queue, **fields, now=NOON)  # type: ignore[arg-type]
    job = make_job()
    Job.objects.filter(id=job.id).update(queue=queue)
    return job, queue


def test_a_paused_queue_is_why():
    job, _ = make_queued_job(is_paused=True)
    code, message = reason_of(job, now=NOON + MINUTE)
    assert (code, "its queue 'mail' is paused since 2026-03-01T12:00:00Z" in message) == ("paused", True)


def test_a_full_queue_is_why():
    job, queue = make_queued_job(concurrency=1)
    running = make_job()
    Job.objects.filter(id=running.id).update(queue=queue, state="executing", worker_id=uuid4())
    assert reason_of(job, now=NOON + SECOND)[0] == "queue_full"


def test_a_rate_is_why():
    job, queue = make_queued_job(rate_limit=1, rate_seconds=60.0)
    Queue.objects.filter(id=queue.id).update(tokens=0.0)
    assert reason_of(job, now=NOON + SECOND)[0] == "queue_rate"


def test_a_queue_with_room_is_not():
    job, _ = make_queued_job(concurrency=5)
    assert reason_of(job, now=NOON + SECOND)[0] == "waiting_for_worker"


# --- Ended ------------------------------------------------------------------------------------------------------------


def test_one_that_ran_when_it_was_due_was_on_time():
    job = make_job(scheduled_at=NOON + MINUTE)
    run_due(OK, now=NOON + MINUTE, until=NOON + MINUTE + SECOND)
    found = timeline_of(job, now=NOON + HOUR)
    assert (found.reason.code, found.late_seconds) == ("on_time", 0)
    assert found.seconds_in_states == {"scheduled": 60, "executing": 1}


def test_one_that_was_taken_up_late_waited_for_a_worker():
    job = make_job()
    run_due(OK, now=NOON + MINUTE)
    found = timeline_of(job, now=NOON + HOUR)
    assert (found.reason.code, found.late_seconds) == ("waiting_for_worker", 60)
    assert found.seconds_in_states == {"available": 60}


def test_one_that_was_retried_says_what_went_wrong_before():
    job = make_job(backoff_seconds=[60.0])
    run_due(REFUSED)
    run_due(OK, now=NOON + 90 * SECOND)
    found = timeline_of(job, now=NOON + HOUR)
    assert (found.reason.code, "nobody listens there" in found.reason.message) == ("retried", True)
    assert found.seconds_in_states == {"retryable": 90}


def test_one_that_lost_a_worker_says_so():
    job = make_job()
    start_due(uuid4())
    stage.rescue(limit=10, now=NOON + MINUTE)
    run_due(OK, now=NOON + 2 * MINUTE)
    found = timeline_of(job, now=NOON + HOUR)
    assert found.reason.code == "lease_lost"
    assert found.seconds_in_states == {"executing": 60, "retryable": 60}


def test_one_that_was_given_up_says_after_which_attempt_and_why():
    job = make_job(max_attempts=1)
    run_due(answered(500))
    assert reason_of(job, now=NOON + HOUR) == (
        "discarded",
        "no attempt was left after attempt 1 of 1: the target answered 500 Internal Server Error",
    )


def test_one_whose_target_is_gone_says_that_it_was_not_to_be_retried():
    job = make_job()
    run_due(answered(410))
    code, message = reason_of(job, now=NOON + HOUR)
    assert (code, message.startswith("it was not to be retried after attempt 1 of 5")) == ("discarded", True)


def test_one_that_was_cancelled_says_when():
    job = make_job(scheduled_at=NOON + HOUR)
    transitions.cancel(job, now=NOON + MINUTE)
    found = timeline_of(job, now=NOON + 2 * HOUR)
    assert (found.reason.code, found.reason.message) == ("cancelled", "it was cancelled, at 2026-03-01T12:01:00Z")
    assert found.seconds_in_states == {"scheduled": 60}


def test_an_answer_after_the_cancel_is_shown_and_counts_for_nothing():
    job = make_job()
    worker = take_lease(now=NOON).id
    started = start_due(worker)
    transitions.cancel(job, now=NOON + SECOND)
    stage.record(worker, [Finished(started[0], answered(500))], now=NOON + MINUTE)
    found = timeline_of(job, now=NOON + HOUR)
    assert (found.reason.code, found.seconds_in_states) == ("cancelled", {"executing": 1})
    assert lines_of(found)[-2:] == [
        "60 log answered 500 after 30 ms",
        "60 log failed: the target answered 500 Internal Server Error",
    ]


def test_one_that_is_retried_after_its_end_waits_again():
    job = make_job(max_attempts=1)
    run_due(answered(500))
    job.refresh_from_db()
    transitions.retry(job, now=NOON + HOUR)
    found = timeline_of(job, now=NOON + HOUR + MINUTE)
    assert (found.reason.code, found.seconds_in_states) == ("no_workers", {"retryable": 60})
    run_due(OK, now=NOON + HOUR + 2 * MINUTE)
    found = timeline_of(job, now=NOON + 2 * HOUR)
    assert (found.reason.code, found.seconds_in_states) == ("retried", {"retryable": 120})


# --- Runs of schedules ------------------------------------------------------------------------------------------------


def fire(now: datetime) -> None:
    firing.fire_due(limit=100, now=now)


def test_a_run_of_a_schedule_that_was_switched_off_was_paused():
    schedule = make_schedule(first=NOON + MINUTE)
    job = Job.objects.get(schedule=schedule)
    schedules.disable(schedule, now=NOON)
    assert reason_of(job, now=NOON + HOUR)[0] == "paused"


def test_a_run_that_was_skipped_for_the_one_before_says_so():
    schedule = make_schedule(overlap="skip")
    fire(NOON + MINUTE)
    skipped = Job.objects.get(schedule=schedule, occurrence_at=NOON + MINUTE)
    assert reason_of(skipped, now=NOON + HOUR)[0] == "overlap"


def test_a_run_that_was_missed_and_not_wanted_later_says_so():
    schedule = make_schedule(first=NOON + MINUTE, catch_up="skip")
    job = Job.objects.get(schedule=schedule)
    fire(NOON + 10 * MINUTE)
    assert reason_of(job, now=NOON + HOUR)[0] == "catch_up"


def test_a_run_that_was_made_up_for_after_an_outage_says_so():
    schedule = make_schedule(first=NOON + HOUR, frequency={"repeat_every": [1, "hours"]})
    job = Job.objects.get(schedule=schedule)
    fire(NOON + HOUR + 20 * MINUTE)
    run_due(OK, now=NOON + HOUR + 20 * MINUTE)
    found = timeline_of(job, now=NOON + 2 * HOUR)
    assert (found.reason.code, found.late_seconds) == ("catch_up", 1200)


def test_a_run_that_beat_fired_late_says_so():
    schedule = make_schedule(first=NOON + HOUR, frequency={"repeat_every": [1, "hours"]})
    job = Job.objects.get(schedule=schedule)
    fire(NOON + HOUR + 30 * SECOND)
    run_due(OK, now=NOON + HOUR + 31 * SECOND)
    assert reason_of(job, now=NOON + 2 * HOUR)[0] == "waiting_for_beat"


def test_a_run_that_was_fired_in_time_and_taken_up_late_waited_for_a_worker():
    schedule = make_schedule(first=NOON + HOUR, frequency={"repeat_every": [1, "hours"]})
    job = Job.objects.get(schedule=schedule)
    fire(NOON + HOUR)
    run_due(OK, now=NOON + HOUR + 31 * SECOND)
    assert reason_of(job, now=NOON + 2 * HOUR)[0] == "waiting_for_worker"


# --- What is shown ----------------------------------------------------------------------------------------------------


def test_all_that_happened_is_shown_in_order():
    job = make_job(scheduled_at=NOON + 5 * SECOND, callback_url="https://example.com/callback", backoff_seconds=[10.0])
    run_due(REFUSED, now=NOON + 6 * SECOND, until=NOON + 7 * SECOND)
    run_due(OK, now=NOON + 17 * SECOND, until=NOON + 18 * SECOND)
    deliver_due(answered(410), now=NOON + 19 * SECOND)
    found = timeline_of(job, now=NOON + MINUTE)
    assert lines_of(found) == [
        "0 wait waited 5 s until it was due",
        "5 wait waited 1 s until it was taken up",
        "6 log attempt 1 began",
        "6 log sent post https://example.com/hook",
        "7 log failed: nobody listens there",
        "7 wait waited 10 s until it was due",
        "17 log attempt 2 began",
        "17 log sent post https://example.com/hook",
        "18 log answered 200 after 30 ms",
        "18 log ended: completed",
        "18 delivery callback to https://example.com/callback: failed for good in attempt 1",
        "19 log callback job.result was not delivered, attempt 1: the target answered 410 Gone, which is never retried",
    ]
    assert sum(found.seconds_in_states.values()) == 18
    assert found.is_complete


def test_of_a_job_whose_log_was_pruned_its_columns_tell_what_is_left():
    job = make_job()
    run_due(OK, now=NOON + MINUTE, until=NOON + MINUTE + 3 * SECOND)
    LogEvent.objects.all().delete()
    found = timeline_of(job, now=NOON + HOUR)
    assert (found.entries, found.seconds_in_states) == ([], {"executing": 3})
    assert (found.is_complete, found.late_seconds) == (False, None)
    assert "no longer kept" in found.reason.message


def test_of_a_log_that_begins_in_the_middle_no_more_is_said_than_is_known():
    job = make_job(backoff_seconds=[10.0])
    run_due(REFUSED)
    run_due(OK, now=NOON + 20 * SECOND, until=NOON + 21 * SECOND)
    LogEvent.objects.filter(attempt=1).delete()
    found = timeline_of(job, now=NOON + HOUR)
    assert (found.is_complete, found.seconds_in_states) == (False, {"executing": 1})


def test_a_long_history_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timeline, "MOST", 5)
    job = make_job(backoff_seconds=[1.0])
    for second in range(0, 8, 2):
        run_due(REFUSED, now=NOON + second * SECOND)
    assert not timeline_of(job, now=NOON + HOUR).is_complete


@pytest.mark.parametrize("attempts", [1, 4])
def test_it_costs_eight_queries_at_most_however_long_the_history(attempts: int):
    job = make_job(webhook_url="https://example.com/webhook", backoff_seconds=[1.0])
    take_lease(now=NOON + HOUR)
    for second in range(attempts):
        run_due(REFUSED, now=NOON + second * SECOND)
    job = Job.objects.get(id=job.id)
    with CaptureQueriesContext(connection) as queries:
        timeline.of(job, now=NOON + HOUR)
    assert len(queries) <= 8
