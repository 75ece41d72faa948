"""Wrong passwords are counted at both doors, by account and address, over all processes; owners are not locked out."""

import ipaddress
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs.guarding import rates, sign_in_attempts
from jobs.guarding.limits import LimitReached
from jobs.models import AuditEvent, Usage, User
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
DOORS = {"/sign-in": "email", "/admin/login/": "username"}


@pytest.fixture(autouse=True)
def ada(stopped_clock: StoppedClock, db: None) -> User:
    return User.objects.create_superuser("ada@example.com", PASSWORD)


def attempt(
    password: str, *, email: str = "ada@example.com", door: str = "/sign-in", address: str = "192.0.2.1"
) -> int:
    browser = Client(REMOTE_ADDR=address)
    return browser.post(door, {DOORS[door]: email, "password": password}).status_code


def fail(times: int, **where: str) -> list[int]:
    return [attempt("wrong", **where) for _ in range(times)]


def lock_outs() -> list[tuple[str, str]]:
    rows = AuditEvent.objects.filter(action="sign_in.locked_out").order_by("id")
    return [(row.email, row.details["limit"]) for row in rows]


@pytest.mark.parametrize(("door", "refused"), [("/sign-in", 401), ("/admin/login/", 200)])
def test_after_ten_wrong_passwords_the_right_one_is_not_looked_at(
    door: str, refused: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fail(10, door=door) == [refused] * 10
    monkeypatch.setattr(MD5PasswordHasher, "verify", lambda *_: pytest.fail("looked at"))
    assert attempt(PASSWORD, door=door) == 429
    assert lock_outs() == [("ada@example.com", "sign_ins")]


@pytest.mark.parametrize("door", DOORS)
def test_the_page_says_when_to_try_again(door: str) -> None:
    fail(10, door=door)
    answer = Client(REMOTE_ADDR="192.0.2.1").post(door, {DOORS[door]: "ada@example.com", "password": PASSWORD})
    assert 0 < int(answer.headers["Retry-After"]) <= 1000
    assert b"Too many wrong passwords" in answer.content
    assert b"Try again in 17 minutes." in answer.content


def test_both_doors_and_all_ways_to_write_an_address_count_together() -> None:
    fail(5)
    fail(5, door="/admin/login/", email=" ADA@example.com")
    assert attempt(PASSWORD) == attempt(PASSWORD, door="/admin/login/") == 429


def test_it_is_over_by_itself_whoever_goes_on_meanwhile(stopped_clock: StoppedClock) -> None:
    fail(10)
    for _ in range(17):
        assert set(fail(3)) <= {401, 429}
        stopped_clock.advance(minutes=1)
    stopped_clock.advance(minutes=14)
    assert attempt(PASSWORD) == 302


def test_what_is_right_does_not_count() -> None:
    assert [attempt(PASSWORD) for _ in range(60)] == [302] * 60
    assert lock_outs() == []


def test_one_address_guesses_at_many_accounts_so_often_and_no_more() -> None:
    assert {attempt("wrong", email=f"nobody{number}@example.com") for number in range(50)} == {401}
    assert attempt(PASSWORD) == 429
    assert attempt(PASSWORD, address="192.0.2.2") == 302
    assert lock_outs() == [("", "sign_ins_of_address")]


def test_one_network_of_ipv6_is_one_address() -> None:
    for number in range(10):
        attempt("wrong", address=f"2001:db8::{number + 1:x}")
    assert attempt(PASSWORD, address="2001:db8::ffff") == 429
    assert attempt(PASSWORD, address="2001:db8:0:1::1") == 302


def test_strangers_elsewhere_do_not_lock_an_owner_out() -> None:
    assert attempt(PASSWORD, address="192.0.2.1") == 302
    for number in range(11):
        fail(10, address=f"198.51.100.{number}")
    assert attempt(PASSWORD, address="192.0.2.77") == 429
    assert attempt(PASSWORD, address="192.0.2.1") == 302
    # There too so many and no more.
    assert fail(11, address="192.0.2.1") == [401] * 10 + [429]
    assert ("ada@example.com", "sign_ins_of_account") in lock_outs()


def test_another_process_knows_of_it() -> None:
    fail(10)
    rates.forget()
    assert attempt(PASSWORD) == 429


@pytest.mark.django_db(transaction=True)
def test_many_at_once_do_not_get_past_the_count() -> None:
    def begin(_: int) -> bool:
        try:
            sign_in_attempts.begin("ada@example.com", {"REMOTE_ADDR": "192.0.2.1"}, now=NOON)
        except LimitReached:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(begin, range(40))) == 10


def test_an_account_that_is_not_there_costs_as_much_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_user("grace@example.com")
    User.objects.create_user("gone@example.com", PASSWORD, is_active=False)
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return str(encode(hasher, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    for email in ("ada@example.com", "nobody@example.com", "grace@example.com", "gone@example.com"):
        hashed.clear()
        attempt("wrong", email=email)
        assert len(hashed) == 1, email


def test_accounts_that_are_not_there_are_locked_out_alike_and_not_written_down() -> None:
    typed = "hunter2-in-the-wrong-field"
    assert fail(11, email=typed) == [401] * 10 + [429]
    assert lock_outs() == [("", "sign_ins")]
    assert typed not in str([*AuditEvent.objects.values(), *Usage.objects.values()])


def test_zero_is_no_limit(settings: Settings) -> None:
    settings.BOOPER_SIGN_IN_FAILURES = 0
    assert fail(12) == [401] * 12
    assert attempt(PASSWORD) == 302
    assert not Usage.objects.exists()


def test_a_proxy_that_is_trusted_is_not_who_failed(settings: Settings) -> None:
    settings.BOOPER_TRUSTED_PROXIES = (ipaddress.ip_network("10.0.0.1/32"),)
    browser = Client(REMOTE_ADDR="10.0.0.1")
    form = {"email": "ada@example.com", "password": "wrong"}
    for _ in range(11):
        last = browser.post("/sign-in", form, headers={"X-Forwarded-For": "192.0.2.1"})
    assert last.status_code == 429
    other = browser.post("/sign-in", form | {"password": PASSWORD}, headers={"X-Forwarded-For": "192.0.2.2"})
    assert other.status_code == 302


def test_who_is_locked_out_costs_no_query_for_a_second() -> None:
    fail(11)
    with CaptureQueriesContext(connection) as queries, pytest.raises(LimitReached):
        sign_in_attempts.begin("ada@example.com", {"REMOTE_ADDR": "192.0.2.1"}, now=NOON)
    assert len(queries) == 0


def test_right_passwords_count_in_no_process_and_after_no_restart() -> None:
    for _ in range(60):
        rates.forget()
        assert attempt(PASSWORD) == 302
    assert fail(10)[-1] == 401
    assert attempt(PASSWORD) == 429


def test_an_address_that_is_locked_out_writes_nothing_more_whatever_it_makes_up() -> None:
    for number in range(50):
        assert attempt("wrong", email=f"{number}@example.com") == 401
    attempt("wrong", email="one@example.com")
    before = Usage.objects.count()
    for number in range(20):
        assert attempt("wrong", email=f"made-up-{number}@example.com") == 429
    assert Usage.objects.count() == before


def test_at_the_admins_door_an_empty_password_and_a_right_one_of_an_owner_are_no_failures() -> None:
    User.objects.create_user("bob@example.com", PASSWORD)
    for _ in range(12):
        assert attempt("", door="/admin/login/") == 200
        assert attempt(PASSWORD, email="bob@example.com", door="/admin/login/") == 200
    assert attempt(PASSWORD) == 302
    assert attempt(PASSWORD, email="bob@example.com") == 302


def test_the_admins_own_page_of_the_password_leads_to_the_one_that_is_bounded() -> None:
    browser = Client()
    browser.force_login(User.objects.get())
    answer = browser.post("/admin/password_change/", {"old_password": "wrong"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account")
