"""`$next_in` and `$next_at`: an answer says when its schedule runs next, and the grid goes on after that."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booper.outcomes.outcome import Outcome, Response
from jobs.models import Delivery, Job, JobState, LogEvent, Schedule
from jobs.recurring import backfills, firing, schedules, upcoming
from tests.api import Api, data_of
from tests.factories import NOON, make_schedule
from tests.runs import run_due

pytestmark = pytest.mark.django_db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def said(status: int = 200, **body: Any) -> Outcome:
    return Outcome(Response(status, (), json.dumps({f"${name}": body[name] for name in body}).encode(), False), None, 3)


def next_run() -> Job:
    return Job.objects.get(is_upcoming=True)


def refusals() -> list[str]:
    rows = LogEvent.objects.filter(event="job.error").order_by("id")
    return [row.payload["message"] for row in rows if row.payload["code"] == "steering_refused"]


def fire(at: Any) -> int:
    return firing.fire_due(limit=10, now=at)


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"next_in": [10, "seconds"]}, NOON + 10 * SECOND),
        ({"next_in": 1}, NOON + SECOND),
        ({"next_in": [1, "month"]}, NOON.replace(month=4)),
        ({"next_at": "2026-03-01T12:00:30.5Z"}, NOON + 30.5 * SECOND),
        ({"next_at": (NOON + MINUTE / 2).timestamp()}, NOON + 30 * SECOND),
        ({"next_at": (NOON + SECOND / 2).timestamp()}, NOON + SECOND),
    ],
)
def test_the_upcoming_run_is_had_then(asked: dict[str, Any], at: Any) -> None:
    make_schedule()
    before = next_run()
    run_due(said(**asked))
    run = next_run()
    assert (run.id, run.scheduled_at, run.occurrence_at, run.is_steered) == (before.id, at, at, True)
    [finished] = LogEvent.objects.filter(event="job.finished")
    assert finished.payload["steered"] == [f"${next(iter(asked))}"]
    assert refusals() == []


def test_the_grid_goes_on_after_a_run_that_came_earlier_and_after_one_that_came_later() -> None:
    make_schedule()
    run_due(said(next_in=10))
    assert fire(NOON + 10 * SECOND) == 1
    assert next_run().occurrence_at == NOON + MINUTE
    run_due(said(next_in=150), now=NOON + 10 * SECOND)
    assert fire(NOON + 2 * MINUTE) == 0
    assert fire(NOON + 160 * SECOND) == 1
    assert (next_run().occurrence_at, next_run().is_steered) == (NOON + 3 * MINUTE, False)


def test_it_counts_in_max_runs_and_a_schedule_that_is_done_stays_done() -> None:
    make_schedule(max_runs=2)
    run_due(said(next_in=5))
    fire(NOON + 5 * SECOND)
    schedule = Schedule.objects.get()
    assert (schedule.run_count, schedule.disabled_reason) == (2, firing.ALL_DONE)
    run_due(said(next_in=5), now=NOON + 5 * SECOND)
    assert not Job.objects.filter(is_upcoming=True).exists()
    assert refusals() == []


def test_it_is_without_jitter_also_where_the_run_has_to_wait_for_the_one_before() -> None:
    make_schedule(jitter_seconds=50.0, overlap="queue", spec={"args": {"url": "https://a.example", "overlap": "queue"}})
    at = next_run().scheduled_at if Job.objects.filter(is_upcoming=True, occurrence_at=NOON).exists() else NOON
    fire(at)
    run_due(said(next_in=[10, "seconds"]), now=at)
    assert next_run().scheduled_at == at + 10 * SECOND
    assert next_run().planned_at == at + 10 * SECOND


def test_triggered_and_backfilled_runs_say_nothing_about_the_next_one() -> None:
    schedule = make_schedule(first=NOON + 10 * MINUTE)
    schedules.trigger(schedule, now=NOON)
    [made] = backfills.make(schedule, [NOON - 5 * MINUTE], now=NOON)
    assert made.is_backfilled
    run_due(said(next_in=10))
    assert Job.objects.filter(state=JobState.COMPLETED).count() == 2
    assert next_run().occurrence_at == NOON + 10 * MINUTE
    assert refusals() == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"next_in": 0.5}, "less than a second"),
        ({"next_in": "soon"}, "$next_in can't be read"),
        ({"next_in": True}, "$next_in can't be read"),
        ({"next_at": "yesterday"}, "$next_at can't be read"),
        ({"next_at": {}}, "$next_at can't be read"),
        ({"next_at": "2026-03-01T11:00:00Z"}, "it is over"),
        ({"next_in": 5, "next_at": "2026-03-02"}, "$next_in says when already"),
        ({"next_in": [2, "days"]}, "ends_at"),
        ({"next_in": [11, "years"]}, "$next_in can't be read"),
    ],
)
def test_what_makes_no_sense_is_told_and_changes_nothing(asked: dict[str, Any], words: str) -> None:
    make_schedule(ends_at=NOON + timedelta(days=1))
    run_due(said(**asked))
    assert (next_run().occurrence_at, next_run().is_steered) == (NOON + MINUTE, False)
    [refusal] = refusals()
    assert words in refusal
    assert Job.objects.filter(state=JobState.COMPLETED).count() == 1


def test_a_failed_answer_or_one_that_pauses_or_stops_moves_nothing() -> None:
    make_schedule()
    run_due(said(503, next_in=10))
    assert next_run().occurrence_at == NOON + MINUTE
    fire(NOON + MINUTE)
    run_due(said(fail="no", next_in=10), now=NOON + MINUTE)
    assert next_run().occurrence_at == NOON + 2 * MINUTE
    fire(NOON + 2 * MINUTE)
    run_due(said(pause=True, next_in=10), now=NOON + 2 * MINUTE)
    assert not Job.objects.filter(is_upcoming=True).exists()
    assert refusals() == []


def test_a_run_that_was_had_before_its_time_is_not_had_again_by_way_of_a_steered_one() -> None:
    make_schedule()
    ahead = upcoming.run_upcoming(next_run(), now=NOON + SECOND)
    assert ahead is not None
    assert next_run().occurrence_at == NOON + 2 * MINUTE
    run_due(said(next_in=10), now=NOON + SECOND)
    assert next_run().occurrence_at == NOON + 11 * SECOND
    assert fire(NOON + 11 * SECOND) == 1
    assert next_run().occurrence_at == NOON + 2 * MINUTE
    Job.objects.filter(is_upcoming=True).update(occurrence_at=NOON + 30 * SECOND, is_steered=True)
    assert upcoming.cancel_upcoming(next_run(), ends_schedule=False, now=NOON + 12 * SECOND) is not None
    assert next_run().occurrence_at == NOON + 2 * MINUTE


def test_a_moment_that_a_run_was_made_for_already_is_refused() -> None:
    make_schedule()
    upcoming.run_upcoming(next_run(), now=NOON + SECOND)
    run_due(said(next_at=(NOON + MINUTE).timestamp()), now=NOON + SECOND)
    assert next_run().occurrence_at == NOON + 2 * MINUTE
    assert "made already" in refusals()[0]


def test_a_late_steered_run_is_made_up_for_once(settings: Any) -> None:
    make_schedule()
    run_due(said(next_in=10))
    later = NOON + 5 * MINUTE + 20 * SECOND
    assert fire(later) == 1
    assert next_run().occurrence_at == NOON + 6 * MINUTE
    assert Job.objects.filter(is_upcoming=False, occurrence_at=NOON + 5 * MINUTE).count() == 1


def test_an_edit_of_the_times_puts_the_run_back_on_the_grid_and_another_edit_leaves_it(api: Api) -> None:
    fields = {"url": "https://example.com/hook", "repeat_every": [1, "hour"]}
    made = data_of(api.post("/api/jobs", fields), status=201)
    run_due(said(next_in=600))
    path = f"/api/schedules/{made['schedule_id']}"
    data_of(api.patch(path, {"name": "other"}))
    assert (next_run().scheduled_at, next_run().name) == (NOON + 10 * MINUTE, "other")
    data_of(api.patch(path, {"repeat_every": [2, "hours"]}))
    assert (next_run().scheduled_at, next_run().is_steered) == (NOON + 120 * MINUTE, False)


def test_the_moved_run_expires_by_its_new_time_and_a_moment_is_read_in_the_zone_of_the_schedule(api: Api) -> None:
    fields = {
        "url": "https://example.com/hook",
        "repeat_every": [1, "day"],
        "expires_in": 60,
        "timezone": "Asia/Tokyo",
        "webhook_url": "https://example.com/w",
    }
    made = data_of(api.post("/api/jobs", fields), status=201)
    run_due(said(next_at="2026-03-02T00:00:00"))
    run = next_run()
    assert run.scheduled_at == NOON + 3 * 60 * MINUTE
    assert run.expires_at == run.scheduled_at + MINUTE
    told = '"steered":["$next_at"],"next_run_at":"2026-03-01T15:00:00Z"'
    assert told in Delivery.objects.get(event="job.finished").body
    timeline = data_of(api.get(f"/api/jobs/{made['job_id']}/timeline"))
    [ended] = [each["text"] for each in timeline["entries"] if (each["type"], each["name"]) == ("log", "job.finished")]
    assert ended == "ended: completed; it asked for the next run at 2026-03-01T15:00:00Z"
    assert data_of(api.get(f"/api/schedules/{made['schedule_id']}"))["next_run_at"] == "2026-03-01T15:00:00Z"


def test_firing_asks_for_no_more_than_before_where_no_run_was_steered() -> None:
    make_schedule()
    with CaptureQueriesContext(connection) as queries:
        fire(NOON + MINUTE)
    assert not any("MAX(" in query["sql"] and "occurrence_at" in query["sql"] for query in queries)


def test_a_hundred_schedules_that_ask_cost_as_many_queries_as_one() -> None:
    def queries_of(count: int, now: datetime) -> int:
        for _ in range(count):
            upcoming.run_upcoming(Job.objects.get(schedule_id=make_schedule().id, is_upcoming=True), now=now)
        with CaptureQueriesContext(connection) as queries:
            run_due(said(next_in=90), now=now)
        moved = Job.objects.filter(is_upcoming=True, is_steered=True, scheduled_at=now + 90 * SECOND)
        assert moved.count() == count
        return len(queries)

    one = queries_of(1, NOON + SECOND)
    assert queries_of(100, NOON + 2 * SECOND) <= one
