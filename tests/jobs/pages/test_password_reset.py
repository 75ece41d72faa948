"""A forgotten password: a link by mail that is good once; and nobody is told which accounts there are."""

import logging
import re
import smtplib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from jobs import tasks
from jobs.alerting import letters
from jobs.guarding import password_resets
from jobs.models import AlertLetter, AuditEvent, PasswordReset, User
from jobs.operating import reset_mails
from tests import second_factors
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

EMAIL, PASSWORD, NEW = "ada@example.com", "correct horse battery", "another horse battery"


@pytest.fixture(autouse=True)
def ada(settings: Settings, stopped_clock: StoppedClock, db: None) -> User:
    settings.WHITENOISE_AUTOREFRESH = True
    settings.EMAIL_HOST = "mail.example.com"
    settings.BOOPER_PUBLIC_URL = "https://booper.example.com"
    return User.objects.create_user(EMAIL, PASSWORD)


def ask(email: str = EMAIL, *, address: str = "192.0.2.1", **headers: str) -> int:
    return Client(REMOTE_ADDR=address, headers=headers).post("/sign-in/forgot", {"email": email}).status_code


def mailed(outbox: list[EmailMessage], email: str = EMAIL) -> str:
    """The path of the link in the one mail that asking leads to."""
    outbox.clear()
    assert ask(email) == 200
    reset_mails.send_due(now=PasswordReset.objects.latest("asked_at").asked_at)
    [mail] = outbox
    [link] = re.findall(r"https://booper\.example\.com(/reset/[\w-]+)\n", str(mail.body))
    return str(link)


def follow(path: str, client: Client | None = None) -> Any:
    """The page that a link leads to."""
    return (client or Client()).get(path, follow=True)


def choose(path: str, new: str = NEW, client: Client | None = None) -> int:
    client = client or Client()
    return int(post(client, follow(path, client), new).status_code)


def post(client: Client, page: Any, new: str = NEW) -> Any:
    """The form of a page; one that has none has nothing of a link."""
    of = re.findall(r'name="of" value="([^"]+)"', page.content.decode())
    return client.post("/reset", {"new_password1": new, "new_password2": new, "of": "".join(of)})


def sign_in(password: str) -> int:
    return Client().post("/sign-in", {"email": EMAIL, "password": password}).status_code


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_a_mail_leads_to_another_password_and_all_sessions_end(ada: User, mailoutbox: list[EmailMessage]) -> None:
    there = Client()
    assert there.post("/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code == 302
    path, here = mailed(mailoutbox, " Ada@Example.com "), Client()
    assert mailoutbox[0].to == [EMAIL]
    assert "For <bdi>ada@example.com</bdi>" in follow(path, here).content.decode()
    assert choose(path, client=here) == 302
    assert "The password is another one" in here.get("/sign-in").content.decode()
    assert there.get("/home").status_code == 302
    assert (sign_in(PASSWORD), sign_in(NEW)) == (401, 302)
    assert actions()[:3] == ["sign_in", "password.reset_mailed", "password.reset"]
    assert AuditEvent.objects.get(action="password.reset_mailed").details == {"address": "192.0.2.1"}


def test_a_second_factor_is_asked_for_all_the_same(ada: User, mailoutbox: list[EmailMessage]) -> None:
    second_factors.give(ada)
    client = Client()
    assert choose(mailed(mailoutbox), client=client) == 302
    assert client.get("/home").status_code == 302
    answer = client.post("/sign-in", {"email": EMAIL, "password": NEW})
    assert answer.headers["Location"].startswith("/sign-in/code")
    assert client.get("/home").status_code == 302


def test_the_page_asks_the_database_the_same_and_says_the_same_whether_there_is_such_an_account() -> None:
    asked, said = [], []
    for email in (EMAIL, "nobody@example.com", "not an address", "x" * 5000):
        with CaptureQueriesContext(connection) as queries:
            answer = Client(REMOTE_ADDR="192.0.2.1").post("/sign-in/forgot", {"email": email})
        said.append((answer.status_code, re.sub(r'value="\w{64}"', "", answer.content.decode())))
        asked.append([re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries])
    # The address is counted in a row that is made with the first.
    assert asked[2] == asked[1] == asked[3]
    assert not any("jobs_user" in sql for sql in asked[0])
    assert len(set(said)) == 1


@pytest.mark.parametrize("email", ["nobody@example.com", "keys@example.com", "gone@example.com", "hunter2"])
def test_who_has_no_account_to_sign_in_to_gets_no_mail_and_leaves_nothing(
    email: str, mailoutbox: list[EmailMessage]
) -> None:
    User.objects.create_user("keys@example.com")
    User.objects.create_user("gone@example.com", PASSWORD, is_active=False)
    assert ask(email) == 200
    assert reset_mails.send_due(now=NOON) == 0
    assert mailoutbox == []
    assert not PasswordReset.objects.exists()
    assert actions() == []


def test_what_was_typed_and_the_link_stand_nowhere(
    mailoutbox: list[EmailMessage], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert ask("hunter2-in-the-wrong-field") == 200
    path = mailed(mailoutbox)
    assert ask("hunter2-in-the-wrong-field") == 200
    follow(path)
    choose(path, "short")
    stored = ""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            stored += str(cursor.fetchall())
    for each in (path.rpartition("/")[2], "hunter2"):
        assert each not in stored
        assert each not in caplog.text


def test_no_log_line_has_the_token_when_the_page_fails(
    mailoutbox: list[EmailMessage], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = mailed(mailoutbox)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(password_resets, "found", fail)
    client = Client(raise_request_exception=False)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).headers["Location"] == "/reset"
    assert len(queries) == 0
    assert client.get("/reset").status_code >= 500
    assert choose(path, client=client) >= 500
    assert client.post(path).status_code == 405
    assert "/reset" in caplog.text
    assert path.rpartition("/")[2] not in caplog.text


def test_the_token_goes_along_to_that_page_alone_and_only_until_it_is_used(mailoutbox: list[EmailMessage]) -> None:
    path, client = mailed(mailoutbox), Client()
    cookie = client.get(path).cookies["booper_reset"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/reset", True, "Lax")
    assert cookie["max-age"] == 3600
    assert choose(path, client=client) == 302
    assert client.cookies["booper_reset"].value == ""


def test_the_link_is_good_for_an_hour_and_until_the_password_is_another_one(
    ada: User, mailoutbox: list[EmailMessage], stopped_clock: StoppedClock
) -> None:
    first, second = mailed(mailoutbox), mailed(mailoutbox)
    assert choose(first, "short") == 400
    assert choose(first) == 302
    assert [choose(path, "yet another battery") for path in (first, second)] == [404, 404]
    assert "not good any more" in follow(second).content.decode()
    third = mailed(mailoutbox)
    ada.refresh_from_db()
    ada.set_password("set by an operator")
    ada.save()
    assert (follow(third).status_code, choose(third)) == (404, 404)
    stopped_clock.advance(hours=2)
    late = mailed(mailoutbox)
    stopped_clock.advance(minutes=59)
    assert follow(late).status_code == 200
    stopped_clock.advance(minutes=1)
    assert choose(late) == 404
    assert sign_in("set by an operator") == 302


def test_the_link_begins_with_the_public_address_whatever_host_was_asked(
    settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert ask(**{"Host": "evil.example", "X-Forwarded-Host": "evil.example"}) == 200
    reset_mails.send_due(now=NOON)
    [mail] = mailoutbox
    assert "evil" not in mail.message().as_string()
    assert "\nhttps://booper.example.com/reset/" in str(mail.body)


def test_a_mailbox_gets_three_an_hour_and_an_address_asks_for_twenty(stopped_clock: StoppedClock) -> None:
    assert [ask(address=f"192.0.2.{number}") for number in range(4)] == [200] * 3 + [429]
    assert [ask("nobody@example.com", address=f"192.0.2.{number}") for number in range(4)] == [200] * 3 + [429]
    answers = [ask(f"{number}@example.com", address="198.51.100.1") for number in range(21)]
    assert answers == [200] * 20 + [429]
    answer = Client(REMOTE_ADDR="198.51.100.1").post("/sign-in/forgot", {"email": "a@example.com"})
    assert int(answer.headers["Retry-After"]) > 0
    assert "too many such mails" in answer.content.decode()
    stopped_clock.advance(hours=2)
    assert ask() == 200


def test_without_a_mail_server_there_is_no_such_page(settings: Settings) -> None:
    assert "Forgot your password?" in Client().get("/sign-in").content.decode()
    settings.EMAIL_HOST = ""
    assert "Forgot your password?" not in Client().get("/sign-in").content.decode()
    assert Client().get("/sign-in/forgot").status_code == ask() == choose("/reset/abc") == 404
    assert not PasswordReset.objects.exists()


def test_a_mail_that_can_not_be_sent_is_tried_again_for_an_hour(
    mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    send = EmailMessage.send

    def refuse(self: EmailMessage, fail_silently: bool = False) -> int:
        raise smtplib.SMTPServerDisconnected("away")

    monkeypatch.setattr(EmailMessage, "send", refuse)
    ask()
    ask()
    assert reset_mails.send_due(now=NOON) == 0
    assert reset_mails.send_due(now=NOON + timedelta(seconds=30)) == 0
    monkeypatch.setattr(EmailMessage, "send", send)
    assert reset_mails.send_due(now=NOON + timedelta(seconds=30)) == 0
    assert reset_mails.send_due(now=NOON + timedelta(minutes=1)) == 2
    assert len(mailoutbox) == 2
    assert reset_mails.send_due(now=NOON + timedelta(minutes=30)) == 0
    ask()
    assert reset_mails.send_due(now=NOON + timedelta(minutes=61)) == 0
    assert PasswordReset.objects.count() == 2
    password_resets.delete_old(now=NOON + timedelta(hours=2, seconds=1))
    assert not PasswordReset.objects.exists()


def test_no_two_workers_send_one_mail(mailoutbox: list[EmailMessage]) -> None:
    ask()
    [row] = password_resets.claim(now=NOON)
    assert password_resets.claim(now=NOON + timedelta(minutes=4)) == []
    [again] = password_resets.claim(now=NOON + timedelta(minutes=6))
    assert password_resets.letter(row, now=NOON) is None
    assert password_resets.letter(again, now=NOON) is not None


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_one_link_at_once_one_chooses(mailoutbox: list[EmailMessage]) -> None:
    path, together = mailed(mailoutbox), Barrier(4)

    def try_it(number: int) -> int:
        try:
            together.wait()
            return choose(path, f"password number {number}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(try_it, range(4)))
    assert sorted(answers) == [302, 404, 404, 404]
    assert sign_in(f"password number {answers.index(302)}") == 302


def test_a_form_is_of_the_account_it_names_whatever_was_opened_since(mailoutbox: list[EmailMessage]) -> None:
    grace, browser, path = User.objects.create_user("grace@example.com", PASSWORD), Client(), mailed(mailoutbox)
    page = post(browser, follow(path, browser), "short")
    follow(mailed(mailoutbox, grace.email), browser)
    assert post(browser, page).status_code == 404
    follow(path, browser)
    assert post(browser, page).status_code == sign_in(NEW) == 302
    grace.refresh_from_db()
    assert grace.check_password(PASSWORD)


def test_each_form_has_its_csrf_check() -> None:
    careful = Client(enforce_csrf_checks=True)
    for path in ("/sign-in/forgot", "/reset"):
        assert careful.post(path).status_code == 403


def test_the_link_is_good_no_more_once_the_account_has_another_address(
    ada: User, mailoutbox: list[EmailMessage]
) -> None:
    path = mailed(mailoutbox)
    User.objects.filter(pk=ada.pk).update(email="ada@elsewhere.example")
    assert (follow(path).status_code, choose(path)) == (404, 404)


def test_a_mail_that_goes_out_again_is_another_one_to_a_mailbox_that_drops_duplicates(
    mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    send = EmailMessage.send

    def lose_the_answer(self: EmailMessage, fail_silently: bool = False) -> int:
        send(self)
        raise smtplib.SMTPServerDisconnected("away")

    monkeypatch.setattr(EmailMessage, "send", lose_the_answer)
    ask()
    reset_mails.send_due(now=NOON)
    monkeypatch.setattr(EmailMessage, "send", send)
    reset_mails.send_due(now=NOON + timedelta(minutes=1))
    first, second = mailoutbox
    assert first.body != second.body
    assert first.extra_headers["Message-ID"] != second.extra_headers["Message-ID"]


@pytest.mark.parametrize("path", ["/sign-in/forgot", "/sign-in", "/sign-in/code", "/reset"])
def test_half_a_character_is_refused(path: str) -> None:
    fields = ("email", "password", "code", "next", "new_password1")
    body = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n+2AA-\r\n' for name in fields)
    kind = "multipart/form-data; boundary=b; charset=utf-7"
    assert Client().generic("POST", path, f"{body}--b--\r\n", content_type=kind).status_code == 400


def test_a_mail_server_that_hangs_does_not_keep_alerts_from_going_by_services(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many links strangers ask for."""
    settings.BOOPER_ALERT_SERVICES = frozenset({"slack"})
    passed, claimed = [0.0], []

    def hang(self: EmailMessage, fail_silently: bool = False) -> int:
        passed[0] += 10
        raise TimeoutError

    def claim(*, now: datetime, is_mail: bool = True) -> list[AlertLetter]:
        claimed.append(is_mail)
        return []

    monkeypatch.setattr(EmailMessage, "send", hang)
    monkeypatch.setattr(letters, "claim", claim)
    monkeypatch.setattr("jobs.tasks.time.monotonic", lambda: passed[0])
    for _ in range(3):
        ask()
    for _ in range(3):
        PasswordReset.objects.update(due_at=NOON)
        tasks.post()
    assert set(claimed) == {True, False}


def test_a_mail_server_that_takes_mails_and_answers_too_late_floods_no_mailbox(
    mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    send = EmailMessage.send

    def answer_late(self: EmailMessage, fail_silently: bool = False) -> int:
        send(self)
        raise TimeoutError

    monkeypatch.setattr(EmailMessage, "send", answer_late)
    ask()
    for seconds in range(0, 7200, 15):
        reset_mails.send_due(now=NOON + timedelta(seconds=seconds))
    assert len(mailoutbox) == 6


def test_the_link_of_a_mail_that_was_perhaps_sent_is_good_and_noted(
    mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock
) -> None:
    send = EmailMessage.send

    def answer_late(self: EmailMessage, fail_silently: bool = False) -> int:
        send(self)
        raise TimeoutError

    monkeypatch.setattr(EmailMessage, "send", answer_late)
    ask(address="2001:db8::17")
    for seconds in range(0, 4000, 15):
        reset_mails.send_due(now=NOON + timedelta(seconds=seconds))
    assert actions() == ["password.reset_perhaps_mailed"] * 6
    assert AuditEvent.objects.earliest("id").details == {"address": "2001:db8::17"}
    assert "from the address 2001:db8::17." in str(mailoutbox[-1].body)
    assert PasswordReset.objects.get().typed == ""
    stopped_clock.advance(minutes=70)
    [path] = re.findall(r"/reset/[\w-]+", str(mailoutbox[-1].body))
    assert choose(path) == 302
    assert sign_in(NEW) == 302


def test_an_ipv6_network_counts_as_one_address_and_each_mail_says_which_it_was(mailoutbox: list[EmailMessage]) -> None:
    answers = [ask(f"{number}@example.com", address=f"2001:db8::{number:x}") for number in range(21)]
    assert answers == [200] * 20 + [429]
    assert {row.address for row in PasswordReset.objects.all()} == {f"2001:db8::{number:x}" for number in range(20)}
