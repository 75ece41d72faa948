"""A reader who is signed in, and a stranger who is too."""

import pytest
from django.test import Client

from jobs.models import User
from tests.conftest import Announced, StoppedClock


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
