"""Sessions in the admin: listed for who may look, ended by who may change them, superusers' by superusers alone."""

import pytest
from django.test import Client
from pytest_django import Settings

from jobs.models import AuditEvent, SignIn, User
from tests.admin import log_in, page, rows
from tests.conftest import StoppedClock

pytestmark = pytest.mark.django_db

LIST = "jobs/signin/"


@pytest.fixture
def owner_browser(user: User, settings: Settings, stopped_clock: StoppedClock) -> Client:
    settings.WHITENOISE_AUTOREFRESH = True
    browser = Client(REMOTE_ADDR="192.0.2.1")
    browser.force_login(user)
    return browser


def end(web: Client, *ids: object) -> None:
    web.post(f"/admin/{LIST}", {"action": "end_selected", "_selected_action": [str(each) for each in ids]})


def test_an_operator_sees_whose_they_are_and_ends_one(owner_browser: Client, web: Client, user: User) -> None:
    log_in(web, "everything")
    row = SignIn.objects.get(user=user)
    assert rows(web, LIST) == [SignIn.objects.get(user__is_staff=True).pk, row.pk]
    assert user.email in page(web, LIST)
    assert row.session_key not in page(web, LIST) + page(web, f"{LIST}{row.pk}/change/")
    end(web, row.pk)
    assert owner_browser.get("/home").status_code == 302
    assert AuditEvent.objects.get(action="session.ended").actor == "operator ops@example.com"


def test_who_may_only_look_ends_none(owner_browser: Client, web: Client, user: User) -> None:
    log_in(web, "view_signin")
    row = SignIn.objects.get(user=user)
    assert row.pk in rows(web, LIST)
    end(web, row.pk)
    assert owner_browser.get("/home").status_code == 200


def test_who_is_no_superuser_ends_no_superusers(owner_browser: Client, web: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    log_in(web, "change_signin")
    end(web, SignIn.objects.get(user=user).pk)
    assert owner_browser.get("/home").status_code == 200


def test_a_session_that_is_over_is_not_listed(owner_browser: Client, web: Client, user: User) -> None:
    log_in(web, "everything")
    owner_browser.post("/sign-out")
    assert len(rows(web, LIST)) == 1
