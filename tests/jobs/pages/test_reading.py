"""An operator reads a tenant's pages: with a banner, without changing anything, for an hour, and each page is noted."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from jobs.models import AuditEvent, Inbox, Job, JobState, Secret, User
from jobs.pages.shell import Page
from jobs.pages.urls import urlpatterns
from tests.admin import log_in
from tests.conftest import StoppedClock
from tests.factories import NOON, make_job, make_user

pytestmark = pytest.mark.django_db

BANNER = "You read the pages of <bdi>ada@example.com</bdi> as an operator."


@pytest.fixture
def ada() -> User:
    return make_user()


@pytest.fixture
def job(ada: User) -> Job:
    return make_job(name="nightly export", scheduled_at=NOON + timedelta(hours=1))


@pytest.fixture
def operator(web: Client, stopped_clock: StoppedClock) -> Client:
    log_in(web, "everything")
    return web


def begin(browser: Client, user: User) -> Any:
    return browser.post(f"/admin/jobs/user/{user.pk}/read/")


def part(browser: Client, path: str, *, of: User | None = None) -> Any:
    """What a page asks for every few seconds, which says whose it is."""
    return browser.get(path, headers={"HX-Request": "true"} | ({} if of is None else {"X-Reading": str(of.pk)}))


def noted() -> list[tuple[str, str, str]]:
    rows = AuditEvent.objects.filter(action__startswith="tenant.").order_by("id")
    return [(row.action, row.email, str(row.details.get("path", ""))) for row in rows]


def test_the_pages_of_a_tenant_are_shown_with_a_banner_and_written_down(operator: Client, ada: User, job: Job) -> None:
    assert "Read their pages" in operator.get(f"/admin/jobs/user/{ada.pk}/change/").content.decode()
    assert begin(operator, ada).headers["Location"] == "/home"
    for path in ("/home", "/jobs?q=secret-words", f"/jobs/{job.id}"):
        assert BANNER in operator.get(path).content.decode()
    assert "nightly export" in operator.get("/jobs").content.decode()
    assert operator.post("/reading/stop").status_code == 302
    html = operator.get("/jobs").content.decode()
    assert BANNER not in html
    assert "nightly export" not in html
    paths = ["/home", "/jobs", f"/jobs/{job.id}", "/jobs"]
    assert noted() == [
        ("tenant.reading_begun", "ada@example.com", ""),
        *(("tenant.page_read", "ada@example.com", path) for path in paths),
        ("tenant.reading_ended", "ada@example.com", ""),
    ]


def test_a_page_that_renews_its_parts_is_written_down_once(operator: Client, ada: User) -> None:
    begin(operator, ada)
    operator.get("/home")
    for _ in range(3):
        part(operator, "/home", of=ada)
    part(operator, "/jobs", of=ada)
    assert [path for _, _, path in noted()] == ["", "/home", "/jobs"]


def test_nothing_can_be_changed_and_what_is_theirs_alone_is_not_shown(operator: Client, ada: User, job: Job) -> None:
    begin(operator, ada)
    for path in (f"/jobs/{job.id}/cancel", "/keys", "/secrets", "/alerts", "/calendars", "/jobs/new", "/queues/set"):
        answer = operator.post(path, {"name": "A", "value": "B"})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/home"), path
    for path in ("/inbox", "/jobs/new", f"/jobs/{job.id}/edit", "/schedules/new"):
        assert operator.get(path).headers["Location"] == "/home", path
    assert "you only read the pages of ada@example.com" in operator.get("/home").content.decode()
    job.refresh_from_db()
    assert job.state == JobState.SCHEDULED
    assert not Inbox.objects.filter(user=ada).exists()


def test_a_part_of_a_page_that_is_not_of_the_same_owner_has_the_page_loaded_anew(
    operator: Client, ada: User, job: Job, stopped_clock: StoppedClock
) -> None:
    assert "HX-Refresh" not in part(operator, "/jobs").headers
    begin(operator, ada)
    assert f'hx-headers=\'{{"X-Reading": "{ada.pk}"}}\'' in operator.get("/jobs").content.decode()
    assert "nightly export" in part(operator, "/jobs", of=ada).content.decode()
    for path in ("/jobs", "/inbox"):
        answer = part(operator, path)
        assert (answer.headers["HX-Refresh"], answer.content) == ("true", b"")
    stopped_clock.advance(hours=1)
    answer = part(operator, "/jobs", of=ada)
    assert (answer.headers["HX-Refresh"], answer.content) == ("true", b"")
    assert "Nothing was done" not in operator.get("/home").content.decode()


@pytest.mark.parametrize("is_stopped", [True, False])
@pytest.mark.parametrize("is_looked_at_first", [True, False])
def test_no_form_of_a_tenants_page_acts_on_the_operators_own_account_afterwards(
    ada: User, stopped_clock: StoppedClock, is_stopped: bool, is_looked_at_first: bool
) -> None:
    careful = Client(enforce_csrf_checks=True)
    operator = log_in(careful, "everything")
    begin_page = careful.get(f"/admin/jobs/user/{ada.pk}/change/")
    given = {"csrfmiddlewaretoken": begin_page.context["csrf_token"]}
    assert careful.post(f"/admin/jobs/user/{ada.pk}/read/", given).status_code == 302
    form = {"csrfmiddlewaretoken": careful.get("/secrets").context["csrf_token"], "name": "TOKEN", "value": "x"}
    if is_stopped:
        careful.post("/reading/stop", form)
    else:
        stopped_clock.advance(hours=1)
    if is_looked_at_first:
        careful.get("/home")
    careful.post("/secrets", form)
    assert not Secret.objects.filter(user=operator).exists()
    form["csrfmiddlewaretoken"] = careful.get("/secrets").context["csrf_token"]
    careful.post("/secrets", form)
    assert Secret.objects.filter(user=operator).exists()


def test_a_page_that_is_slow_does_not_undo_the_end(
    operator: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(operator, ada)
    other = Client()
    other.cookies.update(operator.cookies)

    def page(self: Page, *arguments: Any, **context: Any) -> Any:
        other.post("/reading/stop")
        return Page.page(self, *arguments, **context)

    monkeypatch.setattr("jobs.pages.home.Home.page", page, raising=False)
    operator.get("/home")
    monkeypatch.undo()
    assert BANNER not in operator.get("/jobs").content.decode()


def test_the_other_job_of_a_page_is_written_down_too(operator: Client, ada: User, job: Job) -> None:
    other = make_job(name="another")
    begin(operator, ada)
    operator.get(f"/jobs/{other.id}?beside={job.id}")
    assert noted()[-1][2] == f"/jobs/{other.id}?beside={job.id}"


def test_signing_out_and_beginning_with_another_end_it_in_the_trail(operator: Client, ada: User) -> None:
    grace = make_user("grace@example.com")
    begin(operator, ada)
    begin(operator, grace)
    operator.post("/sign-out")
    assert [(action.rpartition("_")[2], email) for action, email, _ in noted()] == [
        *(("begun", "ada@example.com"), ("ended", "ada@example.com")),
        *(("begun", "grace@example.com"), ("ended", "grace@example.com")),
    ]
    begun = AuditEvent.objects.filter(action="tenant.reading_begun")
    assert {event.details["until"] for event in begun} == {(NOON + timedelta(hours=1)).isoformat()}


def test_that_a_tenant_is_suspended_is_said_of_the_tenant(operator: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(suspended_at=NOON)
    begin(operator, ada)
    assert "The account of this tenant is suspended" in operator.get("/home").content.decode()


def test_the_account_stays_the_operators_own(operator: Client, ada: User) -> None:
    begin(operator, ada)
    html = operator.get("/account").content.decode()
    assert "ops@example.com" in html
    assert BANNER not in html
    assert operator.post("/sign-out").headers["Location"] == "/sign-in"


def test_it_ends_after_an_hour_and_with_the_permission(
    operator: Client, ada: User, stopped_clock: StoppedClock
) -> None:
    begin(operator, ada)
    stopped_clock.advance(minutes=59)
    assert BANNER in operator.get("/home").content.decode()
    User.objects.filter(email="ops@example.com").update(is_superuser=False)
    assert BANNER not in operator.get("/home").content.decode()
    User.objects.filter(email="ops@example.com").update(is_superuser=True)
    stopped_clock.advance(minutes=1)
    assert BANNER not in operator.get("/home").content.decode()


@pytest.mark.parametrize("permissions", [(), ("view_user", "view_job", "change_user")])
def test_who_may_not_see_content_reads_nobodys_pages(
    web: Client, stopped_clock: StoppedClock, ada: User, permissions: tuple[str, ...]
) -> None:
    log_in(web, *permissions)
    assert begin(web, ada).status_code == 403
    assert "Read their pages" not in web.get(f"/admin/jobs/user/{ada.pk}/change/").content.decode()
    assert noted() == []


def test_those_with_powers_are_read_by_superusers_alone_and_nobody_as_themselves(
    web: Client, stopped_clock: StoppedClock
) -> None:
    reader = log_in(web, "view_content", "view_user")
    boss = User.objects.create_superuser("boss@example.com")
    assert begin(web, boss).status_code == 403
    assert begin(web, reader).status_code == 403
    assert begin(web, make_user()).status_code == 302


def test_strangers_and_tenants_begin_nothing(ada: User, client: Client) -> None:
    grace = make_user("grace@example.com")
    assert begin(client, ada).status_code == 302
    client.force_login(grace)
    assert begin(client, ada).headers["Location"].startswith("/admin/login/")
    assert client.get(f"/admin/jobs/user/{ada.pk}/read/").status_code == 302
    assert noted() == []


def test_it_takes_a_post_with_its_csrf_token(ada: User, stopped_clock: StoppedClock) -> None:
    careful = Client(enforce_csrf_checks=True)
    log_in(careful, "everything")
    assert begin(careful, ada).status_code == 403
    assert careful.get(f"/admin/jobs/user/{ada.pk}/read/").status_code == 405


def test_a_page_says_for_itself_that_operators_may_see_it() -> None:
    """One that is new is not shown before it was thought of."""
    views = [getattr(pattern.callback, "view_class", None) for pattern in urlpatterns]
    shown = {
        view.__name__ for view in views if view is not None and issubclass(view, Page) and view.is_shown_to_operators
    }
    assert shown == {
        *("Home", "JobList", "JobPage", "ScheduleList", "SchedulePage", "Queues", "Deliveries", "Failures"),
        *("Alerts", "AlertPage", "Calendars", "Keys", "Secrets", "Limits"),
    }
