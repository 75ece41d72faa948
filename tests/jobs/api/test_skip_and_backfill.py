"""POST /api/schedules/{id}/skip and /backfill: what is left out, and what is made up for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booper.timing import durations, recurrence
from jobs.models import Job, LogEvent
from jobs.outgoing import requests
from jobs.recurring import firing
from tests.api import Api, data_of, pointers_of, problem_of
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON
from tests.runs import run_due

pytestmark = pytest.mark.django_db

REQUEST: dict[str, Any] = {"method": "post", "url": "https://example.com/hook", "body": {"n": 1}}
DAY = {"from": "2026-02-28T12:00:00Z", "to": "2026-03-01T11:00:00Z"}


def make(api: Api, **fields: Any) -> str:
    """The path of a schedule: hourly, at the full hour, unless the fields say otherwise."""
    timing = {} if "repeat_every" in fields else {"cron": "0 * * * *"}
    return f"/api/schedules/{data_of(api.post('/api/jobs', REQUEST | timing | fields), status=201)['schedule_id']}"


def hour(job: dict[str, Any]) -> str:
    at = Job.objects.get(id=job["job_id"]).occurrence_at
    assert at is not None
    return f"{at:%d %H:%M}"


# Skip


def test_skip_leaves_out_the_next_run_and_says_so(api: Api) -> None:
    path = make(api)
    skipped = Job.objects.get(is_upcoming=True)
    assert data_of(api.post(f"{path}/skip"))["next_run_at"] == "2026-03-01T14:00:00Z"
    timeline = data_of(api.get(f"/api/jobs/{skipped.id}/timeline"))
    assert timeline["reason"]["code"] == "skipped"
    assert LogEvent.objects.get(job_id=skipped.id).payload == {"reason": "skipped"}
    assert data_of(api.get(path))["run_count"] == 0


def test_skip_until_a_moment_leaves_out_all_before_it(api: Api) -> None:
    path = make(api)
    assert data_of(api.post(f"{path}/skip", {"until": "2026-03-02T09:00:00Z"}))["next_run_at"] == "2026-03-02T09:00:00Z"
    again = data_of(api.post(f"{path}/skip", {"until": "2026-03-02T07:30:00Z"}))
    assert again["next_run_at"] == "2026-03-02T09:00:00Z"


def test_a_moment_without_an_offset_is_in_the_zone_of_the_schedule(api: Api) -> None:
    path = make(api, timezone="Europe/Berlin")
    assert data_of(api.post(f"{path}/skip", {"until": "2026-03-02"}))["next_run_at"] == "2026-03-01T23:00:00Z"


def test_a_skip_that_leaves_no_run_ends_the_schedule(api: Api) -> None:
    path = make(api, ends_at="2026-03-01T13:30:00Z")
    assert data_of(api.post(f"{path}/skip"))["disabled_reason"] == "no run is left before its ends_at"


def test_a_disabled_schedule_has_nothing_to_skip(api: Api) -> None:
    path = make(api)
    api.post(f"{path}/disable")
    assert "it is disabled" in problem_of(api.post(f"{path}/skip"), status=409)["detail"]


@pytest.mark.parametrize("until", ["2026-03-01T12:00:00Z", "soon", 17, [1], "2126-01-01"])
def test_a_moment_that_is_over_or_none_is_refused(api: Api, until: Any) -> None:
    path = make(api)
    assert pointers_of(api.post(f"{path}/skip", {"until": until})) == ["/until"]


def test_a_webhook_is_told_of_the_run_that_is_left_out(api: Api, announced: Announced) -> None:
    path = make(api, webhook_url="https://example.com/events")
    api.post(f"{path}/skip")
    assert Job.objects.filter(state="cancelled").count() == 1


# Backfill


def test_the_runs_of_a_span_are_made_now_for_their_time_on_the_grid(api: Api) -> None:
    path = make(api)
    jobs = data_of(
        api.post(f"{path}/backfill", {"from": "2026-03-01T08:00:00Z", "to": "2026-03-01T10:59:00Z"}), status=201
    )
    assert [hour(job) for job in jobs] == ["01 08:00", "01 09:00", "01 10:00"]
    assert {job["job"]["scheduled_at"] for job in jobs} == {"2026-03-01T12:00:00Z"}
    described = requests.described(Job.objects.get(id=jobs[0]["job_id"]))
    assert described["scheduled_at"] == "2026-03-01T08:00:00Z"
    after = data_of(api.get(path))
    assert (after["run_count"], after["next_run_at"]) == (0, "2026-03-01T13:00:00Z")


def test_what_ran_or_is_about_to_is_passed_over_and_the_same_twice_makes_nothing(api: Api) -> None:
    path = make(api)
    span = {"from": "2026-03-01T08:00:00Z", "to": "2026-03-01T10:00:00Z"}
    assert len(data_of(api.post(f"{path}/backfill", span), status=201)) == 3
    assert data_of(api.post(f"{path}/backfill", span), status=201) == []
    run_due()
    wider = span | {"from": "2026-03-01T07:00:00Z"}
    assert [hour(job) for job in data_of(api.post(f"{path}/backfill", wider), status=201)] == ["01 07:00"]


def test_what_was_skipped_is_made_after_all(api: Api, stopped_clock: StoppedClock) -> None:
    path = make(api)
    api.post(f"{path}/skip")
    stopped_clock.advance(hours=1, minutes=30)
    [job] = data_of(
        api.post(f"{path}/backfill", {"from": "2026-03-01T13:00:00Z", "to": "2026-03-01T13:30:00Z"}), status=201
    )
    assert hour(job) == "01 13:00"


def test_a_dry_run_lists_them_and_makes_none(api: Api) -> None:
    path = make(api, timezone="Europe/Berlin")
    span = {"from": "2026-03-01T09:00:00Z", "to": "2026-03-01T10:00:00Z"}
    for response in (
        api.post(f"{path}/backfill?dry_run=true", span),
        api.post(f"{path}/backfill", span | {"dry_run": True}),
    ):
        assert data_of(response) == [
            {"at": "2026-03-01T09:00:00Z", "local": "2026-03-01T10:00:00+01:00", "note": None},
            {"at": "2026-03-01T10:00:00Z", "local": "2026-03-01T11:00:00+01:00", "note": None},
        ]
    assert Job.objects.count() == 1


def test_max_runs_takes_the_first_and_more_than_a_thousand_are_refused(api: Api) -> None:
    path = make(api, cron="* * * * *")
    assert [hour(job) for job in data_of(api.post(f"{path}/backfill", DAY | {"max_runs": 2}), status=201)] == [
        "28 12:00",
        "28 12:01",
    ]
    assert pointers_of(api.post(f"{path}/backfill", DAY)) == ["/to"]
    assert pointers_of(api.post(f"{path}/backfill", DAY | {"from": "2025-03-01", "max_runs": 2})) == ["/to"]
    assert Job.objects.count() == 3


def test_an_interval_reaches_back_before_its_first_run(api: Api) -> None:
    path = make(api, repeat_every=[7, "hours"], schedule_in=3600)
    jobs = data_of(api.post(f"{path}/backfill", DAY), status=201)
    assert [hour(job) for job in jobs] == ["28 16:00", "28 23:00", "01 06:00"]


def test_bounds_hold_and_a_disabled_schedule_can_be_backfilled(api: Api) -> None:
    path = make(api, starts_at="2026-03-01T10:00:00Z")
    api.post(f"{path}/disable")
    assert [hour(job) for job in data_of(api.post(f"{path}/backfill", DAY), status=201)] == ["01 10:00", "01 11:00"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/from", "/to"]),
        ({"from": "2026-02-01"}, ["/to"]),
        ({"from": "2026-02-02", "to": "2026-02-01"}, ["/to"]),
        ({"from": "2026-02-02", "to": "2026-03-02"}, ["/to"]),
        ({"from": "then", "to": "2026-02-01"}, ["/from"]),
        ({"from": "0001-01-01T00:00:00Z", "to": "2026-02-01"}, ["/from"]),
        ({"from": "0001-01-01T01:00:00Z", "to": "0001-01-03"}, ["/from"]),
        ({"from": "2016-02-28", "to": "2026-02-01", "max_runs": 3}, ["/from"]),
        (DAY | {"max_runs": 1001}, ["/max_runs"]),
        (DAY | {"max_runs": 0}, ["/max_runs"]),
        (DAY | {"dry_run": "perhaps"}, ["/dry_run"]),
        (DAY | {"til": 1}, ["/til"]),
    ],
)
def test_a_bad_span_is_refused(api: Api, body: dict[str, Any], pointers: list[str]) -> None:
    path = make(api)
    assert pointers_of(api.post(f"{path}/backfill", body)) == pointers
    assert Job.objects.count() == 1


def test_backfilled_runs_that_wait_are_not_taken_for_what_an_outage_left(api: Api) -> None:
    path = make(api, cron="30 * * * *")
    data_of(api.post(f"{path}/backfill", DAY), status=201)
    firing.fire_due(limit=10, now=NOON + timedelta(minutes=30))
    assert Job.objects.filter(state="cancelled").count() == 0


def test_others_see_nothing_of_it(api: Api, other_api: Api) -> None:
    path = make(api)
    problem_of(other_api.post(f"{path}/backfill", DAY), status=404)
    problem_of(other_api.post(f"{path}/skip"), status=404)


def test_its_queries_do_not_grow_with_the_runs(api: Api) -> None:
    path = make(api)
    counts = []
    for day in (10, 20):
        with CaptureQueriesContext(connection) as captured:
            data_of(
                api.post(f"{path}/backfill", {"from": f"2026-02-{day}", "to": f"2026-02-{day}T{day}:00:00Z"}),
                status=201,
            )
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "interval", [[1, "month"], [3, "months"], [0.5, "years"], [36, "hours"], [4 / 3, "seconds"], [7, "seconds"]]
)
def test_the_grid_before_the_first_run_is_that_of_the_steps_back(interval: list[Any]) -> None:
    anchor = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    rule = recurrence.Every(durations.parse(interval), anchor=anchor)
    expected = sorted(rule.interval.after(anchor, times=step) for step in range(-8, 4))
    found = list(recurrence.grid(rule, since=expected[0], until=expected[-1]))
    assert found == expected
