"""/api/calendars, and schedules that run on no day of one, or on those alone."""

import subprocess
from datetime import date, datetime, timedelta
from threading import BoundedSemaphore
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booper.calendars import ics
from jobs.models import Calendar, Job, JobState, Schedule
from jobs.recurring import calendars, firing
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import StoppedClock
from tests.factories import NOON

URL = "https://example.com/hook"
pytestmark = pytest.mark.django_db

ICS = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//Example//EN\r
BEGIN:VEVENT\r
UID:1\r
DTSTAMP:20260101T000000Z\r
DTSTART;VALUE=DATE:20200106\r
RRULE:FREQ=WEEKLY;BYDAY=MO\r
END:VEVENT\r
END:VCALENDAR\r
"""


def day(ahead: int) -> str:
    return (NOON + timedelta(days=ahead)).date().isoformat()


def at(ahead: int, hour: int = 9) -> datetime:
    return (NOON + timedelta(days=ahead)).replace(hour=hour, minute=0, second=0, microsecond=0)


def put(api: Api, name: str, *days: Any, status: int = 201, **fields: Any) -> Any:
    body = ({"dates": list(days)} if days else {}) | fields
    return data_of(api.call("PUT", f"/api/calendars/{name}", body), status=status)


def daily(api: Api, **fields: Any) -> Any:
    return data_of(api.call("POST", "/api/jobs", {"url": URL, "cron": "0 9 * * *", **fields}), status=201)


def next_run() -> datetime:
    return Job.objects.get(is_upcoming=True).scheduled_at


# Calendars


def test_a_calendar_is_made_read_listed_and_deleted(api: Api) -> None:
    made = put(api, "closed", day(1), {"from": day(3), "to": day(5)})
    assert made["day_count"] == 4
    assert made["next_days"] == [day(1), day(3), day(4), day(5)]
    assert made["used_by"] == []
    assert data_of(api.call("GET", "/api/calendars/closed")) == made
    [listed] = data_of(api.call("GET", "/api/calendars"))
    assert listed == {name: value for name, value in made.items() if name != "ics"}
    data_of(api.call("DELETE", "/api/calendars/closed"))
    problem_of(api.call("GET", "/api/calendars/closed"), status=404)


def test_the_same_body_twice_changes_nothing(api: Api, stopped_clock: StoppedClock) -> None:
    made = put(api, "closed", day(1))
    stopped_clock.advance(hours=1)
    assert put(api, "closed", day(1), status=200) == made


def test_public_holidays_are_those_of_the_country_and_its_part(api: Api) -> None:
    scottish = put(api, "scotland", country="GB", subdivision="SCT")
    assert Calendar.objects.get(name="scotland").listed_days.end_of_span(date(2026, 12, 25).toordinal())
    assert scottish["day_count"] > 80
    for fields, pointer in (
        ({"country": "XX"}, "/country"),
        ({"country": "GB", "subdivision": "XX"}, "/subdivision"),
        ({"subdivision": "SCT"}, "/subdivision"),
    ):
        refused = api.call("PUT", "/api/calendars/x", fields)
        assert pointers_of(refused) == [pointer]


def test_events_are_expanded_ten_years_ahead(api: Api) -> None:
    made = put(api, "mondays", ics=ICS)
    assert made["ics"] == ICS
    assert 570 <= made["day_count"] <= 640
    assert {datetime.fromisoformat(each).weekday() for each in made["next_days"]} == {0}


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"])
def test_a_rule_that_takes_for_ever_is_refused_within_seconds(api: Api, rule: str) -> None:
    hostile = ICS.replace("FREQ=WEEKLY;BYDAY=MO", rule)
    assert pointers_of(api.call("PUT", "/api/calendars/x", {"ics": hostile})) == ["/ics"]


def test_events_that_no_process_is_left_to_read_are_no_fault_of_theirs(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ics, "_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(ics, "_PLACES", BoundedSemaphore(1))
    with ics._PLACES:
        refused = api.call("PUT", "/api/calendars/mondays", {"ics": ICS})
    problem = problem_of(refused, status=503)
    assert problem["type"].endswith("unavailable")
    assert refused.headers["Retry-After"] == "5"
    assert not Calendar.objects.exists()
    put(api, "mondays", ics=ICS)


def test_the_process_that_reads_events_knows_no_key_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Mock(return_value=subprocess.CompletedProcess([], 0, stdout='{"days": []}'))
    monkeypatch.setattr(subprocess, "run", run)
    assert ics.days(ICS, since=date(2026, 1, 1), until=date(2027, 1, 1)) == []
    assert run.call_args.kwargs["env"] == {}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"dates": "2026-12-25"}, "/dates"),
        ({"dates": ["2026-02-30"]}, "/dates/0"),
        ({"dates": [1]}, "/dates/0"),
        ({"dates": [{"from": "2026-12-25"}]}, "/dates/0/to"),
        ({"dates": [{"from": "2026-12-25", "to": "2026-12-24"}]}, "/dates/0/to"),
        ({"dates": [{"from": "2026-12-25", "to": "2026-12-26", "till": 1}]}, "/dates/0/till"),
        ({"dates": [{"from": "1990-01-01", "to": "2090-01-01"}]}, ""),
        ({"ics": "hello"}, "/ics"),
        ({"days": []}, "/days"),
    ],
)
def test_what_makes_no_calendar_is_refused(api: Api, body: dict[str, Any], pointer: str) -> None:
    assert pointer in pointers_of(api.call("PUT", "/api/calendars/x", body))
    assert not Calendar.objects.exists()


def test_nobody_sees_or_uses_the_calendar_of_somebody_else(api: Api, other_api: Api) -> None:
    put(other_api, "closed", day(1))
    problem_of(api.call("GET", "/api/calendars/closed"), status=404)
    problem_of(api.call("DELETE", "/api/calendars/closed"), status=404)
    refused = api.call("POST", "/api/jobs", {"url": URL, "cron": "0 9 * * *", "skip_on": ["closed"]})
    assert pointers_of(refused) == ["/skip_on/0"]


def test_a_calendar_that_is_used_is_not_deleted(api: Api) -> None:
    put(api, "closed", day(1))
    job = daily(api, skip_on=["closed"])
    refused = problem_of(api.call("DELETE", "/api/calendars/closed"), status=409)
    assert job["schedule_id"] in refused["detail"]
    assert data_of(api.call("GET", "/api/calendars/closed"))["used_by"] == [job["schedule_id"]]
    data_of(api.call("DELETE", f"/api/schedules/{job['schedule_id']}"))
    data_of(api.call("DELETE", "/api/calendars/closed"))


# Schedules


def test_a_schedule_leaves_the_days_of_skip_on_out_and_says_so(api: Api) -> None:
    put(api, "closed", {"from": day(1), "to": day(2)})
    job = daily(api, skip_on=["closed"])
    assert next_run() == at(3)
    shown = data_of(api.call("GET", f"/api/schedules/{job['schedule_id']}"))
    assert (shown["skip_on"], shown["only_on"]) == (["closed"], None)
    timeline = data_of(api.call("GET", f"/api/jobs/{job['job_id']}/timeline"))
    assert f"{day(1)} is a day of the calendar closed" in timeline["reason"]["message"]


def test_a_schedule_runs_on_the_days_of_only_on_alone(api: Api) -> None:
    put(api, "open", day(4), day(9))
    daily(api, only_on="open")
    assert next_run() == at(4)
    firing.fire_due(limit=10, now=at(4))
    assert next_run() == at(9)
    firing.fire_due(limit=10, now=at(9))
    schedule = Schedule.objects.get()
    assert schedule.disabled_at is not None
    assert schedule.disabled_reason == firing.NO_DAY_LEFT


def test_days_are_those_of_the_zone_of_the_schedule(api: Api) -> None:
    put(api, "closed", day(1))
    # 23:00 UTC is the next day in Tokyo.
    daily(api, cron="0 8 * * *", timezone="Asia/Tokyo", skip_on=["closed"])
    assert next_run() == at(1, hour=23)


def test_an_interval_keeps_its_grid(api: Api) -> None:
    put(api, "closed", day(0), day(1))
    api.call("POST", "/api/jobs", {"url": URL, "repeat_every": [7, "hours"], "skip_on": ["closed"]})
    first = next_run()
    assert first.date().isoformat() == day(2)
    assert (first - NOON) % timedelta(hours=7) == timedelta(0)


def test_a_schedule_that_would_never_run_is_refused(api: Api) -> None:
    put(api, "past", "2020-01-01")
    refused = api.call("POST", "/api/jobs", {"url": URL, "cron": "0 9 * * *", "only_on": ["past"]})
    assert pointers_of(refused) == ["/only_on"]
    answer = api.call(
        "POST", "/api/jobs/batch", {"jobs": [{"url": URL}, {"url": URL, "cron": "0 9 * * *", "only_on": "x"}]}
    )
    [taken, refused] = data_of(answer, status=207)
    assert [each["pointer"] for each in refused["error"]["errors"]] == ["/only_on/0"]
    assert taken["job"]["state"]


def test_a_change_of_the_calendar_moves_the_upcoming_runs_of_all_that_use_it(api: Api) -> None:
    put(api, "closed", day(5))
    for _ in range(3):
        daily(api, skip_on=["closed"])
    unaffected = daily(api)
    put(api, "closed", day(1), status=200)
    runs = Job.objects.filter(is_upcoming=True).exclude(id=unaffected["job_id"])
    assert set(runs.values_list("scheduled_at", flat=True)) == {at(2)}
    assert Job.objects.get(id=unaffected["job_id"]).scheduled_at == at(1)
    assert Calendar.objects.get().unsettled_at is None
    skipped = Job.objects.filter(state=JobState.CANCELLED)
    assert skipped.count() == 3
    timeline = data_of(api.call("GET", f"/api/jobs/{skipped[0].id}/timeline"))
    assert timeline["reason"]["code"] == "calendar"
    # And back: the days that are free again are run on.
    put(api, "closed", day(5), status=200)
    assert set(runs.values_list("scheduled_at", flat=True)) == {at(2)}


def test_a_day_that_is_freed_is_run_on(api: Api) -> None:
    put(api, "closed", day(1), day(2))
    daily(api, skip_on=["closed"])
    put(api, "closed", day(2), status=200)
    assert next_run() == at(1)


def test_a_first_run_that_was_asked_for_stays(api: Api) -> None:
    put(api, "closed", day(5))
    daily(api, skip_on=["closed"], scheduled_at=at(3, hour=11).isoformat())
    put(api, "closed", day(6), status=200)
    assert next_run() == at(3, hour=11)


def test_what_a_crash_left_is_settled_by_beat(api: Api, stopped_clock: StoppedClock) -> None:
    put(api, "closed", day(5))
    daily(api, skip_on=["closed"])
    row = Calendar.objects.get()
    days = type(row.listed_days)(((NOON.date().toordinal() + 1,) * 2,))
    calendars.put(row.user_id, "closed", source={"dates": [day(1)]}, days=days, now=NOON)
    assert next_run() == at(1)
    assert calendars.settle_some(limit=100, now=NOON).looked_at == 1
    assert next_run() == at(2)
    assert calendars.settle_some(limit=100, now=NOON).looked_at == 0


def test_a_run_whose_day_was_left_out_since_is_skipped_when_it_is_due(api: Api) -> None:
    put(api, "closed", day(5))
    daily(api, skip_on=["closed"])
    spans = [[NOON.date().toordinal() + 1] * 2]
    Calendar.objects.update(days=spans)
    firing.fire_due(limit=10, now=at(1))
    [skipped] = Job.objects.filter(state=JobState.CANCELLED)
    assert skipped.occurrence_at == at(1)
    assert next_run() == at(2)
    assert Schedule.objects.get().run_count == 0


def test_one_that_a_change_leaves_no_run_ends_and_says_why(api: Api) -> None:
    put(api, "open", day(2))
    job = daily(api, only_on=["open"])
    put(api, "open", "2020-01-01", status=200)
    shown = data_of(api.call("GET", f"/api/schedules/{job['schedule_id']}"))
    assert shown["disabled_reason"] == firing.NO_DAY_LEFT
    problem_of(api.call("POST", f"/api/schedules/{job['schedule_id']}/enable"), status=409)
    put(api, "open", day(3), status=200)
    data_of(api.call("POST", f"/api/schedules/{job['schedule_id']}/enable"))
    assert next_run() == at(3)


def test_an_edit_names_other_calendars_and_none(api: Api) -> None:
    put(api, "closed", day(1))
    job = daily(api)
    path = f"/api/schedules/{job['schedule_id']}"
    data_of(api.call("PATCH", path, {"skip_on": ["closed"]}))
    assert next_run() == at(2)
    data_of(api.call("PATCH", path, {"skip_on": None}))
    assert next_run() == at(1)
    assert pointers_of(api.call("PATCH", path, {"skip_on": ["gone"]})) == ["/skip_on/0"]


def test_skip_backfill_and_catching_up_leave_the_days_out(api: Api, stopped_clock: StoppedClock) -> None:
    put(api, "closed", day(2), day(-2), day(6), day(7))
    job = daily(api, skip_on=["closed"])
    path = f"/api/schedules/{job['schedule_id']}"
    data_of(api.call("POST", f"{path}/skip"))
    assert next_run() == at(3)
    found = data_of(api.call("POST", f"{path}/backfill?dry_run=true", {"from": day(-4), "to": day(0)}))
    assert [run["at"][:10] for run in found] == [day(-4), day(-3), day(-1)]
    firing.fire_due(limit=10, now=at(7, hour=12))
    late = Job.objects.get(occurrence_at=at(5))
    assert late.state == JobState.SCHEDULED
    assert next_run() == at(8)


def test_a_preview_lists_what_is_left_out(api: Api) -> None:
    put(api, "closed", {"from": day(2), "to": day(3)})
    shown = data_of(api.call("POST", "/api/preview", {"cron": "0 9 * * *", "skip_on": ["closed"], "count": 2}))
    assert [run["at"][:10] for run in shown["runs"]] == [day(1), day(4)]
    assert [run["at"][:10] for run in shown["skipped"]] == [day(2), day(3)]
    assert "closed (skip_on)" in shown["skipped"][0]["note"]


def test_calendars_are_for_recurring_jobs(api: Api) -> None:
    refused = api.call("POST", "/api/jobs", {"url": URL, "skip_on": ["closed"]})
    assert pointers_of(refused) == ["/skip_on"]


def test_firing_asks_once_for_all_calendars_and_not_at_all_without_any(api: Api) -> None:
    put(api, "closed", day(5))
    for _ in range(3):
        daily(api)
    with CaptureQueriesContext(connection) as without:
        firing.fire_due(limit=10, now=at(1))
    Schedule.objects.update(skip_on=["closed"])
    with CaptureQueriesContext(connection) as with_calendars:
        firing.fire_due(limit=10, now=at(2))
    assert not any("jobs_calendar" in query["sql"] for query in without)
    assert len([query for query in with_calendars if "jobs_calendar" in query["sql"]]) == 1
