"""The front page of the admin: how the instance is doing, for those who may know, without going through a table."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs.admin import dashboard
from jobs.engine import leases
from jobs.guarding import suspension
from jobs.models import JobState, LogEvent, ProcessRole, Queue, RolledUpCount
from jobs.recurring import schedules
from jobs.specs import RecurrenceSpec
from tests.admin import counted, execute, log_in, make_ended_job, page, rows, start_worker
from tests.conftest import StoppedClock
from tests.factories import NOON, make_job, make_spec, make_user

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def admin(web: Client, stopped_clock: StoppedClock) -> Client:
    log_in(web, "everything")
    return web


def context(client: Client) -> Any:
    response = client.get("/admin/")
    assert response.status_code == 200
    return response.context


def start_beat(now: datetime) -> None:
    leases.take(ProcessRole.BEAT, "beat", lease=timedelta(seconds=20), now=now)


def figures(part: Any) -> dict[str, str]:
    return {figure.label: figure.text for figure in part.figures}


def test_an_instance_with_nothing_to_do_is_said_to_be_fine_but_for_its_workers(admin: Client) -> None:
    shown = context(admin)
    assert figures(shown["jobs"]) == {"scheduled": "0", "available": "0", "executing": "0", "retryable": "0"}
    assert figures(shown["deliveries"]) == {"pending": "0", "due": "0"}
    assert [alarm.split(":")[0] for alarm in shown["alarms"]] == ["No worker is alive", "No beat is alive"]


def test_jobs_that_have_not_ended_are_counted_by_state(admin: Client) -> None:
    make_ended_job(JobState.RETRYABLE, webhook_url="https://example.com/events")
    make_ended_job(JobState.COMPLETED)
    execute(make_job(), worker_id=start_worker().id)
    for delay in (0, 0, 1, 2, 3):
        make_job(scheduled_at=NOON + delay * HOUR)
    shown = context(admin)
    assert figures(shown["jobs"]) == {"scheduled": "3", "available": "2", "executing": "1", "retryable": "1"}
    assert figures(shown["deliveries"]) == {"pending": "4", "due": "4"}
    assert [alarm.split(":")[0] for alarm in shown["alarms"]] == ["No beat is alive"]


def test_overdue_jobs_raise_an_alarm_that_names_the_longest(admin: Client, stopped_clock: StoppedClock) -> None:
    start_worker(now=NOON + timedelta(seconds=90))
    start_beat(NOON + timedelta(seconds=90))
    oldest = make_job()
    make_job(scheduled_at=NOON + timedelta(seconds=85))
    stopped_clock.advance(seconds=90)
    shown = context(admin)
    assert shown["jobs"].overdue.text == "1"
    assert shown["alarms"] == ["1 job has been due for more than 10 s, the longest of them for 1 min 30 s."]
    assert f'<a href="/admin/jobs/job/{oldest.id}/change/">job {oldest.id}</a>, for 1 min 30 s' in page(admin, "")


def test_upcoming_runs_that_beat_does_not_fire_count_as_overdue(admin: Client, stopped_clock: StoppedClock) -> None:
    plan = RecurrenceSpec(frequency={"repeat_every": [1, "hours"]}, timezone="UTC", first_run_at=NOON + HOUR)
    schedules.create(make_spec(), plan, user_id=make_user().id, now=NOON)
    stopped_clock.advance(hours=2)
    start_worker(now=stopped_clock.moment)
    start_beat(stopped_clock.moment)
    assert context(admin)["alarms"] == ["1 job has been due for more than 10 s."]


def test_what_waits_in_a_queue_is_counted_but_raises_no_alarm(admin: Client, stopped_clock: StoppedClock) -> None:
    queue = Queue.objects.create(user=make_user(), name="slow", inserted_at=NOON, refilled_at=NOON, paused_at=NOON)
    make_job(queue_id=queue.id)
    make_job(queue_id=queue.id, scheduled_at=NOON + HOUR)
    stopped_clock.advance(minutes=30)
    start_worker(now=stopped_clock.moment)
    start_beat(stopped_clock.moment)
    shown = context(admin)
    assert figures(shown["jobs"]) == {"scheduled": "1", "available": "1", "executing": "0", "retryable": "0"}
    assert shown["alarms"] == []


def test_counts_stop_at_a_bound_and_say_so(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "MOST_COUNTED", 3)
    for _ in range(5):
        make_job(webhook_url="https://example.com/events")
        make_job(scheduled_at=NOON + HOUR)
    shown = context(admin)
    assert figures(shown["jobs"]) == {"scheduled": "0+", "available": "3+", "executing": "0", "retryable": "0+"}


def test_only_processes_that_are_alive_are_shown(admin: Client, stopped_clock: StoppedClock) -> None:
    start_worker("dead-worker")
    stopped_clock.advance(seconds=30)
    start_worker("live-worker", now=stopped_clock.moment)
    leases.take(ProcessRole.BEAT, "live-beat", lease=timedelta(seconds=20), now=stopped_clock.moment)
    html = page(admin, "")
    assert "live-worker" in html
    assert "live-beat" in html
    assert "dead-worker" not in html


def test_what_ended_in_the_last_hour_is_counted(admin: Client) -> None:
    for ago, failed in ((timedelta(), 3), (2 * HOUR, 50)):
        RolledUpCount.objects.create(
            user=make_user(), of="all", seconds=60, at=NOON - ago, completed=2, discarded=failed, failed=failed
        )
    html = page(admin, "")
    assert "2 completed" in html
    assert ">3 discarded</a>" in html


def test_equal_failures_are_one_line_with_their_number(admin: Client) -> None:
    for _ in range(3):
        make_ended_job(JobState.DISCARDED)
    [shown] = context(admin)["failures"]
    assert shown.count == 3
    assert "<b>3 times</b>" in page(admin, "")


def test_the_figure_of_what_is_overdue_leads_to_those_that_it_counts(
    admin: Client, stopped_clock: StoppedClock
) -> None:
    queue = Queue.objects.create(user=make_user(), name="slow", inserted_at=NOON, refilled_at=NOON, paused_at=NOON)
    make_job(queue_id=queue.id)
    overdue = make_job()
    stopped_clock.advance(seconds=30)
    make_job(scheduled_at=stopped_clock.moment - timedelta(seconds=1))
    figure = context(admin)["jobs"].overdue
    assert figure.text == "1"
    assert rows(admin, f"jobs/job/{figure.query}") == [overdue.id]


def test_a_beat_that_stopped_is_an_alarm(admin: Client, stopped_clock: StoppedClock) -> None:
    start_worker(now=NOON + timedelta(seconds=40))
    leases.take(ProcessRole.BEAT, "beat", lease=timedelta(seconds=20), now=NOON)
    assert context(admin)["alarms"] == []
    stopped_clock.advance(seconds=50)
    [alarm] = context(admin)["alarms"]
    assert alarm.startswith("No beat is alive: schedules stand still")


def test_a_living_beat_does_not_pass_for_a_worker(admin: Client) -> None:
    leases.take(ProcessRole.BEAT, "live-beat", lease=timedelta(seconds=20), now=NOON)
    assert context(admin)["alarms"] == ["No worker is alive: nothing is executed until one is started."]


def test_the_latest_failed_attempts_are_shown_newest_first(admin: Client) -> None:
    other = make_user("grace@example.com")
    states = (JobState.DISCARDED, JobState.COMPLETED)
    jobs = [*(make_ended_job(state) for state in states), make_ended_job(JobState.RETRYABLE, user=other)]
    shown = [(failure.event.job_id, failure.reason) for failure in context(admin)["failures"]]
    reason = "http_status: the target answered 500"
    assert shown == [(jobs[2].id, reason), (jobs[0].id, reason)]


def test_failures_are_looked_for_among_the_latest_events_alone(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "EVENTS_LOOKED_AT", 4)
    make_ended_job(JobState.DISCARDED)
    assert len(context(admin)["failures"]) == 1
    make_ended_job(JobState.COMPLETED)
    assert LogEvent.objects.filter(event="job.error").count() == 1
    assert context(admin)["failures"] == []


def test_the_tenants_of_whom_most_ended_stand_there_with_their_counts(admin: Client) -> None:
    grace = make_user("grace@example.com")
    for user, completed, discarded in ((make_user(), 1, 3600), (grace, 1234, 0)):
        RolledUpCount.objects.create(
            user=user,
            of="all",
            seconds=60,
            at=NOON - HOUR / 2,
            completed=completed,
            discarded=discarded,
            failed=discarded,
        )
    RolledUpCount.objects.create(user=grace, of="host", seconds=3600, at=NOON - HOUR / 2, key="a.example", completed=99)
    html = page(admin, "")
    section = html.partition("Tenants, in the last hour")[2].partition("</section>")[0]
    cells = re.findall(r"<bdi>(.*?)</bdi>|>([\d,]+)<", section)
    assert [first or second for first, second in cells] == [
        *("ada@example.com", "1", "3,600", "3,600"),
        *("grace@example.com", "1,234", "0", "0"),
    ]


def test_the_front_page_costs_the_same_queries_however_much_there_is(admin: Client) -> None:
    for _ in range(2):
        for number in range(3):
            make_ended_job(JobState.DISCARDED, user=make_user(f"user{number}@example.com"))
            make_job(scheduled_at=NOON + HOUR, webhook_url="https://example.com/events")
            start_worker(f"worker-{number}")
        with CaptureQueriesContext(connection) as queries:
            page(admin, "")
        # Who asks; waiting, in queues, executing, late runs, the oldest; processes; deliveries; failures (two);
        # recent actions; what ended lately; whether the instance is paused.
        assert len(counted(queries)) == 14, counted(queries)


@pytest.mark.parametrize(
    ("permission", "heading"),
    [
        ("view_job", "Jobs that have not ended"),
        ("change_job", "Jobs that have not ended"),
        ("view_delivery", "Callbacks and webhooks"),
        ("view_process", "Processes that are alive"),
        ("view_logevent", "Latest failed attempts"),
    ],
)
def test_each_part_is_for_those_who_may_see_its_rows(
    web: Client, stopped_clock: StoppedClock, permission: str, heading: str
) -> None:
    log_in(web, permission)
    html = page(web, "")
    headings = {
        "Jobs that have not ended",
        "Callbacks and webhooks",
        "Processes that are alive",
        "Latest failed attempts",
    }
    assert [shown for shown in headings if shown in html] == [heading]


def test_the_front_page_leads_to_the_api_documentation_and_to_flower(admin: Client, settings: Settings) -> None:
    assert 'href="/api/docs"' in page(admin, "")
    assert 'href="http://testserver:5555/"' in page(admin, "")
    settings.FLOWER_URL = "https://flower.example.com/"
    assert 'href="https://flower.example.com/"' in page(admin, "")


def test_django_celery_beats_own_admin_is_there(admin: Client) -> None:
    assert admin.get("/admin/django_celery_beat/periodictask/").status_code == 200


def test_an_instance_that_is_paused_says_so(admin: Client, stopped_clock: StoppedClock) -> None:
    suspension.pause(now=NOON)
    paused = "Paused since 2026-03-01T12:00:00Z: nothing starts until `manage.py unpause` is run."
    assert context(admin)["alarms"][0] == paused
