"""What an owner does in a browser: sign in, look, find, retry, cancel many; on a screen and on a telephone."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from jobs.database import clock
from jobs.models import Job, JobState, User
from tests.admin import make_ended_job
from tests.conftest import Announced
from tests.factories import make_job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
HOUR = timedelta(hours=1)


@pytest.fixture(params=[pytest.param((width, scheme), id=f"{width}-{scheme}") for width, scheme in (
    (1440, "light"), (390, "light"), (1440, "dark"))])  # fmt: skip
def owner(request: pytest.FixtureRequest, browser_page: Page, live_server: LiveServer, announced: Announced) -> Page:
    """/home, signed in to; whatever a script of ours says in the console is a failure."""
    width, scheme = request.param
    browser_page.on("console", lambda message: pytest.fail(message.text) if message.type == "error" else None)
    browser_page.set_viewport_size({"width": width, "height": 900})
    browser_page.emulate_media(color_scheme=scheme)
    User.objects.create_user(EMAIL, PASSWORD)
    browser_page.goto(f"{live_server.url}/")
    browser_page.get_by_label("Email").fill(EMAIL.title())
    browser_page.get_by_label("Password").fill(PASSWORD)
    browser_page.get_by_role("button", name="Sign in").click()
    expect(browser_page.get_by_role("heading", name="Home")).to_be_visible()
    return browser_page


def look(page: Page, name: str) -> None:
    """Nothing stands out of the window; with SCREENSHOTS, a picture for a person to look at."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def test_an_owner_finds_a_failed_job_and_retries_it(owner: Page, live_server: LiveServer, announced: Announced) -> None:
    failed = make_ended_job(JobState.DISCARDED, name="charge customer 8841")
    make_job(name="x" * 255, scheduled_at=clock.now() + HOUR)
    owner.goto(f"{live_server.url}/jobs")
    look(owner, "jobs")
    owner.get_by_label("Search jobs").fill("state:discarded customer")
    owner.get_by_label("Search jobs").press("Enter")
    expect(owner.locator("tbody tr")).to_have_count(1)
    owner.get_by_role("link", name="charge customer 8841").click()
    expect(owner.locator(".alarm")).to_contain_text("the target answered 500")
    look(owner, "job")
    owner.get_by_role("button", name="Retry").click()
    expect(owner.locator(".notice")).to_have_text(f"Job {failed.id} is retried.")
    assert Job.objects.get(id=failed.id).state == JobState.RETRYABLE
    assert len(announced.jobs) == 1


def test_an_owner_cancels_all_that_match_once_their_number_is_shown(owner: Page, live_server: LiveServer) -> None:
    for _ in range(60):
        make_job(name="invoice", scheduled_at=clock.now() + HOUR)
    owner.goto(f"{live_server.url}/jobs?q=invoice")
    owner.get_by_role("button", name="Cancel…").first.click()
    expect(owner.get_by_role("heading", level=1)).to_have_text("Cancel 60 jobs?")
    look(owner, "bulk")
    owner.get_by_role("button", name="Cancel 60").click()
    expect(owner.locator(".notice")).to_have_text("60 jobs cancelled.")
    assert set(Job.objects.values_list("state", flat=True)) == {"cancelled"}


def test_rows_are_chosen_and_keys_lead_around(owner: Page, live_server: LiveServer) -> None:
    jobs = [make_job(name=f"job {number}", scheduled_at=clock.now() + HOUR) for number in range(3)]
    owner.goto(f"{live_server.url}/jobs")
    expect(owner.locator("[data-bar]")).to_be_hidden()
    owner.get_by_label(f"Select job {jobs[0].id}").check()
    expect(owner.locator("[data-bar]")).to_contain_text("1 selected")
    owner.locator("[data-bar]").get_by_role("button", name="Run now…").click()
    owner.get_by_role("button", name="Run now 1").click()
    expect(owner.locator(".notice")).to_have_text("1 job run now.")
    owner.keyboard.press("j")
    owner.keyboard.press("j")
    owner.keyboard.press("Enter")
    expect(owner.get_by_role("heading", level=1)).to_have_text("job 1")


def test_a_list_is_asked_for_anew_by_itself(owner: Page, live_server: LiveServer) -> None:
    owner.goto(f"{live_server.url}/jobs")
    expect(owner.locator(".empty")).to_be_visible()
    make_job(name="just made", scheduled_at=clock.now() + HOUR)
    expect(owner.get_by_role("link", name="just made")).to_be_visible(timeout=15_000)


def test_what_was_written_by_others_does_not_run_as_a_script(owner: Page, live_server: LiveServer) -> None:
    attack = "</script><script>window.attacked = 1</script><img src=x onerror='window.attacked = 1'>"
    args = {"method": "get", "url": attack, "headers": {attack: attack}, "query": {attack: attack}, "body": attack}
    job = make_ended_job(JobState.DISCARDED, name=attack, description=attack, url=attack, args=args)
    for path in ("/home", "/jobs", f"/jobs/{job.id}", f"/jobs?q={attack}"):
        owner.goto(f"{live_server.url}{path}")
        assert owner.evaluate("window.attacked") is None, path


def test_an_owner_makes_a_job_by_the_form_and_sees_it(owner: Page, live_server: LiveServer) -> None:
    owner.get_by_role("link", name="New job").click()
    owner.get_by_label("URL", exact=True).fill("https://example.com/hook")
    owner.get_by_label("Body").fill('{"content": "Hi"')
    owner.get_by_label("In", exact=True).fill("90 minutes")
    expect(owner.locator("#preview .errors")).to_contain_text("body")
    owner.get_by_label("Body").fill('{"content": "Hi"}')
    expect(owner.locator("#preview .errors")).to_have_count(0)
    expect(owner.locator("#preview")).to_contain_text("in 1 h 30 min")
    expect(owner.locator("#curl")).to_contain_text('"schedule_in": "90 minutes"')
    look(owner, "new-job")
    owner.get_by_role("button", name="Make it").click()
    expect(owner.locator(".alarm")).to_contain_text("it is due at")
    assert Job.objects.get().args["body"] == {"content": "Hi"}


def test_a_schedule_is_made_paused_and_resumed(owner: Page, live_server: LiveServer) -> None:
    owner.goto(f"{live_server.url}/schedules/new")
    owner.get_by_label("URL", exact=True).fill("https://example.com/hook")
    owner.get_by_label("Cron").fill("0 9 * * 1-5")
    expect(owner.locator("#preview")).to_contain_text("At 09:00 on weekdays")
    look(owner, "new-schedule")
    owner.get_by_role("button", name="Make it").click()
    expect(owner.locator(".alarm")).to_contain_text("at 09:00 on weekdays")
    owner.get_by_text("Pause…").click()
    owner.get_by_label("Why, for whoever wonders").fill("holidays")
    owner.get_by_role("button", name="Pause it").click()
    expect(owner.locator(".alarm")).to_contain_text("holidays")
    look(owner, "schedule")
    owner.get_by_role("button", name="Resume").click()
    expect(owner.locator(".notice")).to_contain_text("Resumed")
    owner.goto(f"{live_server.url}/schedules")
    look(owner, "schedules")
