"""Keys that the command keeps: for their owner alone, and for their own server alone."""

import io
import os
import stat
import sys

import pytest

from booper import cli
from booper.cli import profiles
from tests.fake_api import Answer, FakeApi, serve


@pytest.fixture(autouse=True)
def _no_key(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOPER_API_KEY", raising=False)


def log_in(monkeypatch: pytest.MonkeyPatch, *options: str, key: str = "sk_kept\n") -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(key))
    return cli.main(["login", *options])


def test_a_key_is_tried_and_kept_for_its_owner_alone(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = os.umask(0)
    try:
        assert log_in(monkeypatch) == 0
    finally:
        os.umask(old)
    assert (api.last.path, api.last.headers["authorization"]) == ("/api/limits", "Bearer sk_kept")
    assert stat.S_IMODE(profiles.path().stat().st_mode) == 0o600
    assert stat.S_IMODE(profiles.path().parent.stat().st_mode) == 0o700
    assert "sk_kept" not in capsys.readouterr().out

    monkeypatch.delenv("BOOPER_API_URL")
    assert cli.main(["jobs"]) == 0
    assert api.last.headers["authorization"] == "Bearer sk_kept"


def test_a_key_that_is_refused_is_not_kept(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers.append(Answer(401, {"title": "No"}))
    assert log_in(monkeypatch) == 1
    assert not profiles.path().exists()
    assert log_in(monkeypatch, key="\n") == 2


def test_a_kept_key_goes_to_its_own_server_alone(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    assert log_in(monkeypatch) == 0
    with serve() as other:
        assert cli.main(["jobs", "--api-url", other.url]) == 2
        monkeypatch.setenv("BOOPER_API_URL", other.url)
        assert cli.main(["jobs"]) == 2
        assert cli.main(["jobs", "--profile", "default"]) == 2
        assert other.calls == []


def test_a_key_that_is_given_counts_first(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    assert log_in(monkeypatch) == 0
    monkeypatch.setenv("BOOPER_API_KEY", "sk_given")
    assert cli.main(["jobs"]) == 0
    assert api.last.headers["authorization"] == "Bearer sk_given"


def test_each_profile_has_a_key_of_its_own_until_it_is_forgotten(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert log_in(monkeypatch) == 0
    assert log_in(monkeypatch, "--profile", "work", key="sk_work") == 0
    monkeypatch.setenv("BOOPER_PROFILE", "work")
    assert cli.main(["jobs"]) == 0
    assert api.last.headers["authorization"] == "Bearer sk_work"
    assert cli.main(["logout"]) == 0
    assert cli.main(["jobs"]) == 2
    assert "none named 'work'" in capsys.readouterr().err
    monkeypatch.delenv("BOOPER_PROFILE")
    assert cli.main(["jobs"]) == 0
    assert cli.main(["logout", "--profile", "nope"]) == 2


def test_a_file_that_is_broken_is_told_in_a_line(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profiles.path().parent.mkdir()
    for content in ("{", "[]", '{"default": {}}', '{"default": 3}'):
        profiles.path().write_text(content)
        assert cli.main(["jobs"]) == 2
        assert "mend it or delete it" in capsys.readouterr().err
    assert api.calls == []


def test_without_any_key_both_ways_to_have_one_are_named(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BOOPER_API_KEY", raising=False)
    assert cli.main(["jobs", "list"]) == 2
    told = capsys.readouterr().err
    assert told == "booper: api_key: there is none; pass it or set BOOPER_API_KEY, or have `booper login` keep one\n"
    assert api.calls == []
