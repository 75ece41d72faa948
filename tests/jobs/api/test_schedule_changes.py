"""PATCH /api/schedules/{id}, and edits in django-celery-beat's admin: what a change does to the runs to come."""

from typing import Any

import pytest
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from jobs.models import Job, LogEvent
from jobs.recurring import beat_edits, beat_entries, firing
from tests.api import FORM, Api, data_of, problem_of
from tests.conftest import StoppedClock
from tests.factories import NOON
from tests.jobs.api.daily import DAILY, make, upcoming


def test_a_change_takes_the_place_of_what_was_there(api: Api) -> None:
    path = make(api, name="old", timeout=5, headers={"X-A": "1"})
    changed = data_of(
        api.patch(path, {"name": "new", "headers": {"X-B": "2"}, "timeout": None, "url": "HTTPS://B.example"})
    )
    assert changed["name"] == "new"
    assert changed["args"] == {**DAILY, "name": "new", "headers": {"X-B": "2"}, "url": "HTTPS://B.example"}
    assert changed == data_of(api.get(path))
    job = upcoming()
    assert (job.name, job.url, job.timeout_seconds, job.args) == ("new", "https://b.example/", 30, changed["args"])
    assert changed["next_run_at"] == "2026-03-01T13:00:00Z"


def test_a_change_by_form_is_taken_too(api: Api) -> None:
    path = make(api)
    response = api.call("PATCH", path, "cron=0+15+*+*+*&max_runs=9", content_type=FORM)
    assert (data_of(response)["frequency"], data_of(response)["max_runs"]) == ({"cron": "0 15 * * *"}, 9)


def test_a_run_that_has_begun_goes_on_as_it_was(api: Api) -> None:
    path = make(api, repeat_every=60)
    api.patch(path, {"url": "https://other.example/"})
    urls = Job.objects.order_by("id").values_list("url", flat=True)
    assert list(urls) == ["https://example.com/hook", "https://other.example/"]


def test_cron_takes_the_place_of_an_interval_and_the_other_way_round(api: Api) -> None:
    path = make(api)
    changed = data_of(api.patch(path, {"repeat_every": [10, "minutes"]}))
    assert changed["frequency"] == {"repeat_every": [10, "minutes"]}
    assert "cron" not in changed["args"]
    # The grid of an interval hangs on the first run, which was to be at 13:00.
    assert changed["next_run_at"] == "2026-03-01T13:00:00Z"
    interval = PeriodicTask.objects.get(task="booper.fire_schedule").interval
    assert (interval.every, interval.period) == (10, "minutes")
    back = data_of(api.patch(path, {"cron": "*/7 * * * *", "repeat_every": None}))
    assert (back["frequency"], back["next_run_at"]) == ({"cron": "*/7 * * * *"}, "2026-03-01T12:07:00Z")
    assert "repeat_every" not in back["args"]
    assert not IntervalSchedule.objects.exists()


def test_an_interval_stays_on_its_grid_when_it_changes(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api, repeat_every=60)
    stopped_clock.advance(seconds=90)
    firing.fire_due(limit=5, now=stopped_clock.moment)
    assert data_of(api.patch(path, {"repeat_every": 25}))["next_run_at"] == "2026-03-01T12:01:40Z"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schedule_in": 10}, ["12:00:30", "12:01:30"]),
        ({"scheduled_at": "2026-03-01T15:00:00Z"}, ["15:00:00", "15:01:00"]),
        ({"scheduled_at": "2026-03-01T15:00:00", "timezone": "Europe/Paris"}, ["14:00:00", "14:01:00"]),
        ({"schedule_in": 0}, ["12:00:20", "12:01:20"]),
        ({"scheduled_at": 0}, ["12:00:20", "12:01:20"]),
        ({"schedule_in": 10, "repeat_every": 5}, ["12:00:30", "12:00:35"]),
        ({"schedule_in": 10, "starts_at": "2026-03-01T13:00:00Z"}, ["13:00:00", "13:01:00"]),
        ({"starts_at": "2026-03-01T13:00:10Z"}, ["13:01:00", "13:02:00"]),
    ],
)
def test_a_new_time_moves_the_grid(
    api: Api, stopped_clock: StoppedClock, change: dict[str, Any], expected: list[str]
) -> None:
    path = make(api, repeat_every=60)
    stopped_clock.advance(seconds=20)
    moved = data_of(api.patch(path, change))
    assert moved["next_run_at"] == f"2026-03-01T{expected[0]}Z"
    stopped_clock.moment = upcoming().scheduled_at
    firing.fire_due(limit=5, now=stopped_clock.moment)
    assert data_of(api.get(path))["next_run_at"] == f"2026-03-01T{expected[1]}Z"


def test_the_wait_before_the_first_run_does_not_come_again_with_a_change(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api, repeat_every=60, schedule_in=30)
    stopped_clock.advance(minutes=10)
    firing.fire_due(limit=5, now=stopped_clock.moment)
    before = data_of(api.get(path))
    changed = data_of(api.patch(path, {"name": "x"}))
    assert changed["next_run_at"] == before["next_run_at"] == "2026-03-01T12:10:30Z"
    assert changed["args"]["schedule_in"] == 30
    moved = data_of(api.patch(path, {"scheduled_at": "2026-03-01T13:00:00Z"}))
    assert "schedule_in" not in moved["args"]


def test_a_cron_with_signs_in_its_day_fields_is_kept_as_written_and_stands_in_its_entry(api: Api) -> None:
    path = make(api, cron="0 9 LW * *")
    made = data_of(api.get(path))
    assert (made["frequency"], made["next_run_at"]) == ({"cron": "0 9 LW * *"}, "2026-03-31T09:00:00Z")
    changed = data_of(api.patch(path, {"cron": "0 9 15w * fri#1"}))
    assert (changed["frequency"], changed["next_run_at"]) == ({"cron": "0 9 15w * fri#1"}, "2026-03-06T09:00:00Z")
    entry = PeriodicTask.objects.select_related("crontab").get(task="booper.fire_schedule")
    assert (entry.crontab.day_of_month, entry.crontab.day_of_week) == ("15W", "5#1")
    assert "15" in entry.crontab.human_readable


def test_a_cron_with_signs_can_be_edited_in_the_admin(api: Api) -> None:
    path = make(api, cron="0 9 L * *")
    CrontabSchedule.objects.update(hour="10")
    PeriodicTask.objects.get(task="booper.fire_schedule").save()
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    assert data_of(api.get(path))["frequency"] == {"cron": "0 10 L * *"}


def test_another_zone_moves_a_cron_schedule(api: Api) -> None:
    path = make(api)
    assert data_of(api.patch(path, {"timezone": "America/New_York"}))["next_run_at"] == "2026-03-01T18:00:00Z"
    assert data_of(api.patch(path, {"timezone": None}))["next_run_at"] == "2026-03-01T13:00:00Z"


def test_a_disabled_schedule_can_be_changed_and_stays_disabled(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api, ends_at="2026-03-05T00:00:00Z", max_runs=5)
    api.post(f"{path}/disable")
    stopped_clock.advance(days=9)
    changed = data_of(api.patch(path, {"cron": "0 14 * * *", "name": "x"}))
    assert (changed["next_run_at"], changed["name"]) == (None, "x")
    data_of(api.patch(path, {"ends_at": None}))
    assert data_of(api.post(f"{path}/enable"))["next_run_at"] == "2026-03-10T14:00:00Z"


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({}, "", "nothing to change"),
        ({"url": None}, "/url", "required"),
        ({"cron": None}, "", "needs cron or repeat_every"),
        ({"cron": "0 9 * * *", "repeat_every": 60}, "/repeat_every", "one or the other"),
        ({"cron": "0 0 30 2 *"}, "/cron", "never matches"),
        ({"timezone": "Nowhere"}, "/timezone", "not a known time zone"),
        ({"repeat_every": 0.5}, "/repeat_every", "too short"),
        ({"nmae": "x"}, "/nmae", "did you mean name?"),
        ({"count": 5}, "/count", "no such field"),
        ({"managed_by": None}, "/managed_by", "no such field"),
        ({"nme": None, "name": "x"}, "/nme", "did you mean name?"),
        ({"ends_at": "2026-03-01T12:30:00Z"}, "/ends_at", "no run is left"),
        ({"ends_at": "2026-03-01T12:30:00Z", "schedule_in": [1, "hour"]}, "/ends_at", "the first would be"),
        ({"starts_at": "2026-05-01", "ends_at": "2026-04-01"}, "/ends_at", "not after starts_at"),
        ({"max_runs": 0}, "/max_runs", "from 1 to"),
        ({"max_runs": 1}, "/max_runs", "1 runs are done already"),
        ({"headers": {"Host": "x"}}, "/headers/Host", "leave it out"),
        ({"schedule_in": 5, "scheduled_at": 5}, "/scheduled_at", "one or the other"),
    ],
)
def test_a_change_that_does_not_fit_is_refused_and_changes_nothing(
    api: Api, stopped_clock: StoppedClock, change: dict[str, Any], pointer: str, words: str
) -> None:
    path = make(api, max_runs=5, schedule_in=0)
    before = data_of(api.get(path))
    problem = problem_of(api.patch(path, change), status=400)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["errors"][0]["detail"]
    assert data_of(api.get(path)) == before


def test_a_key_that_another_job_holds_cannot_be_taken(api: Api) -> None:
    make(api, idempotency_key="k")
    path = make(api)
    problem = problem_of(api.patch(path, {"idempotency_key": "k", "name": "x"}), status=409)
    assert "can't be changed: another job holds the idempotency key 'k'" in problem["detail"]
    assert data_of(api.get(path))["name"] is None


def test_a_key_that_came_as_a_header_outlives_a_change(api: Api) -> None:
    job = data_of(api.post("/api/jobs", DAILY, Idempotency_Key="k"), status=201)
    path = f"/api/schedules/{job['schedule_id']}"
    data_of(api.patch(path, {"name": "x"}))
    assert upcoming().idempotency_key == "k"
    data_of(api.patch(path, {"idempotency_key": None}))
    assert upcoming().idempotency_key is None


def test_an_edit_in_the_admin_shows_in_the_api(api: Api) -> None:
    path = make(api, name="lunch")
    CrontabSchedule.objects.update(hour="15", timezone="Europe/Paris")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    edited = data_of(api.get(path))
    assert (edited["frequency"], edited["timezone"]) == ({"cron": "0 15 * * *"}, "Europe/Paris")
    assert edited["next_run_at"] == "2026-03-01T14:00:00Z"
    assert edited["args"] == {**DAILY, "name": "lunch", "cron": "0 15 * * *", "timezone": "Europe/Paris"}


def test_a_change_by_the_api_keeps_what_was_edited_in_the_admin(api: Api) -> None:
    path = make(api)
    CrontabSchedule.objects.update(hour="15", timezone="Europe/Paris")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    changed = data_of(api.patch(path, {"name": "x"}))
    assert (changed["timezone"], changed["next_run_at"]) == ("Europe/Paris", "2026-03-01T14:00:00Z")


def test_a_cron_made_an_interval_in_the_admin_shows_in_the_api(api: Api) -> None:
    path = make(api)
    interval = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.filter(task="booper.fire_schedule").update(crontab=None, interval=interval)
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    edited = data_of(api.get(path))
    assert edited["frequency"] == {"repeat_every": [5, "minutes"]}
    assert "cron" not in edited["args"]


def test_a_switch_in_the_admin_shows_in_the_api_and_the_other_way_round(api: Api) -> None:
    path = make(api)
    entry = PeriodicTask.objects.filter(task="booper.fire_schedule")
    entry.update(enabled=False)
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    assert data_of(api.get(path))["disabled_at"] == "2026-03-01T12:00:00Z"
    data_of(api.post(f"{path}/enable"))
    assert entry.get().enabled
    data_of(api.patch(path, {"cron": "30 16 * * *", "description": "tea"}))
    found = entry.get()
    assert (found.crontab.hour, found.crontab.minute, found.description) == ("16", "30", "tea")
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_what_cannot_be_run_is_shown_as_disabled(api: Api) -> None:
    path = make(api)
    CrontabSchedule.objects.update(hour="99")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    shown = data_of(api.get(path))
    assert (shown["frequency"], shown["disabled_at"]) == ({"cron": "0 13 * * *"}, "2026-03-01T12:00:00Z")
    assert LogEvent.objects.get().payload == {"reason": "schedule_disabled"}
