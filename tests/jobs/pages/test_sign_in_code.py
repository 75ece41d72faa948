"""The code after the password: at both doors and after each kind of link; good once, counted, no page without it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from django.contrib.auth import login
from django.db import connection, connections
from django.test import Client, RequestFactory
from pytest_django import Settings

from jobs.guarding import admission, invitations, sessions, sign_in_links
from jobs.models import AuditEvent, RecoveryCode, SecondFactor, SignIn, User, encryption
from tests import second_factors
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
EMAIL = "ada@example.com"
DOORS = {"/sign-in": "email", "/admin/login/": "username"}


@pytest.fixture
def ada(settings: Settings, stopped_clock: StoppedClock, db: None) -> User:
    settings.WHITENOISE_AUTOREFRESH = True
    return User.objects.create_superuser(EMAIL, PASSWORD)


@pytest.fixture
def codes(ada: User) -> list[str]:
    """The recovery codes of one who has a second factor."""
    return second_factors.give(ada)


def half(door: str = "/sign-in", *, address: str = "127.0.0.1") -> Client:
    """A browser that has given the password."""
    client = Client(REMOTE_ADDR=address)
    assert client.post(door, {DOORS[door]: EMAIL, "password": PASSWORD}).status_code == 302
    return client


def give(client: Client, code: str, **form: str) -> int:
    return client.post("/sign-in/code", {"code": code, **form}).status_code


def is_in(client: Client) -> bool:
    return client.get("/home").status_code == 200 and client.get("/admin/").status_code == 200


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


@pytest.mark.parametrize("door", DOORS)
def test_both_doors_ask_for_the_code_and_nothing_opens_before(codes: list[str], door: str) -> None:
    client = half(door)
    for path in ("/home", "/jobs", "/account", "/keys", "/account/second-factor", "/admin/", "/admin/jobs/user/"):
        assert client.get(path).status_code == 302, path
    assert client.post("/keys", {"name": "mine"}).headers["Location"].startswith("/sign-in")
    assert not is_in(client)
    assert actions() == ["second_factor.asked"]
    assert not SignIn.objects.exists()
    assert give(client, second_factors.code_at(NOON)) == 302
    assert is_in(client)
    event = AuditEvent.objects.get(action="sign_in")
    assert event.details == {"address": "127.0.0.1", "second_factor": "app"}
    assert SignIn.objects.count() == 1


def test_who_was_on_the_way_to_a_page_gets_there(codes: list[str]) -> None:
    client = Client()
    asked = client.post("/sign-in?next=/jobs", {"email": EMAIL, "password": PASSWORD}, follow=True)
    assert asked.redirect_chain == [("/sign-in/code?next=%2Fjobs", 302)]
    assert "six digits" in asked.content.decode()
    form = {"code": second_factors.code_at(NOON), "next": "/jobs"}
    assert client.post("/sign-in/code", form).headers["Location"] == "/jobs"
    operator = half("/admin/login/")
    asked = operator.get("/admin/jobs/job/", follow=True)
    assert asked.redirect_chain[-1] == ("/sign-in/code?next=%2Fadmin%2Fjobs%2Fjob%2F", 302)
    form = {"code": codes[0], "next": "https://evil.example/"}
    assert operator.post("/sign-in/code", form).headers["Location"] == "/home"


def test_a_link_that_signs_in_does_not_get_past(ada: User, codes: list[str]) -> None:
    client = Client()
    answer = client.get(sign_in_links.path(ada), follow=True)
    assert answer.redirect_chain[-1][0].startswith("/sign-in/code")
    assert not is_in(client)
    assert give(client, second_factors.code_at(NOON)) == 302
    assert is_in(client)


def test_an_invitation_chooses_another_password_and_does_not_get_past(ada: User, codes: list[str]) -> None:
    client = Client()
    form = client.get(invitations.path(ada), follow=True)
    new = "another horse battery"
    answer = client.post(form.redirect_chain[-1][0], {"new_password1": new, "new_password2": new}, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/sign-in/code")
    assert not is_in(client)
    ada.refresh_from_db()
    assert ada.check_password(new)
    assert give(client, codes[0]) == 302
    assert is_in(client)


def test_whatever_way_in_there_will_be_is_nobodys_until_the_code(ada: User, codes: list[str]) -> None:
    client = Client()
    client.force_login(ada)
    assert not is_in(client)
    request = RequestFactory().get("/")
    request.session = client.session
    login(request, ada, backend="django.contrib.auth.backends.ModelBackend")
    request.session.save()
    client.cookies["sessionid"] = str(request.session.session_key)
    assert not is_in(client)


def test_a_code_is_good_once(codes: list[str], stopped_clock: StoppedClock) -> None:
    code = second_factors.code_at(NOON)
    first, second = half(), half()
    assert give(first, code) == 302
    answer = second.post("/sign-in/code", {"code": code})
    assert answer.status_code == 401
    assert "This code is not good" in answer.content.decode()
    assert not is_in(second)
    assert AuditEvent.objects.get(action="second_factor.refused").details == {"address": "127.0.0.1"}
    stopped_clock.advance(seconds=30)
    assert give(second, second_factors.code_at(stopped_clock.moment)) == 302


@pytest.mark.parametrize(("seconds", "status"), [(-60, 401), (-30, 302), (0, 302), (30, 302), (60, 401)])
def test_a_clock_may_be_off_by_half_a_minute(codes: list[str], seconds: int, status: int) -> None:
    assert give(half(), second_factors.code_at(NOON + timedelta(seconds=seconds))) == status


def test_one_who_used_a_later_code_can_not_use_an_earlier_one(codes: list[str]) -> None:
    assert give(half(), second_factors.code_at(NOON + timedelta(seconds=30))) == 302
    assert give(half(), second_factors.code_at(NOON)) == 401


def test_spaces_dashes_and_capitals_do_not_matter(codes: list[str]) -> None:
    code = second_factors.code_at(NOON)
    assert give(half(), f" {code[:3]} {code[3:]} ") == 302
    assert give(half(), codes[0].upper().replace("-", " ")) == 302


@pytest.mark.parametrize("wrong", ["", "12345", "1234567", "١٢٣٤٥٦", "x" * 5000, "aaaa-bbbb-cccc-dddd", "None"])
def test_what_is_no_code_is_refused(codes: list[str], wrong: str) -> None:
    assert give(half(), wrong) == 401


def test_a_recovery_code_is_good_once_and_written_down(codes: list[str]) -> None:
    client = half()
    assert give(client, codes[3]) == 302
    assert is_in(client)
    assert RecoveryCode.objects.count() == 9
    event = AuditEvent.objects.get(action="second_factor.recovery_code_used")
    assert event.details == {"address": "127.0.0.1", "left": 9}
    assert AuditEvent.objects.get(action="sign_in").details["second_factor"] == "recovery code"
    assert give(half(), codes[3]) == 401


def test_the_codes_of_one_are_none_of_anothers(codes: list[str]) -> None:
    grace = User.objects.create_user("grace@example.com", PASSWORD)
    theirs = second_factors.give(grace, "KRSXG5CTMVRXEZLUKN2HE2LOM4QHK43F")
    assert give(half(), theirs[0]) == 401
    assert give(half(), second_factors.code_at(NOON, "KRSXG5CTMVRXEZLUKN2HE2LOM4QHK43F")) == 401
    assert RecoveryCode.objects.count() == 20


def test_wrong_codes_are_counted_with_wrong_passwords(codes: list[str]) -> None:
    client = half()
    for _ in range(5):
        assert Client().post("/sign-in", {"email": EMAIL, "password": "wrong"}).status_code == 401
    assert [give(client, "000000") for _ in range(5)] == [401] * 5
    answer = client.post("/sign-in/code", {"code": second_factors.code_at(NOON)})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Too many wrong passwords or codes" in answer.content.decode()
    assert SecondFactor.objects.get().last_step == 0
    assert "sign_in.locked_out" in actions()


def test_codes_have_a_limit_where_passwords_have_none(codes: list[str], settings: Settings) -> None:
    settings.BOOPER_SIGN_IN_FAILURES = 0
    client = half()
    assert [give(client, "000000") for _ in range(11)] == [401] * 10 + [429]
    assert half_status("127.0.0.1") == 302


def test_giving_the_password_again_does_not_begin_the_count_anew(codes: list[str]) -> None:
    assert [give(half(), "000000") for _ in range(10)] == [401] * 10
    assert Client().post("/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code == 429


def test_a_password_alone_makes_no_address_known(codes: list[str]) -> None:
    """Else a thief who has it could try so many codes from each of any number of addresses."""
    waiting = [half(address=f"198.51.100.{number}") for number in range(11)]
    answers = [give(client, "000000") for client in waiting for _ in range(10)]
    assert answers == [401] * 100 + [429] * 10
    assert half_status("203.0.113.9") == 429


def half_status(address: str) -> int:
    return Client(REMOTE_ADDR=address).post("/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code


def test_the_code_has_to_follow_within_ten_minutes(codes: list[str], stopped_clock: StoppedClock) -> None:
    client = half()
    stopped_clock.advance(minutes=11)
    answer = client.post("/sign-in/code", {"code": second_factors.code_at(stopped_clock.moment)})
    assert answer.status_code == 401
    assert "More than ten minutes" in answer.content.decode()
    assert not is_in(client)


def test_another_password_meanwhile_ends_what_was_begun(ada: User, codes: list[str]) -> None:
    client = half()
    ada.set_password("another horse battery")
    ada.save()
    assert client.post("/sign-in/code", {"code": second_factors.code_at(NOON)}).headers["Location"] == "/home"
    assert not is_in(client)


def test_a_session_has_another_key_after_the_code(codes: list[str]) -> None:
    client = half()
    before = client.cookies["sessionid"].value
    assert give(client, second_factors.code_at(NOON)) == 302
    assert client.cookies["sessionid"].value != before
    stolen = Client()
    stolen.cookies["sessionid"] = before
    assert not is_in(stolen)


def test_a_session_that_gave_a_code_of_a_factor_before_is_nobodys(ada: User, codes: list[str]) -> None:
    client = half()
    assert give(client, second_factors.code_at(NOON)) == 302
    User.objects.update(second_factor_since=NOON + timedelta(hours=1))
    assert not is_in(client)


def test_a_secret_that_can_not_be_read_lets_nobody_in(
    codes: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BOOPER_ENCRYPTION_KEYS = (b"k" * 32,)
    monkeypatch.setattr(encryption, "_missed", set())
    assert SecondFactor.objects.get().secret == ""
    assert give(half(), "956198") == 401
    assert give(half(), codes[0]) == 302


def test_the_session_of_who_waits_is_not_noted_as_used(codes: list[str], stopped_clock: StoppedClock) -> None:
    client = half()
    for _ in range(3):
        client.get("/sign-in/code")
        stopped_clock.advance(minutes=6)
        sessions.forget()
    assert not SignIn.objects.exists()


def test_signing_in_without_one_is_as_it_was(ada: User) -> None:
    assert is_in(half())
    assert actions() == ["sign_in"]
    assert Client().get("/sign-in/code").headers["Location"] == "/home"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "of", [lambda codes: second_factors.code_at(NOON), lambda codes: codes[0]], ids=["app", "recovery"]
)
def test_of_many_who_use_one_code_at_once_one_is_let_in(codes: list[str], of: Callable[[list[str]], str]) -> None:
    code, waiting, together = of(codes), [half() for _ in range(6)], Barrier(6)

    def try_it(client: Client) -> int:
        try:
            together.wait()
            return give(client, code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(try_it, waiting)) == [302] + [401] * 5
    assert sum(is_in(client) for client in waiting) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_who_signs_in_while_another_session_makes_new_codes_and_that_one_do_not_wait_for_each_other(
    ada: User, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other, client = half(), half()
    assert give(other, codes[0]) == 302
    let_in, hold, held, taken = admission.let_in, sessions.hold, Event(), Event()

    def let_in_later(*given: Any, **named: Any) -> None:
        taken.set()
        assert held.wait(10)
        # For the other one to come to the codes, one of which is used here.
        time.sleep(0.3)
        let_in(*given, **named)

    def hold_later(*given: Any) -> User:
        assert taken.wait(10)
        user = hold(*given)
        held.set()
        return user

    monkeypatch.setattr(admission, "let_in", let_in_later)
    monkeypatch.setattr(sessions, "hold", hold_later)

    def renew() -> int:
        try:
            form = {"password": PASSWORD, "code": codes[2]}
            return other.post("/account/second-factor/codes", form).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        renewed = threads.submit(renew)
        assert give(client, codes[1]) == 302
        assert renewed.result() == 201
