"""The admin's search: what is found by which words, and how far it looks."""

from datetime import timedelta

import pytest
from django.test import Client

from jobs.models import ApiKey, Delivery, Job, JobState, LogEvent
from jobs.recurring import schedules
from jobs.specs import RecurrenceSpec
from tests.admin import log_in, make_ended_job, page, rows
from tests.conftest import StoppedClock
from tests.factories import NOON, make_job, make_schedule, make_spec, make_user

pytestmark = pytest.mark.django_db


HOUR = timedelta(hours=1)


@pytest.fixture
def admin(web: Client, stopped_clock: StoppedClock) -> Client:
    log_in(web, "everything")
    return web


def make_upcoming_run() -> Job:
    plan = RecurrenceSpec(
        frequency={"repeat_every": [1, "hours"]}, timezone="UTC", first_run_at=NOON + HOUR, overlap="allow"
    )
    return schedules.create(make_spec(), plan, user_id=make_user().id, now=NOON).job


def test_a_job_is_found_by_number_uuid_schedule_name_url_and_owner(admin: Client) -> None:
    make_job(name="other", url="https://other.example/1")
    job = make_job(name="Nightly export", url="https://shop.example/orders", user=make_user("grace@example.com"))
    upcoming = make_upcoming_run()
    found_by = {
        str(job.id): job,
        f"#{job.id}": job,
        f" {job.uuid} ": job,
        job.uuid.hex: job,
        "nightly": job,
        "shop.example/ord": job,
        "grace@": job,
        "GRACE@example.com": job,
        str(upcoming.schedule_id): upcoming,
    }
    for typed, expected in found_by.items():
        response = admin.get("/admin/jobs/job/", {"q": typed})
        assert [row.pk for row in response.context["cl"].result_list] == [expected.id], typed


@pytest.mark.parametrize(
    "typed", ["99999999999999999999", "9" * 19, "nobody@example.com", "%", "_", "\\", "'; --", "é"]
)
def test_a_search_that_matches_nothing_finds_nothing(admin: Client, typed: str) -> None:
    make_job(name="export")
    response = admin.get("/admin/jobs/job/", {"q": typed})
    assert list(response.context["cl"].result_list) == []


def test_a_search_with_a_nul_in_it_is_refused_in_words(admin: Client) -> None:
    assert "Null characters are not allowed." in page(admin, "jobs/job/?q=a%00b")


def test_events_deliveries_keys_and_users_are_searched(admin: Client) -> None:
    job = make_ended_job(JobState.COMPLETED, callback_url="https://hooks.example/c")
    key, token = ApiKey.issue(make_user().id, name="deploys")
    delivery = Delivery.objects.get()
    event = LogEvent.objects.order_by("id")[0]
    assert len(rows(admin, f"jobs/logevent/?q={job.id}")) == 4
    assert rows(admin, f"jobs/logevent/?q={event.pk}") == [event.pk]
    for typed in (str(job.id), str(delivery.uuid), "hooks.example", "ada@"):
        assert rows(admin, f"jobs/delivery/?q={typed}") == [delivery.pk]
    for typed in (token, token[:9], "deploy", "ada@example.com"):
        assert rows(admin, f"jobs/apikey/?q={typed}") == [key.pk]
    make_user("grace@example.com")
    assert len(rows(admin, "jobs/user/?q=grace")) == 1
    assert len(rows(admin, "jobs/user/?q=ada@")) == 1


HIDDEN = "https://hooks.slack.com/services/T0FEELABLE/B0FEELABLE/xoxfeelable7abcdefghijkl"


@pytest.mark.parametrize("model", ["job", "delivery", "schedule"])
def test_nobody_feels_their_way_through_what_is_hidden(admin: Client, model: str) -> None:
    make_ended_job(JobState.COMPLETED, url=HIDDEN, callback_url=HIDDEN)
    make_schedule(spec={"url": HIDDEN, "name": None})
    for typed in ("T0FEEL", "t0feelable/b", "xoxfeelable7", "7abcdefghijkl"):
        assert rows(admin, f"jobs/{model}/?q={typed}") == [], typed
    assert len(rows(admin, f"jobs/{model}/?q=hooks.slack.com")) >= 1


def test_a_name_that_is_not_there_shows_nothing(admin: Client) -> None:
    make_job(url="https://hooks.slack.com/services/T0FEELABLE/B0FEELABLE/nonefeelable7abcdefghi", name=None)
    assert rows(admin, "jobs/job/?q=none") == []


def test_what_is_hidden_in_one_place_and_shown_in_another_is_found(admin: Client) -> None:
    job = make_job(url=HIDDEN, name="T0feelable")
    assert rows(admin, "jobs/job/?q=t0feel") == [job.pk]


def test_digits_are_looked_for_in_what_is_shown_alone(admin: Client) -> None:
    make_schedule(spec={"url": "https://example.com/?token=7391&page=46", "name": None})
    assert [len(rows(admin, f"jobs/schedule/?q={typed}")) for typed in ("7391", "739", "46")] == [0, 0, 1]
