"""The commands about keys, signing secrets, secrets and what arrived."""

import io
import json
import sys
from pathlib import Path

import pytest

from booper import cli
from tests.fake_api import FakeApi


class Typed(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("written", "value"), [("v", "v"), ("v\n", "v"), ("v\r\n", "v"), (" v \n\n", " v \n")])
def test_a_secret_is_read_from_stdin(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], written: str, value: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(written))
    assert cli.main(["secrets", "set", "CRM_TOKEN", "--host", "a.example", "--host", "b.example"]) == 0

    assert (api.last.method, api.last.path) == ("PUT", "/api/secrets/CRM_TOKEN")
    assert api.last.body == {"value": value, "hosts": ["a.example", "b.example"]}
    assert json.loads(capsys.readouterr().out)["name"] == "CRM_TOKEN"


def test_a_secret_is_asked_for_where_somebody_types(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", Typed())

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return "typed"

    monkeypatch.setattr("getpass.getpass", typed)
    assert cli.main(["secrets", "set", "CRM_TOKEN"]) == 0

    assert api.last.body == {"value": "typed"}
    assert asked == ["CRM_TOKEN: "]


@pytest.mark.parametrize("written", ["", "\n"])
def test_a_secret_that_is_none_is_a_mistake(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(written))
    assert cli.main(["secrets", "set", "CRM_TOKEN"]) == 2
    assert "write it on stdin" in capsys.readouterr().err
    assert api.calls == []


def test_bytes_that_are_no_text_are_a_mistake(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with (tmp_path / "bytes").open(encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert cli.main(["secrets", "set", "CRM_TOKEN"]) == 2
    assert "UTF-8" in capsys.readouterr().err
    assert api.calls == []


def test_a_new_key_is_told(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["keys", "create", "--name", "ci", "--scope", "read", "--expires-at", "2027-01-01"]) == 0
    assert api.last.body == {"name": "ci", "scope": "read", "expires_at": "2027-01-01"}
    assert json.loads(capsys.readouterr().out)["key"] == "sk_new"


@pytest.mark.parametrize("line", ["keys rotate k", "signing-secret rotate"])
def test_what_is_replaced_goes_on_for_as_long_as_is_said(api: FakeApi, line: str) -> None:
    assert cli.main([*line.split(), "--overlap", "1 hour"]) == 0
    assert api.last.body == {"overlap": [1, "hours"]}
