"""Signing in by a provider in a browser: by the button, there, and back to where one was going."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import clear_url_caches, set_urlconf
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from jobs.models import User
from tests import oidc_provider
from tests.browser.conftest import ARGUMENTS, POLICY
from tests.oidc_provider import Provider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def provider(settings: Settings, live_server: LiveServer) -> Iterator[Provider]:
    with oidc_provider.serving() as provider:
        provider.asks = True
        settings.BOOPER_OIDC = provider.client()
        settings.BOOPER_PUBLIC_URL = live_server.url
        settings.ROOT_URLCONF = "tests.urls_with_provider"
        yield provider
    set_urlconf(None)
    clear_url_caches()


@pytest.fixture
def page(chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """As `browser_page`, but that it may ask another host: the provider is one."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    errors: list[str] = []
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=ARGUMENTS, headless=True
        )
        page = context.pages[0]
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if POLICY in message.text else None)
        yield page
        context.close()
    assert errors == []


def test_somebody_signs_in_there_and_is_back_where_they_were_going(
    page: Page, provider: Provider, live_server: LiveServer
) -> None:
    User.objects.create_user("ada@example.com")
    page.goto(f"{live_server.url}/keys")
    page.get_by_role("link", name="Sign in with Our house").click()
    expect(page).to_have_title("Provider")
    page.get_by_role("link", name="It is me").click()
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    assert page.url == f"{live_server.url}/keys"
    page.goto(f"{live_server.url}/account")
    expect(page.get_by_text("Signs you in since")).to_be_visible()


def test_who_is_not_let_in_there_reads_why_and_may_try_again(
    page: Page, provider: Provider, live_server: LiveServer
) -> None:
    User.objects.create_user("ada@example.com")
    provider.refuses = "access_denied"
    page.goto(f"{live_server.url}/sign-in")
    page.get_by_role("link", name="Sign in with Our house").click()
    page.get_by_role("link", name="It is me").click()
    expect(page.get_by_role("alert")).to_contain_text("has not let you in")
    provider.refuses = ""
    page.get_by_role("link", name="Sign in with Our house").click()
    page.get_by_role("link", name="It is me").click()
    expect(page).to_have_url(f"{live_server.url}/home")
