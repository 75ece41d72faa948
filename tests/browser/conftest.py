"""A headless Chromium with a profile of its own, where there is one on this machine."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings
from playwright.sync_api import Page, sync_playwright

POLICY = "Content Security Policy"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_looked_for_when_asked_for() -> Iterator[None]:
    """Before the server of these tests starts, which takes the settings as they are then."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        missing = f"Chromium is not installed: none of {', '.join(_NAMES)} is on the PATH"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture
def browser_page(chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page in which no script has failed, which has kept to its policy and has asked no other host for anything, by
    the end of the test."""
    # Playwright keeps an event loop in this very thread, by which Django takes the test for asynchronous.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    errors: list[str] = []
    hosts: set[str] = set()
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chromium,
            args=ARGUMENTS,
            headless=True,
            viewport={"width": 1400, "height": 900},
        )
        page = context.pages[0]
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if POLICY in message.text else None)
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        yield page
        context.close()
    assert errors == []
    assert len(hosts) <= 1, hosts
