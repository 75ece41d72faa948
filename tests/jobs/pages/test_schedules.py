"""/schedules: how they read, what they cost, their switches, and that they are nobody else's."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs.models import Job, JobState, Schedule
from tests.api import Api
from tests.conftest import Announced, StoppedClock

pytestmark = pytest.mark.django_db

ATTACK = "</script><script>window.attacked = 1</script>\u202e"
ACTS = ("run", "pause", "resume", "skip", "delete")


@pytest.fixture
def make(api: Api, reader: Client) -> Any:
    """Makes a schedule of `user` by the API."""

    def made(**fields: Any) -> Schedule:
        body = {"url": "https://example.com/hook", "cron": "0 9 * * 1-5", **fields}
        assert api.post("/api/jobs", body).status_code == 201
        return Schedule.objects.latest("inserted_at", "id")

    return made


def page_of(browser: Client, schedule: Schedule) -> str:
    return browser.get(f"/schedules/{schedule.id}").content.decode()


def test_a_schedule_reads_in_words_with_its_next_run(reader: Client, make: Any) -> None:
    schedule = make(name="invoice-run", timezone="Europe/Berlin")
    page = reader.get("/schedules").content.decode()
    assert "invoice-run" in page
    assert "at 09:00 on weekdays, Europe/Berlin" in page
    assert "in 20 h" in page
    whole = page_of(reader, schedule)
    assert "at 09:00 on weekdays, Europe/Berlin" in whole
    assert "2 Mar 2026, 08:00:00" in whole


def test_the_list_costs_as_much_with_many_as_with_one(
    reader: Client, make: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 10):
        for _ in range(count):
            make(cron=None, repeat_every=[5, "minutes"])
        with django_assert_num_queries(7):
            reader.get("/schedules")


def test_the_last_runs_are_cells_that_lead_to_their_jobs(reader: Client, make: Any, announced: Announced) -> None:
    first, second = make(), make()
    for schedule in (first, first, second):
        reader.post(f"/schedules/{schedule.id}/run")
    page = reader.get("/schedules").content.decode()
    for job in Job.objects.filter(is_upcoming=False):
        assert f'class="available" href="/jobs/{job.id}"' in page
    assert page.count('class="unseen">available') == 3


def test_run_now_makes_a_run_outside_the_grid(reader: Client, make: Any, stopped_clock: StoppedClock) -> None:
    schedule = make()
    done = reader.post(f"/schedules/{schedule.id}/run", follow=True)
    job = Job.objects.get(is_upcoming=False)
    assert job.scheduled_at == stopped_clock.moment
    assert f"Job {job.id} runs it once now" in done.content.decode()


def test_a_schedule_is_paused_with_a_reason_and_resumed(reader: Client, make: Any) -> None:
    schedule = make()
    reader.post(f"/schedules/{schedule.id}/pause", {"reason": "the shop moves <b>house</b>"})
    assert "the shop moves &lt;b&gt;house&lt;/b&gt;" in page_of(reader, schedule)
    assert Schedule.objects.get().disabled_reason == "the shop moves <b>house</b>"
    again = reader.post(f"/schedules/{schedule.id}/pause", follow=True)
    assert "It is paused already." in again.content.decode()
    reader.post(f"/schedules/{schedule.id}/resume")
    assert Schedule.objects.get().disabled_at is None


def test_the_next_run_alone_is_skipped(reader: Client, make: Any) -> None:
    schedule = make()
    first = Job.objects.get(is_upcoming=True)
    reader.post(f"/schedules/{schedule.id}/skip")
    assert Job.objects.get(id=first.id).state == JobState.CANCELLED
    assert Job.objects.get(is_upcoming=True).scheduled_at == first.scheduled_at + timedelta(days=1)
    assert Schedule.objects.get().disabled_at is None


def test_a_deleted_schedule_is_gone(reader: Client, make: Any) -> None:
    schedule = make()
    assert reader.post(f"/schedules/{schedule.id}/delete").headers["Location"] == "/schedules"
    assert reader.get(f"/schedules/{schedule.id}").status_code == 404


def test_a_stranger_sees_404_and_does_nothing(reader: Client, stranger: Client, make: Any) -> None:
    schedule = make(name="secret plan")
    assert stranger.get(f"/schedules/{schedule.id}").status_code == 404
    assert "secret plan" not in stranger.get("/schedules").content.decode()
    for verb in ACTS:
        assert stranger.post(f"/schedules/{schedule.id}/{verb}").status_code == 404
    assert Schedule.objects.get().disabled_at is None


def test_a_link_changes_nothing_and_an_unknown_verb_is_not_there(reader: Client, make: Any) -> None:
    schedule = make()
    for verb in ACTS:
        assert reader.get(f"/schedules/{schedule.id}/{verb}").status_code == 405
    assert reader.post(f"/schedules/{schedule.id}/explode").status_code == 404


def test_what_strangers_wrote_stays_text(reader: Client, make: Any) -> None:
    schedule = make(name=ATTACK, description=ATTACK, headers={"X-It": "a<b"}, body={ATTACK: ATTACK})
    for page in (reader.get("/schedules").content.decode(), page_of(reader, schedule)):
        assert "<script>window" not in page
        assert "\u202e" not in page


def test_a_schedules_page_costs_a_fixed_number_of_queries(
    reader: Client, make: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    schedule = make()
    reader.post(f"/schedules/{schedule.id}/run")
    reader.get("/schedules")
    with django_assert_num_queries(8):
        page_of(reader, schedule)
