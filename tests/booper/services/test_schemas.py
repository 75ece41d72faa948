"""Which services may be named goes by what their plugins tell; their URLs take no files, hosts or general options."""

import sys
from typing import Any

import pytest
from apprise.manager_plugins import NotificationManager

from booper.services import schemas

TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12345"


@pytest.mark.parametrize("schema", ["tgram", "pover", "pagerduty", "opsgenie", "twilio", "slack"])
def test_a_service_with_a_fixed_host_may_be_named(schema: str) -> None:
    assert schemas.refusal(schema) is None


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        *((name, "host") for name in ("json", "jsons", "xml", "form", "mailto", "mailtos", "ntfy", "gotify", "matrix")),
        *((name, "host") for name in ("zulip", "bluesky", "nostr", "vapid", "aprs", "mqtt", "rsyslog", "irc")),
        *((name, "https") for name in ("syslog", "dbus", "gnome", "windows", "macosx")),
        ("telegramm", "no such service"),
    ],
)
def test_one_that_is_told_its_host_may_not(schema: str, why: str) -> None:
    assert why in str(schemas.refusal(schema))


def test_none_that_may_be_named_has_a_token_for_a_host_or_an_insecure_way() -> None:
    known = NotificationManager()
    named = [schema for schema in known.schemas() if schemas.refusal(schema) is None]
    assert 100 < len(named) < len(known.schemas())
    for schema in named:
        plugin: Any = known[schema]
        assert not any("{host" in template for template in plugin.templates), schema
        assert not plugin.protocol, schema


@pytest.mark.parametrize(
    "url", [TELEGRAM, f"{TELEGRAM}?silent=yes&topic=12", f"pover://{'u' * 30}@{'a' * 30}?priority=high"]
)
def test_what_a_service_takes_is_in_order(url: str) -> None:
    assert schemas.problem(url) is None


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("tgram://nonsense", "see https://"),
        ("tgram://", "see https://"),
        ("tgram://1234567890:", "see https://"),
        ("json://10.0.0.1/", "no service"),
        (f"{TELEGRAM}?template=/etc/passwd", "Leave it out"),
        (f"{TELEGRAM}?silent=yes;verify=no", "Leave it out"),
        (f"{TELEGRAM}?rto=600", "Leave it out"),
        (f"{TELEGRAM}?%74emplate=/etc/passwd", "Leave it out"),
        (f"{TELEGRAM}?+X-Header=1", "Leave it out"),
        (f"{TELEGRAM}?redirect=yes", "Leave it out"),
        ("fcm://project/device?keyfile=/etc/passwd", "Leave it out"),
        (f"{TELEGRAM}/{'1' * 400}", "at most 400"),
        (f"{TELEGRAM}, json://10.0.0.1", "percent-encode"),
        (f"{TELEGRAM}#x", "percent-encode"),
        ("spike://{{secret:KEY}}", "write the key itself"),
    ],
)
def test_what_it_does_not_take_is_refused_in_words_that_show_no_key(url: str, remedy: str) -> None:
    problem = str(schemas.problem(url))
    assert remedy in problem
    assert "abcdefg_hijklmnop" not in problem


def test_without_the_library_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(schemas.NotInstalled):
        schemas.problem(TELEGRAM)


@pytest.mark.parametrize("url", ["https://example.com", "http://a", "mailto:ada@example.com", "nonsense", ""])
def test_what_is_no_service_has_no_schema(url: str) -> None:
    assert schemas.schema_of(url) is None
