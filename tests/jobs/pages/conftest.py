"""A reader who is signed in, and a stranger who is too."""

import math
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import clear_url_caches, set_urlconf
from pytest_django import Settings

from jobs.models import User
from tests import oidc_provider
from tests.conftest import Announced, StoppedClock
from tests.oidc_provider import Provider


@pytest.fixture
def reader(web: Client, user: User, stopped_clock: StoppedClock, announced: Announced) -> Client:
    """A browser in which `user` is signed in."""
    web.force_login(user)
    return web


@pytest.fixture
def stranger(reader: Client, other_user: User) -> Client:
    """A browser in which `other_user` is signed in."""
    browser = Client()
    browser.force_login(other_user)
    return browser


@pytest.fixture
def provider(settings: Settings, stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    settings.WHITENOISE_AUTOREFRESH = True
    with oidc_provider.serving() as provider:
        settings.BOOPER_OIDC = provider.client()
        settings.ROOT_URLCONF = "tests.urls_with_provider"
        # What went wrong in another test was told by that one.
        monkeypatch.setattr("jobs.pages.provider_sign_in._LastTold.at", -math.inf)
        yield provider
    set_urlconf(None)
    clear_url_caches()
