"""What an owner does with their account in a browser: end a session elsewhere, choose another password, wait."""

from datetime import timedelta

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from jobs.database import clock
from jobs.models import User
from tests import second_factors
from tests.browser.test_pages_in_a_browser import EMAIL, PASSWORD, look, owner

__all__ = ["owner"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_owner_ends_a_session_elsewhere_and_chooses_another_password(owner: Page, live_server: LiveServer) -> None:
    phone = Client(
        REMOTE_ADDR="2001:db8:85a3:8d3:1319:8a2e:370:7348",
        headers={"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/26.0 Safari/604.1"},
    )
    assert phone.post("/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code == 302
    owner.get_by_role("link", name="Account").click()
    expect(owner.locator("tbody tr")).to_have_count(2)
    look(owner, "account")
    owner.locator("tbody tr").first.get_by_role("button", name="Sign out").click()
    expect(owner.locator(".notice")).to_contain_text("Safari on iPhone")
    expect(owner.locator("tbody tr")).to_have_count(1)
    owner.get_by_label("The one you have").fill(PASSWORD)
    owner.get_by_label("The new one").fill("another horse battery")
    owner.get_by_label("Once more").fill("another horse battery")
    owner.get_by_role("button", name="Change it").click()
    expect(owner.locator(".notice")).to_contain_text("signed out everywhere but here")
    look(owner, "account-changed")


def test_an_owner_turns_a_second_factor_on_and_signs_in_with_it(owner: Page, live_server: LiveServer) -> None:
    owner.goto(f"{live_server.url}/account")
    look(owner, "account-without-factor")
    owner.get_by_role("link", name="Set it up").click()
    owner.get_by_label("Your password").fill(PASSWORD)
    owner.get_by_role("button", name="Begin").click()
    expect(owner.get_by_role("img", name="A QR code")).to_be_visible()
    look(owner, "second-factor-begun")
    secret = owner.locator("#secret").inner_text()
    now = clock.now()
    owner.get_by_label("The six digits").fill(second_factors.code_at(now, secret))
    owner.get_by_role("button", name="Turn it on").click()
    recovery_code = owner.locator("#codes").inner_text().split()[0]
    look(owner, "second-factor-codes")
    owner.get_by_role("link", name="I have kept them").click()
    owner.context.clear_cookies()
    for code, label in (
        (second_factors.code_at(now + timedelta(seconds=30), secret), "six digits"),
        (recovery_code, "recovery"),
    ):
        owner.goto(f"{live_server.url}/keys")
        owner.get_by_label("Email").fill(EMAIL)
        owner.get_by_label("Password").fill(PASSWORD)
        owner.get_by_role("button", name="Sign in").click()
        expect(owner.get_by_role("heading", name="Your code")).to_be_visible()
        look(owner, "sign-in-code")
        if label == "recovery":
            owner.get_by_text("The device is gone?").click()
        owner.get_by_label(label).fill(code)
        owner.get_by_label(label).press("Enter")
        expect(owner.get_by_role("heading", name="Keys")).to_be_visible()
        owner.context.clear_cookies()


def test_who_has_to_wait_is_told_so(browser_page: Page, live_server: LiveServer) -> None:
    User.objects.create_user(EMAIL, PASSWORD)
    for _ in range(10):
        Client(REMOTE_ADDR="127.0.0.1").post("/sign-in", {"email": EMAIL, "password": "wrong"})
    for path, label in (("sign-in", "Email"), ("admin/login/", "Email")):
        browser_page.goto(f"{live_server.url}/{path}")
        browser_page.get_by_label(label).fill(EMAIL)
        browser_page.get_by_label("Password").fill(PASSWORD)
        browser_page.get_by_role("button", name="in").click()
        expect(browser_page.get_by_text("Too many wrong passwords")).to_be_visible()
        look(browser_page, f"locked-out-{path.partition('/')[0]}")
