"""`manage.py invite`: a link with which a password is chosen, once, within a day, by whoever has it."""

import re
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from jobs.guarding import invitations
from jobs.models import AuditEvent, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def invite(email: str = "new@example.com") -> str:
    out = StringIO()
    call_command("invite", email, stdout=out)
    return out.getvalue().strip()


def choose(web: Client, path: str, password: str = PASSWORD) -> Client:
    """What a browser does: follows the link to the form, and sends it."""
    form = web.get(path, follow=True)
    web.post(
        form.redirect_chain[-1][0] if form.redirect_chain else path,
        {"new_password1": password, "new_password2": password},
    )
    return web


def test_the_link_makes_a_user_who_chooses_a_password_and_is_signed_in(web: Client, settings: Settings) -> None:
    settings.BOOPER_PUBLIC_URL = "https://booper.example.com"
    link = invite("New@example.com")
    assert re.fullmatch(r"https://booper\.example\.com/invite/[\w-]+/[\w-]+/", link)
    user = User.objects.get(email="new@example.com")
    assert not user.has_usable_password()
    choose(web, link.removeprefix(settings.BOOPER_PUBLIC_URL))
    assert User.objects.get(id=user.id).check_password(PASSWORD)
    assert web.session["_auth_user_id"] == str(user.id)
    assert not user.is_staff
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["user.invited", "sign_in", "password.chosen"]


def test_below_a_path_of_a_site_the_link_has_that_path_once(settings: Settings) -> None:
    settings.BOOPER_PUBLIC_URL, settings.BOOPER_BASE_PATH = "https://example.com/booper", "/booper"
    assert invite().startswith("https://example.com/booper/invite/")


def test_the_link_is_good_once(web: Client) -> None:
    path = invitations.path(make_user())
    choose(web, path)
    again = Client()
    choose(again, path, "another password of mine")
    assert User.objects.get().check_password(PASSWORD)
    assert "not good any more" in again.get(path, follow=True).content.decode()


def test_the_link_is_good_for_a_day(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = invitations.path(make_user())
    made_at = invitations.tokens._now()
    for hours, is_good in ((23, True), (25, False)):
        later: datetime = made_at + timedelta(hours=hours)
        monkeypatch.setattr(invitations.tokens, "_now", lambda later=later: later)
        assert ("not good any more" in web.get(path, follow=True).content.decode()) is not is_good


def test_the_link_of_one_is_none_of_anothers(web: Client) -> None:
    mine, theirs = (invitations.path(make_user(email)) for email in ("a@example.com", "b@example.com"))
    crossed = "/".join([*mine.split("/")[:3], *theirs.split("/")[3:]])
    assert "not good any more" in web.get(crossed, follow=True).content.decode()


def test_a_password_that_is_too_easy_is_refused(web: Client) -> None:
    user = make_user()
    choose(web, invitations.path(user), "password1")
    assert User.objects.get().password == user.password


def test_who_is_not_active_is_not_invited() -> None:
    User.objects.create(email="off@example.com", is_active=False)
    with pytest.raises(CommandError, match="not active"):
        invite("off@example.com")
