"""/account/second-factor: turned on by a right code, off by password and code, and led to where it is required."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs.guarding import sessions
from jobs.models import AuditEvent, RecoveryCode, SecondFactor, User
from tests import second_factors
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
PAGE = "/account/second-factor"


@pytest.fixture
def ada(settings: Settings, stopped_clock: StoppedClock, db: None) -> User:
    settings.WHITENOISE_AUTOREFRESH = True
    return User.objects.create_user("ada@example.com", PASSWORD)


def sign_in(client: Client) -> Client:
    assert client.post("/sign-in", {"email": "ada@example.com", "password": PASSWORD}).status_code == 302
    return client


@pytest.fixture
def here(ada: User) -> Client:
    return sign_in(Client())


@pytest.fixture
def armed(here: Client, ada: User, stopped_clock: StoppedClock) -> Client:
    """A session of one who has given the code of their second factor."""
    second_factors.give(ada)
    client = sign_in(Client())
    assert client.post("/sign-in/code", {"code": second_factors.code_at(NOON)}).status_code == 302
    stopped_clock.advance(minutes=1)
    assert is_in(client)
    return client


def is_in(client: Client) -> bool:
    return client.get("/home").status_code == 200


def begun(client: Client, password: str = PASSWORD) -> tuple[str, str]:
    """The secret that the page shows, and what its form carries."""
    html = client.post(f"{PAGE}/begin", {"password": password}).content.decode()
    [secret], [sealed] = (
        re.findall(r'id="secret"[^>]*>(\w+)<', html),
        re.findall(r'name="proposed" value="([^"]+)"', html),
    )
    return secret, sealed


def confirmed(client: Client, secret: str, sealed: str) -> list[str]:
    """The recovery codes that the page shows."""
    answer = client.post(f"{PAGE}/confirm", {"proposed": sealed, "code": second_factors.code_at(NOON, secret)})
    assert answer.status_code == 201
    return codes_in(answer.content.decode())


def codes_in(html: str) -> list[str]:
    [shown] = re.findall(r'<pre id="codes">(.*?)</pre>', html, re.DOTALL)
    return str(shown).split()


def actions() -> list[str]:
    return [name for name in AuditEvent.objects.order_by("id").values_list("action", flat=True) if "factor" in name]


def test_it_is_turned_on_by_a_code_of_what_the_page_shows_and_ends_all_other_sessions(here: Client, ada: User) -> None:
    there = sign_in(Client())
    secret, sealed = begun(here)
    codes = confirmed(here, secret, sealed)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", code) for code in codes)
    ada.refresh_from_db()
    assert ada.second_factor_since == NOON
    assert is_in(here)
    assert not is_in(there)
    # Ended, not asked for a code.
    assert there.get("/sign-in/code").headers["Location"] == "/home"
    assert actions() == ["second_factor.on"]
    shown = here.get(PAGE).content.decode()
    assert "10 recovery codes are left" in shown
    assert secret not in shown
    assert not any(code in shown for code in codes)


def test_the_picture_is_svg_without_anything_that_the_policy_forbids_and_says_the_account(here: Client) -> None:
    answer = here.post(f"{PAGE}/begin", {"password": PASSWORD})
    html = answer.content.decode()
    [svg] = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert "style" not in svg
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "otpauth://totp/Booper%20127.0.0.1:ada%40example.com?secret=" in html


def test_it_takes_the_password_to_begin(here: Client) -> None:
    answer = here.post(f"{PAGE}/begin", {"password": "wrong"})
    assert answer.status_code == 400
    assert "not your password" in answer.content.decode()
    assert "otpauth" not in answer.content.decode()
    assert [here.post(f"{PAGE}/begin", {"password": "wrong"}).status_code for _ in range(10)] == [400] * 9 + [429]


def test_a_wrong_code_turns_nothing_on_and_shows_the_same_secret_again(here: Client, ada: User) -> None:
    secret, sealed = begun(here)
    answer = here.post(f"{PAGE}/confirm", {"proposed": sealed, "code": "000000"})
    assert answer.status_code == 400
    assert secret in answer.content.decode()
    assert not SecondFactor.objects.exists()
    confirmed(here, secret, sealed)


def test_what_was_proposed_is_good_for_an_hour_and_for_nobody_else(
    here: Client, ada: User, stopped_clock: StoppedClock
) -> None:
    _, sealed = begun(here)
    User.objects.create_user("grace@example.com", PASSWORD)
    grace = Client()
    grace.post("/sign-in", {"email": "grace@example.com", "password": PASSWORD})
    for given in (sealed, "", "enc1:", "enc1:nope:AAAA", sealed[:-8] + "AAAAAAA=", ada.signing_secret):
        assert "more than an hour old" in grace.post(f"{PAGE}/confirm", {"proposed": given}).content.decode()
    stopped_clock.advance(minutes=61)
    assert here.post(f"{PAGE}/confirm", {"proposed": sealed, "code": "000000"}).status_code == 400
    assert not SecondFactor.objects.exists()


def test_the_secret_is_encrypted_and_codes_are_hashes_in_the_database(here: Client) -> None:
    secret, sealed = begun(here)
    codes = confirmed(here, secret, sealed)
    with connection.cursor() as cursor:
        stored = ""
        for table in ("jobs_secondfactor", "jobs_recoverycode", "django_session", "jobs_auditevent", "jobs_user"):
            cursor.execute(f"SELECT * FROM {table}")
            stored += str(cursor.fetchall())
    assert "enc1:" in stored
    assert not any(each in stored or each.replace("-", "") in stored for each in (secret, *codes))


def test_off_takes_password_and_code(armed: Client, ada: User, stopped_clock: StoppedClock) -> None:
    code = second_factors.code_at(stopped_clock.moment)
    for form in (
        {},
        {"password": PASSWORD},
        {"password": "wrong", "code": code},
        {"password": PASSWORD, "code": "1" * 6},
    ):
        assert armed.post(f"{PAGE}/off", form).status_code == 400
        assert SecondFactor.objects.exists()
    assert armed.post(f"{PAGE}/off", {"password": PASSWORD, "code": code}).status_code == 302
    ada.refresh_from_db()
    assert ada.second_factor_since is None
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert is_in(armed)
    assert is_in(sign_in(Client()))
    assert actions()[-1] == "second_factor.off"


def test_a_code_that_signed_in_turns_nothing_off(armed: Client) -> None:
    assert armed.post(f"{PAGE}/off", {"password": PASSWORD, "code": second_factors.code_at(NOON)}).status_code == 400
    assert SecondFactor.objects.exists()


def test_new_recovery_codes_take_password_and_code_and_those_before_are_good_no_more(
    armed: Client, ada: User, stopped_clock: StoppedClock
) -> None:
    before = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert armed.post(f"{PAGE}/codes", {"password": PASSWORD, "code": "nope"}).status_code == 400
    code = second_factors.code_at(stopped_clock.moment)
    answer = armed.post(f"{PAGE}/codes", {"password": PASSWORD, "code": code})
    assert answer.status_code == 201
    assert len(codes_in(answer.content.decode())) == 10
    assert before.isdisjoint(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert actions()[-1] == "second_factor.new_recovery_codes"


def test_wrong_codes_there_are_counted_with_those_at_the_sign_in(armed: Client) -> None:
    answers = [armed.post(f"{PAGE}/off", {"password": PASSWORD, "code": "000000"}).status_code for _ in range(11)]
    assert answers == [400] * 10 + [429]
    assert Client().post("/sign-in", {"email": "ada@example.com", "password": PASSWORD}).status_code == 429


def test_a_session_that_was_ended_turns_nothing_off_and_uses_no_code_up(
    armed: Client, ada: User, stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = sessions.hold

    def ended_first(*given: object) -> User:
        User.objects.filter(pk=ada.pk).update(signed_out_at=NOON)
        return hold(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "hold", ended_first)
    before = SecondFactor.objects.get().last_step
    form = {"password": PASSWORD, "code": second_factors.code_at(stopped_clock.moment)}
    assert armed.post(f"{PAGE}/off", form).status_code == 400
    assert SecondFactor.objects.get().last_step == before


def test_each_form_has_its_csrf_check(ada: User) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(ada)
    for path in ("begin", "confirm", "codes", "off"):
        assert careful.post(f"{PAGE}/{path}").status_code == 403
    assert careful.post("/sign-in/code").status_code == 403


@pytest.mark.parametrize(
    ("required", "is_staff", "is_led"),
    [("optional", True, False), ("staff", False, False), ("staff", True, True), ("all", False, True)],
)
def test_who_has_to_have_one_is_led_to_set_it_up_before_anything_else(
    ada: User, settings: Settings, required: str, is_staff: bool, is_led: bool
) -> None:
    settings.BOOPER_SECOND_FACTOR = required
    User.objects.update(is_staff=is_staff)
    client = sign_in(Client())
    answer = client.get("/jobs", follow=True)
    assert (answer.redirect_chain[-1:] == [(f"{PAGE}?next=%2Fjobs", 302)]) is is_led
    if not is_led:
        return
    assert 'class="side"' not in answer.content.decode()
    for path in ("/home", "/account", "/keys", "/admin/", "/admin/jobs/job/"):
        assert client.get(path).status_code == 302, path
    assert client.post("/keys", {"name": "mine"}).status_code == 302
    assert client.post("/account/sessions/end-others").headers["Location"].startswith("/sign-in")
    confirmed(client, *begun(client))
    assert is_in(client)
    assert client.get("/admin/").status_code == (200 if is_staff else 302)


def test_a_session_from_before_the_setting_is_led_there_too(here: Client, settings: Settings) -> None:
    settings.BOOPER_SECOND_FACTOR = "all"
    assert here.get("/home", follow=True).redirect_chain[-1][0].startswith(PAGE)


def test_who_is_led_there_may_leave_instead(ada: User, settings: Settings) -> None:
    settings.BOOPER_SECOND_FACTOR = "all"
    client = sign_in(Client())
    assert client.post("/sign-in/code", {"leave": "1"}).headers["Location"] == "/sign-in"
    assert "Password" in client.get("/sign-in").content.decode()
    assert not Session.objects.filter(session_key=client.session.session_key or "none").exists()


def test_pages_cost_who_has_none_nothing(here: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert is_in(here)
    asked = [query["sql"] for query in queries]
    assert not any("jobs_secondfactor" in sql or "jobs_recoverycode" in sql for sql in asked)
    assert sum('FROM "jobs_user"' in sql and "session" not in sql for sql in asked) == 1


def test_a_session_that_waits_for_its_code_is_nobodys_after_it_was_turned_off(
    armed: Client, ada: User, stopped_clock: StoppedClock
) -> None:
    waiting = sign_in(Client(REMOTE_ADDR="203.0.113.9"))
    code = second_factors.code_at(stopped_clock.moment)
    assert armed.post(f"{PAGE}/off", {"password": PASSWORD, "code": code}).status_code == 302
    assert not is_in(waiting)
    assert waiting.post("/sign-in/code", {"code": code}).status_code == 401
    assert not is_in(waiting)
    before = AuditEvent.objects.filter(action="sign_in").count()
    assert is_in(sign_in(waiting))
    assert AuditEvent.objects.filter(action="sign_in").count() == before + 1
    assert "203.0.113.9" in armed.get("/account").content.decode()


def test_who_waited_for_a_code_may_give_the_password_again_once_it_was_turned_off(
    armed: Client, ada: User, stopped_clock: StoppedClock
) -> None:
    waiting = sign_in(Client(REMOTE_ADDR="203.0.113.9"))
    code = second_factors.code_at(stopped_clock.moment)
    armed.post(f"{PAGE}/off", {"password": PASSWORD, "code": code})
    assert is_in(sign_in(waiting))
    assert sessions.CODE_DUE not in waiting.session


def test_what_was_proposed_is_good_once_and_not_after_another_password(
    here: Client, ada: User, stopped_clock: StoppedClock
) -> None:
    secret, sealed = begun(here)
    confirmed(here, secret, sealed)
    stopped_clock.advance(seconds=30)
    code = second_factors.code_at(stopped_clock.moment, secret)
    assert here.post(f"{PAGE}/off", {"password": PASSWORD, "code": code}).status_code == 302
    assert here.post(f"{PAGE}/confirm", {"proposed": sealed, "code": code}).status_code == 400
    _, sealed = begun(here)
    ada.refresh_from_db()
    ada.set_password("another horse battery")
    ada.save()
    client = Client()
    client.post("/sign-in", {"email": "ada@example.com", "password": "another horse battery"})
    answer = client.post(f"{PAGE}/confirm", {"proposed": sealed, "code": "000000"})
    assert "begin again" in answer.content.decode()
    assert not SecondFactor.objects.exists()
