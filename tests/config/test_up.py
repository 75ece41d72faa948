"""What bin/up tells whoever started it."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

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


def test_the_request_goes_to_the_first_users_inbox_and_its_page_is_named() -> None:
    said = up.welcome(INSTANCE, replace(ACCOUNT, inbox_path="/in/1d22"))
    assert '"url": "http://127.0.0.1:8000/in/1d22"' in said
    assert "http://127.0.0.1:8000/inbox" in said


def test_an_inbox_that_has_moved_is_told_where_it_is_now(tmp_path: Path) -> None:
    up._with_kept_secrets(tmp_path, replace(ACCOUNT, inbox_path="/in/before"))
    later = up.Account(created=False, email=None, password=None, api_key=None, inbox_path="/in/after")
    assert up._with_kept_secrets(tmp_path, later).inbox_path == "/in/after"


def test_the_first_user_is_told_at_every_start_and_by_show(tmp_path: Path) -> None:
    made = up._with_kept_secrets(tmp_path, ACCOUNT)
    kept = up._with_kept_secrets(tmp_path, up.Account(created=False, email=None, password=None, api_key=None))
    assert (made, kept) == (ACCOUNT, replace(ACCOUNT, created=False))
    assert (tmp_path / up.FIRST_USER).stat().st_mode & 0o777 == 0o600
    assert "sk_1" in up.welcome(INSTANCE, kept)


def test_show_says_what_to_do_where_nothing_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOPER_DATA_DIR", str(tmp_path))
    with pytest.raises(ImproperlyConfigured, match="bin/up starts one"):
        up.main(shows=True)


def test_help_starts_nothing(tmp_path: Path) -> None:
    script = Path(up.ROOT) / "bin" / "up"
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60)
    assert "--data-dir FOLDER" in done.stdout
    assert list(tmp_path.iterdir()) == []
