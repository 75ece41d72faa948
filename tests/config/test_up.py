"""What bin/up tells whoever started it."""

from pathlib import Path

import pytest

from config import up

INSTANCE = up.Instance(Path("/data"), "127.0.0.1", 8000, 5555, None)
ACCOUNT = up.Account(created=True, email="ada@example.com", password="secret", api_key="sk_1")
DEFAULTS = up.DEFAULTS | {"ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]"}


@pytest.fixture(autouse=True)
def _defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in DEFAULTS.items():
        monkeypatch.setenv(name, value)


def test_a_first_start_shows_a_request_to_paste() -> None:
    assert "curl http://127.0.0.1:8000/api/jobs" in up.welcome(INSTANCE, ACCOUNT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "booper.example.com"),
        ("BOOPER_ALLOW_HTTP_TARGETS", "false"),
        ("BOOPER_ALLOWED_TARGET_NETWORKS", "none"),
    ],
)
def test_a_request_that_would_be_refused_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    said = up.welcome(INSTANCE, ACCOUNT)
    assert "sk_1" in said
    assert "curl" not in said
