"""axe-core finds nothing serious on any page of owners and operators, on a screen and a telephone, dark and light."""

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib import admin
from django_celery_beat.models import PeriodicTask
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from jobs.database import clock
from jobs.guarding import inbox, password_resets
from jobs.guarding.inbox import Arrived
from jobs.models import Job, JobState, Queue, Receiver, User
from tests import second_factors
from tests.admin import make_ended_job, start_worker
from tests.api import Api, data_of
from tests.conftest import Announced
from tests.factories import make_schedule, make_user

# Thirty pages each, of which a busy machine looks at one in four seconds.
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
HOUR = timedelta(hours=1)
# How large what is pressed has to be is not among the rules that are judged unless it is asked for.
# Style sheets are left where they are: axe would copy them into the page, which its policy forbids.
RULES = {"resultTypes": ["violations"], "preload": False, "rules": {"target-size": {"enabled": True}}}
LOOKS = [pytest.param((width, scheme), id=f"{width}-{scheme}") for width in (1440, 390) for scheme in ("light", "dark")]
OWNERS_PAGES = (
    "home", "jobs", "jobs?q=state:discarded", "jobs/new", "jobs/{failed}", "jobs/{waiting}", "jobs/{waiting}/edit",
    "schedules", "schedules/new", "schedules/{schedule}", "queues", "deliveries", "failures", "alerts",
    "alerts/{alert}", "inbox", "calendars", "keys", "secrets", "limits", "account",
    "nothing-here",
)  # fmt: skip
ADMIN_PAGES = (
    "", "jobs/job/?owner=ada%40example.com&state=discarded", "jobs/job/{failed}/change/", "jobs/job/{waiting}/change/",
    "jobs/job/{failed}/history/", "jobs/user/add/", "jobs/user/{user}/change/", "jobs/user/{tenant}/change/",
    "jobs/apikey/add/", "auth/group/add/", "jobs/schedule/{long}/change/", "jobs/queue/{queue}/change/",
    "jobs/receiver/{receiver}/change/",
    "django_celery_beat/periodictask/add/", "django_celery_beat/periodictask/{entry}/change/",
    "django_celery_beat/crontabschedule/add/", "django_celery_beat/clockedschedule/add/",
)  # fmt: skip


@pytest.fixture(params=LOOKS)
def reader(request: pytest.FixtureRequest, browser_page: Page, live_server: LiveServer, announced: Announced) -> Page:
    """A window in which nobody has signed in yet."""
    width, scheme = request.param
    browser_page.set_viewport_size({"width": width, "height": 900})
    browser_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    return browser_page


@pytest.fixture
def ids(api: Api, user: User) -> dict[str, object]:
    """One of everything, of one owner who is an operator too; what stands in the paths for it."""
    user.set_password(PASSWORD)
    user.is_staff = user.is_superuser = True
    user.save()
    failed = make_ended_job(JobState.DISCARDED, name="charge customer 8841", callback_url="https://example.com/back")
    schedule = make_schedule(first=clock.now() + HOUR, spec={"name": "nightly export"})
    asked = {"url": "https://example.com/", "schedule_in": "1 hour", "queue": "mail", "tags": ["billing"]}
    waits = data_of(api.post("/api/jobs", asked), status=201)
    told = {"name": "many fail", "when": {"discarded": 1}, "to": ["https://example.com/alerts"]}
    alert = data_of(api.post("/api/alerts", told), status=201)
    data_of(api.post(f"/api/alerts/{alert['id']}/test"), status=202)
    data_of(api.call("PUT", "/api/queues/mail", {"concurrency": 3}))
    for path, body in (("secrets/TOKEN", {"value": "tulip"}), ("calendars/off", {"dates": ["2027-12-24"]})):
        assert api.call("PUT", f"/api/{path}", body).status_code == 201
    now = clock.now()
    receiver = Receiver.objects.create(
        user=user, origin="https://off.example", failing_since=now, last_failed_at=now, disabled_at=now
    )
    start_worker(now=now)
    sent = Arrived(method="POST", path="/hook", query="a=1", headers={"X": "1"}, body=b"{}", address="::1")
    inbox.keep(inbox.of_user(user.id), sent, now=now)
    entry = PeriodicTask.objects.latest("id")
    waiting = Job.objects.get(uuid=waits["id"])
    tenant = make_user(f"{'a' * 60}.{'b' * 60}@{'c' * 60}.example.com")
    long = make_schedule(first=now + HOUR, spec={"name": "n" * 255})
    return {"failed": failed.id, "waiting": waiting.id, "schedule": schedule.id, "alert": alert["id"],
            "user": user.id, "entry": entry.id, "tenant": tenant.id, "long": long.id,
            "queue": Queue.objects.get().id, "receiver": receiver.id}  # fmt: skip


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def expect_nothing_serious(page: Page, urls: Iterable[str]) -> None:
    """Says what is serious on any of the pages, a line each; that one is wider than the window is serious too."""
    found = []
    for url in urls:
        page.goto(url)
        found += serious_on(page, url)
    assert not found, "\n".join(found)


def serious_on(page: Page, url: str) -> list[str]:
    """The same of the page as it is now, under the name of `url`."""
    found = []
    look(page, url)
    for each in Axe().run(page, options=RULES).response["violations"]:
        places = "; ".join(f"{place['target']} {place['failureSummary']}" for place in each["nodes"][:4])
        if each["impact"] in ("serious", "critical"):
            found.append(f"{url}: {each['id']}, {len(each['nodes'])} times: {places}")
    width = page.evaluate("document.documentElement.scrollWidth")
    if page.viewport_size and width > page.viewport_size["width"]:
        found.append(f"{url}: {width} px wide")
    return found


def look(page: Page, url: str) -> None:
    """Keeps a picture of the whole page in the folder that SCREENSHOTS names, for a person to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        width = page.viewport_size["width"] if page.viewport_size else 0
        scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
        name = "".join(letter if letter.isalnum() else "-" for letter in url.partition("/")[2].partition("/")[2])
        page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)


def mailed_token() -> str:
    """What stands in the link that was mailed to a user."""
    User.objects.create_user(EMAIL, PASSWORD)
    password_resets.ask(EMAIL, {}, now=clock.now())
    [row] = password_resets.claim(now=clock.now())
    letter = password_resets.letter(row, now=clock.now())
    assert letter is not None
    return letter.link.rpartition("/")[2]


def test_before_the_sign_in(reader: Page, live_server: LiveServer, settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    paths = ["sign-in", "admin/login/", "invite/QQ/none/", "sign-in/0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22/none"]
    paths += ["sign-in/forgot", f"reset/{mailed_token()}", "reset/none"]
    expect_nothing_serious(reader, (f"{live_server.url}/{path}" for path in paths))


def test_the_pages_of_an_owner(reader: Page, live_server: LiveServer, ids: dict[str, object]) -> None:
    sign_in(reader, live_server.url)
    expect_nothing_serious(reader, (f"{live_server.url}/{path.format(**ids)}" for path in OWNERS_PAGES))


def test_the_admin(reader: Page, live_server: LiveServer, ids: dict[str, object]) -> None:
    sign_in(reader, live_server.url)
    lists = [f"{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    paths = [*lists, *(path.format(**ids) for path in ADMIN_PAGES)]
    expect_nothing_serious(reader, (f"{live_server.url}/admin/{path}" for path in paths))


def test_the_page_of_the_api_is_read_and_pressed_by_everybody(reader: Page, live_server: LiveServer) -> None:
    reader.goto(f"{live_server.url}/api/docs")
    expect(reader.locator(".opblock").first).to_be_visible()
    found = serious_on(reader, "//api/docs")
    # A button around a link is how Swagger UI is made.
    assert [line for line in found if ": nested-interactive, " not in line] == []


def test_the_second_factor_and_the_code_after_the_password(
    reader: Page, live_server: LiveServer, ids: dict[str, object], settings: Settings
) -> None:
    settings.BOOPER_SECOND_FACTOR = "staff"
    reader.goto(f"{live_server.url}/sign-in")
    reader.get_by_label("Email").fill(EMAIL)
    reader.get_by_label("Password").fill(PASSWORD)
    reader.get_by_role("button", name="Sign in").click()
    expect(reader.get_by_text("requires a second factor")).to_be_visible()
    found = serious_on(reader, "//factor/required")
    reader.get_by_label("Your password").fill(PASSWORD)
    reader.get_by_role("button", name="Begin").click()
    found += serious_on(reader, "//factor/begun")
    secret = reader.locator("#secret").inner_text()
    reader.get_by_label("The six digits").fill(second_factors.code_at(clock.now(), secret))
    reader.get_by_role("button", name="Turn it on").click()
    expect(reader.locator("#codes")).to_be_visible()
    found += serious_on(reader, "//factor/codes")
    reader.goto(f"{live_server.url}/account/second-factor")
    found += serious_on(reader, "//factor/on")
    reader.context.clear_cookies()
    sign_in_form = reader.goto(f"{live_server.url}/admin/login/?next=/admin/")
    assert sign_in_form is not None
    reader.get_by_label("Email").fill(EMAIL)
    reader.get_by_label("Password").fill(PASSWORD)
    reader.get_by_role("button", name="Log in").click()
    expect(reader.get_by_label("six digits")).to_be_focused()
    reader.get_by_text("The device is gone?").click()
    found += serious_on(reader, "//factor/code")
    assert not found, "\n".join(found)
