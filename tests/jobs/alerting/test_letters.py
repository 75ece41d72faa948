"""Alerts by e-mail: to the owner's own address alone, claimed before they are sent, tried for a day."""

import smtplib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from pytest_django import Settings

from jobs.alerting import alerts, letters
from jobs.guarding import suspension
from jobs.models import AlertLetter, DeliveryState, User
from tests.api import Api, data_of, pointers_of
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

WANTED: dict[str, Any] = {"name": "trouble", "when": {"discarded": 1}, "to": ["mailto:ADA@example.com"]}


@pytest.fixture(autouse=True)
def _has_mail(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    settings.DEFAULT_FROM_EMAIL = "booper@example.com"


@pytest.fixture
def alert(api: Api) -> Any:
    return data_of(api.post("/api/alerts", WANTED), status=201)


def try_it(api: Api, alert: Any) -> Any:
    return data_of(api.post(f"/api/alerts/{alert['id']}/test"), status=202)


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def send(self: EmailMessage, fail_silently: bool = False) -> int:
        raise error

    monkeypatch.setattr(EmailMessage, "send", send)


def test_a_mail_goes_to_the_owner_and_is_shown_in_the_incident(
    api: Api, alert: Any, mailoutbox: list[EmailMessage]
) -> None:
    assert alert["to"] == ["mailto:ada@example.com"]
    [shown] = try_it(api, alert)["deliveries"]
    assert (shown["url"], shown["state"]) == ("mailto:ada@example.com", "pending")
    assert [letters.send_due(now=NOON) for _ in range(2)] == [1, 0]
    [mail] = mailoutbox
    assert (mail.to, mail.from_email, mail.subject) == (
        ["ada@example.com"],
        "booper@example.com",
        "Booper: trouble is tested",
    )
    assert mail.body == "Test of the alert trouble: nothing is wrong.\n"
    assert mail.extra_headers["Message-ID"] == f"<{shown['id']}@booper>"
    [incident] = data_of(api.get(f"/api/alerts/{alert['id']}/incidents"))
    assert [each["state"] for each in incident["deliveries"]] == ["delivered"]


@pytest.mark.parametrize(
    "address", ["mailto:grace@example.com", "mailto:", "mailto:ada@example.com?cc=grace@example.com", "MAILTO:x@y.z"]
)
def test_it_is_no_way_to_write_to_strangers(api: Api, address: str) -> None:
    assert pointers_of(api.post("/api/alerts", WANTED | {"to": [address]})) == ["/to/0"]


def test_without_a_mail_server_it_is_refused_and_nothing_is_sent(api: Api, alert: Any, settings: Settings) -> None:
    try_it(api, alert)
    settings.EMAIL_HOST = ""
    assert pointers_of(api.post("/api/alerts", WANTED | {"name": "other"})) == ["/to/0"]
    assert letters.send_due(now=NOON) == 0


def test_the_address_has_to_be_the_owners_still_when_it_is_sent(
    api: Api, alert: Any, user: User, mailoutbox: list[EmailMessage]
) -> None:
    try_it(api, alert)
    User.objects.filter(id=user.id).update(email="lovelace@example.com")
    letters.send_due(now=NOON)
    assert mailoutbox == []
    assert AlertLetter.objects.get().error_code == "not_yours"


def test_one_that_is_claimed_is_sent_by_nobody_else_until_it_is_taken_for_lost(
    api: Api, alert: Any, mailoutbox: list[EmailMessage]
) -> None:
    try_it(api, alert)
    [claimed] = letters.claim(now=NOON)
    assert letters.claim(now=NOON + timedelta(minutes=4)) == []
    [again] = letters.claim(now=NOON + timedelta(minutes=6))
    letters.record(claimed, None, now=NOON)
    assert AlertLetter.objects.get().state == DeliveryState.PENDING
    letters.record(again, None, now=NOON)
    assert AlertLetter.objects.get().state == DeliveryState.DELIVERED


def test_a_mail_server_that_is_down_is_tried_for_a_day(
    api: Api, alert: Any, monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock
) -> None:
    try_it(api, alert)
    failing(monkeypatch, ConnectionRefusedError())
    attempts = sum(letters.send_due(now=NOON + timedelta(minutes=minute)) for minute in range(0, 26 * 60, 5))
    letter = AlertLetter.objects.get()
    assert (letter.state, letter.error_code) == (DeliveryState.FAILED, "mail_server")
    assert 8 < attempts == letter.attempt < 20


@pytest.mark.parametrize(("status", "state"), [(550, DeliveryState.FAILED), (450, DeliveryState.PENDING)])
def test_an_address_that_is_refused_for_good_is_not_tried_again(
    api: Api, alert: Any, monkeypatch: pytest.MonkeyPatch, status: int, state: DeliveryState
) -> None:
    try_it(api, alert)
    failing(monkeypatch, smtplib.SMTPRecipientsRefused({"ada@example.com": (status, b"account of the operator")}))
    letters.send_due(now=NOON)
    letter = AlertLetter.objects.get()
    assert letter.state == state
    assert "operator" not in str(letter.error_message)


def test_sixty_an_hour_are_enough_for_a_mailbox(
    api: Api, alert: Any, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]
) -> None:
    monkeypatch.setattr(alerts, "MOST_TESTS", 100)
    for _ in range(62):
        try_it(api, alert)
    letters.send_due(now=NOON)
    assert len(mailoutbox) == letters.MOST_AN_HOUR
    assert AlertLetter.objects.filter(error_code="too_many", state=DeliveryState.FAILED).count() == 2


def test_of_one_who_is_suspended_nothing_is_sent_and_nothing_is_lost(
    api: Api, alert: Any, user: User, mailoutbox: list[EmailMessage]
) -> None:
    try_it(api, alert)
    suspension.suspend(user, now=NOON)
    assert letters.send_due(now=NOON) == 0
    suspension.resume(user, now=NOON)
    assert letters.send_due(now=NOON) == 1


def test_it_goes_on_while_there_is_time_only(api: Api, alert: Any) -> None:
    try_it(api, alert)
    times: Iterator[bool] = iter([False])
    assert letters.send_due(now=NOON, has_time=lambda: next(times)) == 0
    assert AlertLetter.objects.get().attempt == 0
