"""Jobs that are not worth starting any more: what ends them, what does not, and who wins when two want them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.beat import Scheduler
from jobs.explaining import timeline
from jobs.models import Delivery, Job, JobState, LogEvent, Queue, Schedule
from jobs.recurring import backfills, firing, schedules
from jobs.running import attempts, queue_stage, transitions
from jobs.running.ended import Ended
from tests.api import Api, data_of, pointers_of
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import run_due

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
URL = "https://example.com/hook"
ARGS = {"url": URL, "expires_in": [1, "minutes"]}
QUEUE: dict[str, Any] = {"name": "q", "inserted_at": NOON, "refilled_at": NOON, "ready_at": NOON}


def make(**fields: Any) -> Job:
    return make_job(args=ARGS, **fields)


def state_of(job: Job) -> str:
    return Job.objects.get(id=job.id).state


def expire(minutes: float = 1) -> list[int]:
    return [job.id for job in transitions.expire(limit=10, now=NOON + minutes * MINUTE)]


def claim(minutes: float) -> list[int]:
    return [job.id for job in attempts.claim(uuid4(), limit=10, now=NOON + minutes * MINUTE)]


def create(api: Api, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = data_of(api.post("/api/jobs", {"url": URL, **fields}), status=201)
    return made


# Ends


def test_a_job_that_was_not_begun_by_then_is_cancelled_and_its_webhook_told_but_no_callback() -> None:
    job = make(webhook_url=URL, callback_url=URL)
    assert (expire(0.9), expire()) == ([], [job.id])
    stored = Job.objects.get(id=job.id)
    assert (stored.state, stored.cancelled_at, stored.attempt) == (JobState.CANCELLED, NOON + MINUTE, 0)
    [row] = LogEvent.objects.filter(job_id=job.id)
    assert (row.event, row.payload) == ("job.cancelled", {"reason": "expired"})
    [told] = Delivery.objects.filter(job_id=job.id)
    assert (told.kind, told.event) == ("webhook", "job.finished")
    assert timeline.of(stored, now=NOON + MINUTE).reason.code == "expired"


def test_a_worker_never_begins_what_has_expired_and_finds_what_is_due_behind_it() -> None:
    for _ in range(3):
        make()
    good = make_job()
    assert [job.id for job in attempts.claim(uuid4(), limit=1, now=NOON + MINUTE)] == [good.id]
    assert attempts.new_looks().finds_any(now=NOON + MINUTE) is False


def test_a_crowded_worker_shares_out_nothing_that_has_expired() -> None:
    make()
    other = make_job(user=make_user("bob@example.com"))
    claimed = attempts.claim(uuid4(), limit=10, is_crowded=True, now=NOON + MINUTE)
    assert [job.id for job in claimed] == [other.id]


def test_what_waits_in_a_paused_queue_expires_too() -> None:
    queue = Queue.objects.create(**QUEUE | {"ready_at": None, "paused_at": NOON}, user=make_user())
    job = make(queue_id=queue.id)
    assert expire() == [job.id]


def test_what_has_expired_in_a_queue_is_not_begun_and_holds_up_nothing() -> None:
    queue = Queue.objects.create(**QUEUE, user=make_user(), concurrency=1)
    make(queue_id=queue.id)
    good = make_job(queue_id=queue.id)
    started, _ = queue_stage.claim(uuid4(), limit=10, is_crowded=False, now=NOON + MINUTE)
    assert [item.row.id for item in started] == [good.id]


# Who wins


@pytest.mark.parametrize("is_claimed_first", [True, False])
def test_of_a_claim_and_the_sweep_exactly_one_wins(is_claimed_first: bool) -> None:
    job = make()
    # A worker whose clock is behind comes to it in the same moment.
    wins = [claim(0.99), expire()] if is_claimed_first else [expire(), claim(0.99)]
    assert wins == [[job.id], []]
    assert state_of(job) == (JobState.EXECUTING if is_claimed_first else JobState.CANCELLED)


def test_a_claim_that_comes_between_the_look_and_the_update_of_the_sweep_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    job = make(webhook_url=URL)
    cancel = transitions._cancel_locked

    def late(*args: Any, **kwargs: Any) -> list[Job]:
        assert claim(0.99) == [job.id]
        return cancel(*args, **kwargs)

    monkeypatch.setattr(transitions, "_cancel_locked", late)
    assert expire() == []
    assert state_of(job) == JobState.EXECUTING
    assert not LogEvent.objects.filter(event="job.cancelled").exists()


def test_a_sweep_that_is_repeated_tells_once() -> None:
    make(webhook_url=URL)
    assert [len(expire()), len(expire()), len(expire(9))] == [1, 0, 0]
    assert (LogEvent.objects.count(), Delivery.objects.count()) == (1, 1)


def test_a_sweep_that_dies_before_it_commits_has_done_nothing_and_the_next_one_does_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = make()
    with monkeypatch.context() as patched:
        patched.setattr(transitions, "log_cancellations", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            expire()
    assert state_of(job) == JobState.SCHEDULED
    assert expire() == [job.id]


def test_a_second_attempt_never_expires() -> None:
    worker_id = uuid4()
    make()
    [job] = attempts.claim(worker_id, limit=1, now=NOON)
    attempts.record(worker_id, [Ended(job=job, state=JobState.RETRYABLE, retry_at=NOON + 5 * MINUTE)], now=NOON)
    assert (expire(9), claim(9)) == ([], [job.id])


def test_a_sweep_with_nothing_to_do_costs_one_query() -> None:
    make_job()
    with CaptureQueriesContext(connection) as queries:
        assert expire(9) == []
    assert len(queries) == 1


def test_run_and_retry_clear_it() -> None:
    job = make()
    assert transitions.run_now(job, now=NOON) is not None
    assert (expire(9), claim(9)) == ([], [job.id])
    gone = make()
    assert expire() == [gone.id]
    assert transitions.retry(gone, now=NOON + 2 * MINUTE) is not None
    assert (expire(9), claim(9)) == ([], [gone.id])


def test_running_many_clears_it_too() -> None:
    job = make()
    transitions.run_locked([job.id], now=NOON)
    assert expire(9) == []


# Schedules


def test_each_run_of_a_schedule_expires_by_itself_and_the_schedule_goes_on() -> None:
    schedule = make_schedule(spec={"args": ARGS}, disable_after=1, overlap="skip")
    run = Job.objects.get(is_upcoming=False)
    assert expire() == [run.id]
    firing.fire_due(limit=10, now=NOON + MINUTE)
    second = Job.objects.get(is_upcoming=False, state=JobState.SCHEDULED)
    assert second.expires_at == NOON + 2 * MINUTE
    assert Job.objects.get(is_upcoming=True).expires_at == NOON + 3 * MINUTE
    row = Schedule.objects.get(id=schedule.id)
    assert (row.disabled_at, row.discarded_in_a_row, row.run_count) == (None, 0, 2)


def test_a_run_that_expires_lets_the_one_go_that_waits_for_it() -> None:
    make_schedule(spec={"args": {**ARGS, "overlap": "queue", "expires_in": 90}}, overlap="queue")
    firing.fire_due(limit=10, now=NOON + MINUTE)
    waiting = Job.objects.get(is_upcoming=True)
    assert waiting.scheduled_at > NOON + MINUTE
    assert len(expire(1.5)) == 1
    assert Job.objects.get(id=waiting.id).scheduled_at == NOON + 1.5 * MINUTE


def test_the_upcoming_run_never_expires_and_a_late_one_counts_from_its_own_time() -> None:
    make_schedule(spec={"args": ARGS}, first=NOON + MINUTE)
    assert expire(60) == []
    firing.fire_due(limit=10, now=NOON + 60.5 * MINUTE)
    late = Job.objects.get(is_upcoming=False)
    assert (late.scheduled_at, late.expires_at) == (NOON + 60 * MINUTE, NOON + 61 * MINUTE)


def test_backfilled_runs_do_not_expire_and_triggered_ones_do() -> None:
    schedule = make_schedule(spec={"args": ARGS}, first=NOON + MINUTE)
    [made] = backfills.make(schedule, [NOON - MINUTE], now=NOON)
    assert made.expires_at is None
    assert schedules.trigger(schedule, now=NOON).expires_at == NOON + MINUTE


def test_an_upcoming_run_that_is_run_now_does_not_expire(api: Api) -> None:
    made = create(api, repeat_every=3600, schedule_in=60, expires_in=5)
    assert made["expires_at"] == "2026-03-01T12:01:05Z"
    ran = data_of(api.post(f"/api/jobs/{made['job_id']}/run"))
    assert ran["expires_at"] is None
    assert Job.objects.get(is_upcoming=True).expires_at is not None


def test_the_edit_of_a_schedule_reaches_its_upcoming_run(api: Api) -> None:
    made = create(api, repeat_every=3600, schedule_in=60)
    path = f"/api/schedules/{made['schedule_id']}"
    data_of(api.patch(path, {"expires_in": 5}))
    assert Job.objects.get(is_upcoming=True).expires_at == NOON + timedelta(seconds=65)
    data_of(api.patch(path, {"expires_at": "2026-03-01T20:00:00Z", "name": "x"}))
    assert Job.objects.get(is_upcoming=True).expires_at == datetime.fromisoformat("2026-03-01T20:00:00Z")
    data_of(api.patch(path, {"expires_at": None}))
    assert Job.objects.get(is_upcoming=True).expires_at is None


# The API


def test_it_counts_from_when_the_job_is_due_and_moves_along(api: Api) -> None:
    made = create(api, schedule_in=60, expires_in=[10, "seconds"])
    assert made["expires_at"] == "2026-03-01T12:01:10Z"
    path = f"/api/jobs/{made['job_id']}"
    assert data_of(api.patch(path, {"schedule_in": 120}))["expires_at"] == "2026-03-01T12:02:10Z"
    assert data_of(api.patch(path, {"expires_in": 30}))["expires_at"] == "2026-03-01T12:02:30Z"
    moved = data_of(api.patch(path, {"expires_at": "2026-03-01T13:00:00Z"}))
    assert (moved["expires_at"], "expires_in" in moved["args"]) == ("2026-03-01T13:00:00Z", False)
    assert pointers_of(api.patch(path, {"scheduled_at": "2026-03-01T14:00:00Z"})) == ["/scheduled_at"]
    assert pointers_of(api.patch(path, {"expires_at": "2026-03-01T12:01:00Z"})) == ["/expires_at"]
    assert data_of(api.patch(path, {"expires_at": None}))["expires_at"] is None


def test_a_batch_takes_it_each_for_itself(api: Api) -> None:
    batch = {"jobs": [{"url": URL, "expires_in": 5}, {"url": URL}, {"url": URL, "expires_at": "2026-03-02"}]}
    made = data_of(api.post("/api/jobs/batch", batch), status=201)
    assert [job["expires_at"] for job in made] == ["2026-03-01T12:00:05Z", None, "2026-03-02T00:00:00Z"]
    assert list(Job.objects.order_by("id").values_list("expires_at", flat=True))[1] is None
    assert run_due(now=NOON + MINUTE) == 2


def test_an_alone_job_of_one_request_has_it_too(api: Api) -> None:
    made = create(api, expires_in=5)
    assert Job.objects.get(id=made["job_id"]).expires_at == NOON + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"expires_in": 0}, "/expires_in"),
        ({"expires_in": -1}, "/expires_in"),
        ({"expires_in": [1, "fortnight"]}, "/expires_in/1"),
        ({"expires_in": True}, "/expires_in"),
        ({"expires_in": "20 years"}, "/expires_in"),
        ({"expires_at": "soon"}, "/expires_at"),
        ({"expires_at": "2026-03-01T12:00:00Z"}, "/expires_at"),
        ({"expires_at": "2026-03-01T12:30:00Z", "schedule_in": [1, "hour"]}, "/expires_at"),
        ({"expires_in": 5, "expires_at": "2026-03-02"}, "/expires_at"),
    ],
)
def test_what_makes_no_sense_is_refused(api: Api, fields: dict[str, Any], pointer: str) -> None:
    assert pointers_of(api.post("/api/jobs", {"url": URL, **fields})) == [pointer]


def test_a_preview_says_it(api: Api) -> None:
    shown = data_of(api.post("/api/preview", {"cron": "0 9 * * *", "expires_in": [5, "minutes"]}))
    assert "cancelled if not begun within 5 minutes" in str(shown)


def test_beat_ends_what_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("jobs.beat.announcements.announce_deliveries", lambda _: told.append("deliveries"))
    monkeypatch.setattr("jobs.beat.clock.now", lambda: NOON + MINUTE)
    job = make(webhook_url=URL)
    beat = Scheduler.__new__(Scheduler)
    beat._expire_at = 0.0
    assert beat._expire() == 0.5
    assert (state_of(job), told) == (JobState.CANCELLED, ["deliveries"])
