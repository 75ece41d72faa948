"""Schedules with several crons, and with jitter: what the database, the entry in beat and an outage make of them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from booper.timing import jitter
from jobs.models import Job, Schedule
from jobs.outgoing import requests
from jobs.recurring import beat_edits, beat_entries, firing
from tests.api import Api, data_of, pointers_of
from tests.conftest import StoppedClock
from tests.factories import NOON, make_schedule

pytestmark = pytest.mark.django_db

REQUEST: dict[str, Any] = {"url": "https://example.com/hook"}
CRONS = ["0 13 * * *", "30 12 * * *"]
HOUR = timedelta(hours=1)


def make(api: Api, **fields: Any) -> dict[str, Any]:
    job = data_of(api.post("/api/jobs", REQUEST | fields), status=201)
    found: dict[str, Any] = data_of(api.get(f"/api/schedules/{job['schedule_id']}"))
    return found


def upcoming() -> Job:
    return Job.objects.get(is_upcoming=True)


# Several crons


def test_the_next_run_is_the_first_of_any(api: Api) -> None:
    made = make(api, cron=CRONS)
    assert made["frequency"] == {"cron": CRONS}
    assert made["next_run_at"] == "2026-03-01T12:30:00Z"
    firing.fire_due(limit=10, now=NOON + timedelta(minutes=30))
    assert upcoming().occurrence_at == NOON + HOUR


def test_the_entry_shows_the_first_and_names_the_others(api: Api) -> None:
    make(api, cron=CRONS, timezone="Europe/London")
    assert PeriodicTask.objects.get().description.endswith("\nAlso by cron: 30 12 * * *")
    assert (CrontabSchedule.objects.get().hour, str(CrontabSchedule.objects.get().timezone)) == ("13", "Europe/London")
    assert beat_entries.edited(limit=10) == []


def test_an_edit_of_the_zone_moves_all_of_them_and_one_of_the_fields_takes_their_place(api: Api) -> None:
    made = make(api, cron=CRONS)
    CrontabSchedule.objects.update(timezone="Asia/Tokyo")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    row = Schedule.objects.get(id=made["id"])
    assert (row.frequency, row.timezone) == ({"cron": CRONS}, "Asia/Tokyo")
    CrontabSchedule.objects.update(hour="7")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    assert Schedule.objects.get(id=made["id"]).frequency == {"cron": "0 7 * * *"}


@pytest.mark.parametrize(
    ("cron", "pointer"),
    [
        ([], "/cron"),
        (["0 9 * * *"] * 21, "/cron"),
        (["0 9 * * *", "60 * * * *"], "/cron/1"),
        (["0 9 * * *", 7], "/cron/1"),
        ([["0 9 * * *"]], "/cron/0"),
        ({"a": 1}, "/cron"),
    ],
)
def test_a_list_that_is_none_is_refused_where_it_is_wrong(api: Api, cron: Any, pointer: str) -> None:
    assert pointers_of(api.post("/api/jobs", REQUEST | {"cron": cron})) == [pointer]


def test_a_form_and_a_batch_take_a_list_too(api: Api) -> None:
    form = "url=https%3A%2F%2Fexample.com&cron[]=0+13+*+*+*&cron[]=30+12+*+*+*"
    job = data_of(api.post("/api/jobs", form, content_type="application/x-www-form-urlencoded"), status=201)
    assert job["job"]["scheduled_at"] == "2026-03-01T12:30:00Z"
    batch = {"jobs": [REQUEST | {"cron": CRONS, "jitter": 60}]}
    [job] = data_of(api.post("/api/jobs/batch", batch), status=201)
    late = datetime.fromisoformat(job["job"]["scheduled_at"]) - (NOON + HOUR / 2)
    assert timedelta() <= late < timedelta(minutes=1)


# Jitter


def test_a_run_is_later_by_what_its_schedule_and_time_decide(api: Api) -> None:
    made = make(api, cron="0 13 * * *", jitter=[10, "minutes"])
    job = upcoming()
    assert made["jitter"] == [10, "minutes"]
    assert job.schedule_id is not None
    assert job.occurrence_at == NOON + HOUR
    assert job.scheduled_at == NOON + HOUR + jitter.delay(job.schedule_id, NOON + HOUR, longest_seconds=600)
    assert NOON + HOUR <= job.scheduled_at < NOON + HOUR + timedelta(minutes=10)
    assert requests.described(job)["scheduled_at"] == "2026-03-01T13:00:00Z"


def test_the_grid_is_without_it() -> None:
    schedule = make_schedule(first=NOON + HOUR, jitter_seconds=50.0)
    for step in range(4):
        job = upcoming()
        assert job.occurrence_at == NOON + HOUR + timedelta(minutes=step)
        assert job.scheduled_at == schedule.due_at(job.occurrence_at)
        firing.fire_due(limit=10, now=job.scheduled_at)


def test_it_is_taken_changed_and_taken_away(api: Api, stopped_clock: StoppedClock) -> None:
    made = make(api, cron="0 13 * * *", jitter="10 minutes")
    path = f"/api/schedules/{made['id']}"
    later = data_of(api.patch(path, {"jitter": [20, "hours"]}))["next_run_at"]
    assert later > "2026-03-01T13:10:00Z" or later != made["next_run_at"]
    assert data_of(api.patch(path, {"jitter": None}))["next_run_at"] == "2026-03-01T13:00:00Z"


def test_after_an_outage_the_one_late_run_is_one_whose_time_is_over() -> None:
    schedule = make_schedule(first=NOON + HOUR, jitter_seconds=50.0)
    now = NOON + 2 * HOUR + timedelta(seconds=20)
    firing.fire_due(limit=10, now=now)
    [fired] = Job.objects.filter(is_upcoming=False)
    assert fired.occurrence_at is not None
    assert now - timedelta(minutes=2) < fired.occurrence_at
    assert fired.scheduled_at == schedule.due_at(fired.occurrence_at) <= now


@pytest.mark.parametrize(
    "fields",
    [
        {"cron": "*/5 * * * *", "jitter": 300},
        {"cron": ["0 9 * * *", "1 9 * * *"], "jitter": 60},
        {"repeat_every": 60, "jitter": [1, "minute"]},
        {"repeat_every": [1, "month"], "jitter": [28, "days"]},
        {"repeat_every": 60, "jitter": -1},
        {"repeat_every": 60, "jitter": True},
        {"schedule_in": 60, "jitter": 5},
    ],
)
def test_one_as_long_as_the_interval_or_none_at_all_is_refused(api: Api, fields: dict[str, Any]) -> None:
    assert pointers_of(api.post("/api/jobs", REQUEST | fields)) == ["/jitter"]


def test_the_preview_says_both_in_words(api: Api) -> None:
    preview = data_of(api.post("/api/preview", {"cron": CRONS, "jitter": 90, "count": 2}))
    assert preview["description"] == "at 13:00 every day; at 12:30 every day, UTC, each later by up to 90 seconds"
    assert [run["at"] for run in preview["runs"]] == ["2026-03-01T12:30:00Z", "2026-03-01T13:00:00Z"]


def test_a_run_that_jitter_puts_off_expires_so_much_later(api: Api) -> None:
    make(api, cron="0 13 * * *", jitter=[10, "minutes"], expires_in=[5, "minutes"])
    firing.fire_due(limit=10, now=NOON + 2 * HOUR)
    run = upcoming()
    assert run.occurrence_at == NOON + timedelta(days=1, hours=1) != run.scheduled_at
    assert run.expires_at == run.scheduled_at + timedelta(minutes=5)
