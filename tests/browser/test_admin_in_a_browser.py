"""What an operator does in the admin, in a real browser: log in, look, stop a job, and never run a tenant's script."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from jobs.database import clock
from jobs.engine import leases
from jobs.models import ApiKey, Job, JobState, ProcessRole, User
from tests.admin import make_ended_job, start_worker
from tests.conftest import Announced
from tests.factories import make_job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EMAIL, PASSWORD = "ops@example.com", "correct horse battery"
HOUR = timedelta(hours=1)


@pytest.fixture
def admin(browser_page: Page, live_server: LiveServer, announced: Announced) -> Page:
    """The front page, logged in to."""
    User.objects.create_superuser(EMAIL, PASSWORD)
    browser_page.goto(f"{live_server.url}/admin/")
    browser_page.get_by_label("Email").fill(EMAIL.title())
    browser_page.get_by_label("Password").fill(PASSWORD)
    browser_page.get_by_role("button", name="Log in").click()
    expect(browser_page.get_by_role("heading", name="Dashboard")).to_be_visible()
    return browser_page


def look(page: Page, name: str) -> None:
    """Keeps a picture of the whole page in the folder that SCREENSHOTS names, for a person to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_an_operator_finds_a_job_and_cancels_it_by_the_button(admin: Page, announced: Announced) -> None:
    due = clock.now() + HOUR
    job = make_job(name="nightly export", scheduled_at=due, webhook_url="https://example.com/events")
    make_job(name="another", scheduled_at=due)
    admin.get_by_role("link", name="Jobs", exact=True).last.click()
    expect(admin.locator("#result_list tbody tr")).to_have_count(2)
    look(admin, "jobs")
    admin.locator("#searchbar").fill("nightly")
    admin.get_by_role("button", name="Search").click()
    expect(admin.locator("#result_list tbody tr")).to_have_count(1)
    admin.get_by_role("link", name=str(job.id), exact=True).click()
    expect(admin.locator(".standing")).to_contain_text("it is due at ")
    look(admin, "job")
    admin.locator("details.operation-cancel summary").click()
    admin.locator("details.operation-cancel input[type=submit]").click()
    expect(admin.locator(".messagelist")).to_have_text("1 cancelled.")
    expect(admin.locator(".standing")).to_contain_text("cancelled")
    look(admin, "cancelled")
    assert Job.objects.get(id=job.id).state == JobState.CANCELLED
    assert len(announced.deliveries) == 1


def test_an_operator_cancels_the_selected_jobs_of_a_tenant(admin: Page, live_server: LiveServer) -> None:
    for _ in range(3):
        make_job(scheduled_at=clock.now() + HOUR)
    admin.goto(f"{live_server.url}/admin/jobs/job/")
    admin.get_by_placeholder("e-mail or UUID").fill("ada@example.com")
    admin.locator(".typed-filter").get_by_role("button", name="Go").click()
    admin.locator("#action-toggle").check()
    expect(admin.locator(".action-counter")).to_have_text("3 of 3 selected")
    admin.get_by_label("Action:").select_option("Cancel the selected jobs")
    admin.locator(".actions").get_by_role("button", name="Go").click()
    admin.get_by_role("button", name="Cancel 3").click()
    expect(admin.locator(".messagelist")).to_have_text("3 cancelled.")
    assert set(Job.objects.values_list("state", flat=True)) == {"cancelled"}


def test_the_front_page_tells_how_the_instance_is_doing(admin: Page) -> None:
    make_ended_job(JobState.DISCARDED)
    make_job(scheduled_at=clock.now() + HOUR)
    start_worker("worker-1@web-1", now=clock.now())
    leases.take(ProcessRole.BEAT, "beat@web-1", lease=HOUR, now=clock.now())
    admin.reload()
    expect(admin.locator(".figures").first).to_contain_text("1 scheduled")
    expect(admin.get_by_role("link", name="worker-1@web-1")).to_be_visible()
    expect(admin.get_by_text("http_status: the target answered 500")).to_be_visible()
    expect(admin.locator(".errornote")).to_have_count(0)
    look(admin, "dashboard")


def test_on_a_telephone_only_wide_tables_move_sideways(admin: Page, live_server: LiveServer) -> None:
    job = make_ended_job(JobState.DISCARDED, callback_url="https://example.com/a/callback/that/is/called/at/the/end")
    start_worker("worker-1@web-1.internal.example.com", now=clock.now())
    admin.set_viewport_size({"width": 390, "height": 844})
    for name, path in (("dashboard", ""), ("job", f"jobs/job/{job.id}/change/")):
        admin.goto(f"{live_server.url}/admin/{path}")
        look(admin, f"{name}-narrow")
        assert admin.evaluate("document.documentElement.scrollWidth") == 390, name


def test_a_key_is_issued_and_its_token_shown_once(admin: Page, live_server: LiveServer) -> None:
    admin.goto(f"{live_server.url}/admin/jobs/apikey/add/")
    admin.get_by_label("User:").locator("xpath=..").locator(".select2-selection").click()
    admin.locator(".select2-search__field").fill("ops@")
    admin.get_by_role("option", name=EMAIL).click()
    admin.get_by_label("Name:").fill("deploys")
    admin.get_by_role("button", name="Save", exact=True).click()
    token = admin.locator(".messagelist code").inner_text()
    look(admin, "key")
    assert token.startswith(ApiKey.objects.get().hint)
    admin.reload()
    expect(admin.locator("body")).not_to_contain_text(token)


def test_what_a_tenant_wrote_does_not_run_as_a_script(admin: Page, live_server: LiveServer) -> None:
    attack = "</script><script>window.attacked = 1</script><img src=x onerror='window.attacked = 1'>"
    args = {"method": "get", "url": attack, "headers": {attack: attack}, "query": {attack: attack}, "body": attack}
    job = make_ended_job(JobState.DISCARDED, name=attack, description=attack, url=attack, args=args)
    for path in ("", "jobs/job/", f"jobs/job/{job.id}/change/", f"jobs/job/{job.id}/history/", "jobs/logevent/"):
        admin.goto(f"{live_server.url}/admin/{path}")
        assert admin.evaluate("window.attacked") is None, path
    admin.goto(f"{live_server.url}/admin/jobs/job/{job.id}/change/")
    expect(admin.locator("#events")).to_contain_text("window.attacked = 1")
    look(admin, "attack")
