"""/account: where one is signed in, ended by one or all others; another password ends the others too."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs.guarding import sessions, sign_in_attempts
from jobs.models import AuditEvent, SignIn, User
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/26.0 Safari/604.1"


@pytest.fixture
def ada(settings: Settings, stopped_clock: StoppedClock, db: None) -> User:
    settings.WHITENOISE_AUTOREFRESH = True
    return User.objects.create_user("ada@example.com", PASSWORD)


def browser(user_agent: str = FIREFOX, address: str = "192.0.2.1", *, is_careful: bool = False) -> Client:
    return Client(REMOTE_ADDR=address, headers={"User-Agent": user_agent}, enforce_csrf_checks=is_careful)


def sign_in(client: Client, email: str = "ada@example.com") -> Client:
    assert client.post("/sign-in", {"email": email, "password": PASSWORD}).status_code == 302
    return client


@pytest.fixture
def here(ada: User) -> Client:
    return sign_in(browser())


@pytest.fixture
def there(here: Client) -> Client:
    """Another browser of the same user."""
    return sign_in(browser(SAFARI, "198.51.100.7"))


def is_in(client: Client) -> bool:
    return client.get("/home").status_code == 200


def listed(client: Client) -> list[str]:
    html = client.get("/account").content.decode()
    return [
        re.sub(r"<[^>]+>", " ", row).split("Sign out")[0] for row in re.findall(r"<tr><td.*?</tr>", html, re.DOTALL)
    ]


def test_it_says_where_one_is_signed_in_since_when_and_which_is_this_one(here: Client, there: Client) -> None:
    phone, computer = listed(here)
    assert "Safari on iPhone" in phone
    assert "198.51.100.7" in phone
    assert "Firefox on Windows (this one)" in re.sub(r"\s+", " ", computer)
    assert "1 Mar 2026, 12:00:00" in computer


def test_one_is_ended_and_the_others_go_on(here: Client, there: Client, ada: User) -> None:
    row = SignIn.objects.get(address="198.51.100.7")
    answer = here.post(f"/account/sessions/{row.id}/end", follow=True)
    assert "Safari on iPhone at 198.51.100.7 is signed out." in answer.content.decode()
    assert not is_in(there)
    assert is_in(here)
    assert len(listed(here)) == 1
    event = AuditEvent.objects.get(action="session.ended")
    assert (event.user_id, event.details["address"]) == (ada.id, "198.51.100.7")


def test_ending_this_one_leads_to_sign_in(here: Client, there: Client) -> None:
    row = SignIn.objects.get(address="192.0.2.1")
    assert here.post(f"/account/sessions/{row.id}/end").headers["Location"] == "/sign-in"
    assert not is_in(here)
    assert is_in(there)


def test_all_others_are_ended_those_too_of_which_nothing_was_noted(here: Client, there: Client) -> None:
    SignIn.objects.filter(address="198.51.100.7").delete()
    here.post("/account/sessions/end-others")
    assert not is_in(there)
    assert is_in(here)
    [own] = listed(here)
    assert "this one" in own
    assert "1 Mar 2026, 12:00:00" in own


def test_another_password_ends_the_others(here: Client, there: Client, ada: User) -> None:
    new = "another horse battery"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post("/account/password", form).status_code == 302
    assert not is_in(there)
    assert is_in(here)
    assert len(listed(here)) == 1
    ada.refresh_from_db()
    assert ada.check_password(new)
    assert AuditEvent.objects.filter(action="password.changed", user_id=ada.id).count() == 1


def test_what_an_operator_changes_meanwhile_stays_changed(
    here: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = PasswordChangeForm.clean_old_password

    def and_limited(form: PasswordChangeForm) -> str:
        User.objects.filter(id=ada.id).update(limits={"keys": 1})
        return looked_at(form)

    monkeypatch.setattr(PasswordChangeForm, "clean_old_password", and_limited)
    form = {"old_password": PASSWORD, "new_password1": "another horse", "new_password2": "another horse"}
    assert here.post("/account/password", form).status_code == 302
    ada.refresh_from_db()
    assert ada.limits == {"keys": 1}
    assert ada.check_password("another horse")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"old_password": "wrong"}, "old password was entered incorrectly"),
        ({"new_password2": "something else"}, "password fields didn"),
        ({"new_password1": "short", "new_password2": "short"}, "too short"),
    ],
)
def test_a_password_that_is_refused_changes_nothing(
    here: Client, there: Client, change: dict[str, str], said: str
) -> None:
    form = {"old_password": PASSWORD, "new_password1": "another horse", "new_password2": "another horse"} | change
    answer = here.post("/account/password", form)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert is_in(there)


def test_who_has_a_session_can_not_guess_the_password_without_end(here: Client) -> None:
    form = {"old_password": "wrong", "new_password1": "another horse", "new_password2": "another horse"}
    assert [here.post("/account/password", form).status_code for _ in range(11)] == [400] * 10 + [429]


def test_a_password_set_in_the_admin_ends_all_of_the_users(here: Client, ada: User) -> None:
    ada.set_password("another horse battery")
    ada.save()
    assert not is_in(here)
    assert not sessions.of_user(ada).exists()


def test_anothers_session_is_not_there(here: Client, ada: User) -> None:
    User.objects.create_user("grace@example.com", PASSWORD)
    stranger = sign_in(browser(), "grace@example.com")
    row = SignIn.objects.get(user=ada)
    assert stranger.post(f"/account/sessions/{row.id}/end").status_code == 404
    stranger.post("/account/sessions/end-others")
    assert is_in(here)


def test_each_form_has_its_csrf_check(ada: User) -> None:
    careful = browser(is_careful=True)
    careful.force_login(ada)
    row = SignIn.objects.get()
    for path in (f"/account/sessions/{row.id}/end", "/account/sessions/end-others", "/account/password"):
        assert careful.post(path).status_code == 403, path
    assert is_in(careful)


def test_use_is_noted_every_few_minutes_and_costs_no_query_between(here: Client, stopped_clock: StoppedClock) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert is_in(here)
        return [query["sql"] for query in captured if "jobs_signin" in query["sql"]]

    assert queries() == []
    stopped_clock.advance(minutes=4)
    assert queries() == []
    stopped_clock.advance(minutes=1)
    assert len(queries()) == 1
    assert queries() == []
    row = SignIn.objects.get()
    assert (row.began_at, row.used_at) == (NOON, NOON + timedelta(minutes=5))


def test_a_session_from_before_is_listed_once_it_is_used(here: Client) -> None:
    SignIn.objects.all().delete()
    sessions.forget()
    [own] = listed(here)
    assert "earlier" in own


def test_signing_out_takes_it_from_the_list(here: Client, there: Client) -> None:
    there.post("/sign-out")
    assert len(listed(here)) == 1


def test_what_is_over_is_deleted(here: Client, stopped_clock: StoppedClock) -> None:
    Session.objects.update(expire_date=NOON + timedelta(days=14))
    sessions.delete_old(now=NOON + timedelta(days=14))
    assert (Session.objects.count(), SignIn.objects.count()) == (1, 1)
    sessions.delete_old(now=NOON + timedelta(days=15, hours=1))
    assert (Session.objects.count(), SignIn.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/account/sessions/end-others", {}),
        (
            "/account/password",
            {"old_password": PASSWORD, "new_password1": "another battery", "new_password2": "another battery"},
        ),
    ],
)
def test_a_session_that_is_ended_while_its_own_request_is_under_way_stays_so_and_changes_nothing(
    here: Client, there: Client, ada: User, monkeypatch: pytest.MonkeyPatch, path: str, form: dict[str, str]
) -> None:
    ended = there.session.session_key

    for module, name in ((sessions, "end_others"), (sign_in_attempts, "begin")):
        called = getattr(module, name)

        def end_it_first(*arguments: Any, called: Callable[..., Any] = called, **named: Any) -> Any:
            Session.objects.filter(session_key=ended).delete()
            return called(*arguments, **named)

        monkeypatch.setattr(module, name, end_it_first)
    before = User.objects.get(pk=ada.pk)
    assert there.post(path, form).status_code == 400
    after = User.objects.get(pk=ada.pk)
    assert (after.password, after.signed_out_at) == (before.password, before.signed_out_at)
    assert not is_in(there)
    assert is_in(here)
    assert Session.objects.count() == 1
    assert not AuditEvent.objects.filter(action__in=["session.others_ended", "password.changed"]).exists()


@pytest.mark.parametrize("first", ["/account/sessions/end-others", "/account/password"])
@pytest.mark.parametrize("second", ["/account/sessions/end-others", "/account/password"])
def test_of_two_sessions_that_end_each_other_the_first_stays_and_the_other_changes_nothing(
    here: Client, there: Client, ada: User, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    other = "yet another battery"
    forms = [
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new} for new in (other, "a third battery")
    ]
    answers: list[int | None] = []
    kept: list[User] = []
    for module, name in ((sessions, "end_others"), (sign_in_attempts, "begin")):
        called = getattr(module, name)

        def let_it_go_first(*arguments: Any, called: Callable[..., Any] = called, **named: Any) -> Any:
            if not answers:
                answers.append(None)
                answers[0] = here.post(first, forms[0]).status_code
                kept.append(User.objects.get(pk=ada.pk))
            return called(*arguments, **named)

        monkeypatch.setattr(module, name, let_it_go_first)
    refused = there.post(second, forms[1])
    assert answers == [302]
    assert refused.status_code == 400
    after = User.objects.get(pk=ada.pk)
    assert (after.password, after.signed_out_at) == (kept[0].password, kept[0].signed_out_at)
    assert is_in(here)
    assert not is_in(there)


def test_a_session_is_ended_under_the_key_that_it_has_by_then(here: Client, there: Client, ada: User) -> None:
    noted = SignIn.objects.get(session_key=there.session.session_key)
    session = there.session
    session.cycle_key()
    sessions.end(noted, actor="ada", now=NOON)
    assert not Session.objects.filter(session_key=session.session_key).exists()
    assert is_in(here)
