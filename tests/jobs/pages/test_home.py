"""/home: figures of a range of time out of what is counted, alarms in words, and what comes next."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs.models import JobState, Process, ProcessRole, Receiver, User
from jobs.telemetry import rolled_up
from tests.admin import make_ended_job
from tests.factories import NOON, make_job, make_schedule
from tests.runs import answered, run_due, take_lease

pytestmark = pytest.mark.django_db

ATTACK = "</title><script>window.attacked = 1</script>\u202e"


def text_of(browser: Client, path: str = "/home") -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def roll_up() -> None:
    rolled_up.roll_up(limit=10_000, now=datetime.now(UTC) + rolled_up.SETTLED_AFTER + timedelta(seconds=1))


def test_who_has_nothing_yet_is_led_to_a_first_job(reader: Client) -> None:
    page = text_of(reader)
    assert "Make a first job" in page
    assert "No worker is running" not in page


def test_figures_are_those_of_the_range(reader: Client) -> None:
    make_ended_job(JobState.DISCARDED)
    for _ in range(3):
        make_job()
    run_due()
    roll_up()
    page = text_of(reader)
    assert '<b class="num">3</b>' in page
    assert '<b class="num discarded">1</b>' in page
    assert "75 %" in page
    assert "12:00: 3 completed, 1 failed" in page
    assert "1 failed · 25 %" in page


@pytest.mark.parametrize("name", ["1h", "6h", "24h", "7d", "30d", "", "forever", "1h%22"])
def test_any_range_is_answered(reader: Client, name: str) -> None:
    make_ended_job(JobState.COMPLETED)
    roll_up()
    page = text_of(reader, f"/home?range={name}")
    assert page.count('aria-current="true"') == 1


def test_alarms_are_sentences(reader: Client, user: User) -> None:
    make_job()
    Receiver.objects.create(
        user=user, origin="https://off.example", failing_since=NOON, last_failed_at=NOON, disabled_at=NOON
    )
    page = text_of(reader)
    assert "No worker is running" in page
    assert "Beat is not running" in page
    assert "https://off.example" in page
    take_lease()
    take_lease(ProcessRole.BEAT, name="beat-1")
    page = text_of(reader)
    assert "is running" not in page
    assert Process.objects.count() == 2


def test_schedules_that_fail_are_named_with_their_last_runs(reader: Client) -> None:
    schedule = make_schedule(spec={"name": "nightly", "max_attempts": 1})
    schedule.jobs.filter(is_upcoming=True).update(is_upcoming=False)
    run_due(answered(500))
    roll_up()
    page = text_of(reader)
    assert "Schedules that fail" in page
    assert "nightly" in page
    assert '1<span class="muted"> of 1' in page


def test_what_strangers_wrote_stays_text(reader: Client, user: User) -> None:
    schedule = make_schedule(spec={"name": ATTACK, "url": "https://example.com/<script>", "max_attempts": 1})
    schedule.jobs.filter(is_upcoming=True).update(is_upcoming=False)
    run_due(answered(500))
    Receiver.objects.create(user=user, origin=ATTACK, failing_since=NOON, last_failed_at=NOON, disabled_at=NOON)
    roll_up()
    page = text_of(reader)
    assert "<script>" not in page
    assert "\u202e" not in page


def test_a_stranger_sees_nothing_of_it(stranger: Client) -> None:
    make_ended_job(JobState.DISCARDED, url="https://zebra.example/")
    roll_up()
    assert "Make a first job" in text_of(stranger)
    assert "zebra" not in text_of(stranger)


def test_it_costs_as_many_queries_with_many_jobs_as_with_one(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        make_ended_job(JobState.DISCARDED)
        make_job(scheduled_at=NOON + timedelta(hours=1))
        roll_up()
        with django_assert_num_queries(20):
            text_of(reader)
        with django_assert_num_queries(19):
            reader.get("/home", headers={"HX-Request": "true"})
