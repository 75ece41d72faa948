"""Alerts by services: those alone that the operator has named, each handed over by one worker, tried for a day."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from booper.content import redaction
from booper.outcomes.outcome import Failure
from booper.services import process
from booper.services.process import Message
from booper.targets.proxies import Proxy
from jobs.alerting import letters, services
from jobs.models import AlertLetter, DeliveryState
from tests.api import Api, data_of, pointers_of
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

KEY = "abcdefg_hijklmnop"
TELEGRAM = f"tgram://123456789:{KEY}/12345"
WANTED: dict[str, Any] = {"name": "trouble", "when": {"discarded": 1}, "to": [TELEGRAM]}


@pytest.fixture(autouse=True)
def _has_services(settings: Settings) -> None:
    settings.BOOPER_ALERT_SERVICES = ("tgram", "pover")


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> "Handed":
    handed = Handed()
    monkeypatch.setattr(process, "send", handed.send)
    return handed


class Handed:
    """What the process was handed, and what it answers."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.failure: Failure | None = None

    def send(
        self, messages: Sequence[Message], *, proxy: Proxy | None, blocked_networks: Collection[str]
    ) -> dict[str, Failure | None]:
        self.messages += messages
        return dict.fromkeys((message.id for message in messages), self.failure)


@pytest.fixture
def alert(api: Api) -> Any:
    return data_of(api.post("/api/alerts", WANTED), status=201)


def try_it(api: Api, alert: Any) -> Any:
    return data_of(api.post(f"/api/alerts/{alert['id']}/test"), status=202)


def test_it_is_handed_over_once_and_shown_in_the_incident(api: Api, alert: Any, handed: Handed) -> None:
    [shown] = try_it(api, alert)["deliveries"]
    assert (shown["url"], shown["state"]) == (TELEGRAM, "pending")
    assert letters.send_due(now=NOON) == 0
    assert [services.send_due(now=NOON) for _ in range(2)] == [1, 0]
    [message] = handed.messages
    assert message == Message(
        id=shown["id"],
        url=TELEGRAM,
        title="Booper: trouble is tested",
        text="Test of the alert trouble: nothing is wrong.\n",
        kind="warning",
    )
    [incident] = data_of(api.get(f"/api/alerts/{alert['id']}/incidents"))
    assert [each["state"] for each in incident["deliveries"]] == ["delivered"]


@pytest.mark.parametrize(
    "url",
    [
        *(f"slack://{KEY}", f"json://{KEY}", f"TGRAM://{KEY}", f"{TELEGRAM}?verify=no"),
        *(f"tgram:/{KEY}", f"tgram:{KEY}", f"tg-ram://{KEY}", f"slack.x://{KEY}", f"tgram\u200b://{KEY}"),
        *("tgram://1234567890:", f" tgram://{KEY}"),
    ],
)
def test_what_is_not_named_or_no_url_of_it_is_refused_without_a_word_of_its_key(api: Api, url: str) -> None:
    refused = api.post("/api/alerts", WANTED | {"to": ["https://example.com/", url]})
    assert pointers_of(refused) == ["/to/1"]
    assert KEY not in refused.content.decode()


def test_the_refusal_says_what_is_taken_and_whom_to_ask(api: Api, settings: Settings) -> None:
    refused = api.post("/api/alerts", WANTED | {"to": ["slack://a/b/c"]}).json()["errors"][0]["detail"]
    assert refused == (
        "'slack://' is not taken here: write a URL that begins with https://, tgram://, pover://, or ask the operator "
        "for it (BOOPER_ALERT_SERVICES)"
    )
    settings.BOOPER_ALERT_SERVICES = ()
    assert pointers_of(api.post("/api/alerts", WANTED)) == ["/to/0"]


def test_a_service_that_fails_is_tried_for_a_day(
    api: Api, alert: Any, handed: Handed, stopped_clock: StoppedClock
) -> None:
    try_it(api, alert)
    handed.failure = Failure("service_failed", "the service answered 500")
    attempts = sum(services.send_due(now=NOON + timedelta(minutes=minute)) for minute in range(0, 26 * 60, 5))
    letter = AlertLetter.objects.get()
    assert (letter.state, letter.error_message) == (DeliveryState.FAILED, "the service answered 500")
    assert 8 < attempts == len(handed.messages) < 20


def test_one_that_is_claimed_is_handed_over_by_nobody_else(api: Api, alert: Any, handed: Handed) -> None:
    try_it(api, alert)
    letters.claim(now=NOON, is_mail=False)
    assert services.send_due(now=NOON + timedelta(minutes=4)) == 0
    assert services.send_due(now=NOON + timedelta(minutes=6)) == 1


def test_one_that_is_named_no_more_fails_for_good(api: Api, alert: Any, handed: Handed, settings: Settings) -> None:
    try_it(api, alert)
    settings.BOOPER_ALERT_SERVICES = ("pover",)
    services.send_due(now=NOON)
    letter = AlertLetter.objects.get()
    assert (letter.state, letter.error_code, handed.messages) == (DeliveryState.FAILED, "service_not_named", [])


def test_where_none_is_named_nothing_is_asked_of_the_database(
    settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.BOOPER_ALERT_SERVICES = ()
    with django_assert_num_queries(0):
        assert services.send_due(now=NOON) == 0


def test_pages_and_assistants_see_the_schema_alone(
    api: Api, alert: Any, web: Client, user: Any, handed: Handed
) -> None:
    incident = try_it(api, alert)
    web.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    for path in ("/alerts", f"/alerts/{alert['id']}"):
        page = web.get(path).content.decode()
        assert "tgram://***" in page
        assert KEY not in page
    assert redaction.redacted(alert)["to"] == ["tgram://***"]
    assert KEY not in str(redaction.redacted(incident))
