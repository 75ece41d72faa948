"""What an owner does with their account in a browser: end a session elsewhere, choose another password."""

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

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
    owner.get_by_label("The one you have").fill("wrong")
    owner.get_by_label("The new one").fill("another horse battery")
    owner.get_by_label("Once more").fill("another horse battery")
    owner.get_by_role("button", name="Change it").click()
    expect(owner.get_by_role("alert")).to_contain_text("old password")
    look(owner, "account-refused")
    owner.get_by_label("The one you have").fill(PASSWORD)
    owner.get_by_label("The new one").fill("another horse battery")
    owner.get_by_label("Once more").fill("another horse battery")
    owner.get_by_role("button", name="Change it").click()
    expect(owner.locator(".notice")).to_contain_text("signed out everywhere but here")


def test_who_has_to_wait_is_told_so(owner: Page, live_server: LiveServer) -> None:
    for _ in range(10):
        Client(REMOTE_ADDR="127.0.0.1").post("/sign-in", {"email": "ada@example.com", "password": "wrong"})
    owner.context.clear_cookies()
    owner.goto(f"{live_server.url}/sign-in")
    owner.get_by_label("Email").fill("ada@example.com")
    owner.get_by_label("Password").fill(PASSWORD)
    owner.get_by_role("button", name="Sign in").click()
    expect(owner.get_by_role("alert")).to_contain_text("Too many wrong passwords")
    look(owner, "locked-out")
