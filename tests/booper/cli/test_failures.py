"""What goes wrong ends the command with a code of its own, and says what to do."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from booper import __version__, cli
from tests.booper.cli.commands import ROOT, URL
from tests.fake_api import API_KEY, JOB, Answer, FakeApi, serve


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["frobnicate"], "frobnicate"),
        (["job", "list"], "there is no command 'job': did you mean jobs?"),
        (["jobs", "lst"], "there is no command 'lst': did you mean list?"),
        (["jobs", "list", "--stat", "x"], "there is no option --stat: did you mean --state?"),
        (["jobs", "--stat=x"], "there is no option --stat: did you mean --state?"),
        (["--outptu=json", "jobs"], "--outptu"),
        (["run", "POST", URL, "--in", "30x"], "30s, 5m, 1h30m"),
        (["logs", "tail", "--interval", "0"], "use 0.1s to 1h"),
        (["jobs", "watch"], "ID"),
        (["run"], "METHOD, URL"),
        (["run", "FETCH", URL], "METHOD"),
        (["run", "POST", URL, "--in", "soon"], "--in"),
        (["run", "POST", URL, "--in", "5 fortnights"], "fortnights"),
        (["run", "POST", URL, "--every", "-5"], "--every"),
        (["run", "POST", URL, "--in", "5", "--at", "2026-12-01"], "--at"),
        (["run", "POST", URL, "--every", "5", "--cron", "@daily"], "--cron"),
        (["run", "POST", URL, "--data", "a=1", "--json", "{}"], "--json"),
        (["run", "POST", URL, "--data", "novalue"], "key=text"),
        (["run", "POST", URL, "--data", "=x"], "key=text"),
        (["run", "POST", URL, "--data", "a[b=x"], "key=text"),
        (["run", "POST", URL, "--data", "a]b[=x"], "key=text"),
        (["run", "POST", URL, "--data", "[a]=x"], "key=text"),
        (["run", "POST", URL, "--data", "a:=nope"], "not JSON"),
        (["run", "POST", URL, "--data", "a:=NaN"], "NaN"),
        (["run", "POST", URL, "--data", "a:=1e999"], "JSON"),
        (["run", "POST", URL, "--data", "a=1", "a=2"], "given twice, use a[]"),
        (["run", "POST", URL, "--data", "a=1", "a[b]=2"], "a[b] contradicts"),
        (["run", "POST", URL, "--data", "a[]=1", "a[b]=2"], "a[b] contradicts"),
        (["run", "POST", URL, "--data", "a[b]=1", "a[]=2"], "a[] contradicts"),
        (["run", "POST", URL, "--data", "a[b][c]=1", "a[b]=2"], "given twice"),
        (["run", "POST", URL, "--data", "a=1", "--data", "@x.json"], "'x.json' can't be read: No such file"),
        (["run", "POST", URL, "--data", "a=1", "--data", "@{body}"], "whole body"),
        (["run", "POST", URL, "--json", "@{binary}"], "UTF-8"),
        (["run", "POST", URL, "--json", "{"], "not JSON"),
        (["run", "POST", URL, "--json", "[" * 100_000], "not JSON"),
        (["run", "POST", URL, "--header", "nocolon"], "Name: value"),
        (["run", "POST", URL, "--header", ": x"], "Name: value"),
        (["run", "POST", URL, "--header", "A: 1", "--header", "A: 2"], "given twice"),
        (["run", "POST", URL, "--timeout", "long"], "not a duration"),
        (["run", "POST", URL, "--timeout", "1 month"], "no fixed length"),
        (["run", "POST", URL, "--timeout", "1e999"], "finite"),
        (["run", "POST", URL, "--max-attempts", "9" * 5000], "--max-attempts"),
        (["run", "POST", URL, "--field", "url=x"], "given twice"),
        (["run", "POST", URL, "--data", 'x:={"a":1,"a":2}'], "the key 'a' comes twice"),
        (["run", "POST", URL, "--json", '[{"b":{"a":1,"c":0,"a":1}}]'], "the key 'a' comes twice"),
        (["run", "POST", URL, "--desc", "x"], "--desc"),
        (["run", "POST", URL, "extra"], "extra"),
        (["jobs", "get"], "ID"),
        (["jobs", "get", ".."], "id:"),
        (["jobs", "get", "\udcff"], "id:"),
        (["jobs", "list", "--name", "\udcff"], "can't be sent"),
        (["jobs", "cancel", "7", "--scope", "all"], "--scope"),
        (["jobs", "cancel-many"], "--all everything"),
        (["jobs", "cancel-many", "7"], "7"),
        (["jobs", "create-many"], "FILE"),
        (["jobs", "create-many", "x.json"], "'x.json' can't be read: No such file"),
        (["jobs", "create-many", "{numbers}"], "holds no jobs"),
        (["jobs", "create-many", "{binary}"], "UTF-8"),
        (["queues", "set", "mail", "--rate", "fast"], "100/minute"),
        (["queues", "set", "mail", "--rate", "5/fortnight"], "fortnight"),
        (["queues", "set", "mail", "--rate", "x/minute"], "100/minute"),
        (["queues", "set", "mail", "--concurrency", "many"], "--concurrency"),
        (["queues", "pause"], "NAME"),
        (["queues", "get", ".."], "id:"),
        (["jobs", "list", "--output", "xml"], "--output"),
        (["jobs", "list", "--api-url", "nonsense"], "BOOPER_API_URL"),
        (["jobs", "list", "--api-key", "a b"], "api_key"),
    ],
)
def test_a_mistake_ends_with_2_says_which_in_few_lines_and_sends_nothing(
    api: FakeApi, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "body").write_text("{}")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "numbers").write_text("[1]")
    places = {f"{{{name}}}": str(tmp_path / name) for name in ("body", "binary", "numbers")}
    for place, path in places.items():
        arguments = [argument.replace(place, path) for argument in arguments]

    assert cli.main(arguments) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.startswith("booper")
    assert len(said.err.splitlines()) == 1
    assert len(said.err) < 1000 or "9" * 100 in said.err
    assert api.calls == []


def test_a_missing_key_is_a_mistake(
    api: FakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOOPER_API_KEY")
    assert cli.main(["jobs", "list"]) == 2

    assert "BOOPER_API_KEY" in capsys.readouterr().err
    assert api.calls == []


def test_a_refusal_ends_with_1_and_names_each_field(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    errors = [
        {"pointer": "/schedule_in/1", "detail": "unknown unit, use seconds"},
        {"pointer": "", "detail": "one thing too many"},
        {},
    ]
    api.refuse(400, title="Bad input", detail="3 fields can't be used", errors=errors)
    assert cli.main(["run", "POST", URL]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "booper: 400 Bad input: 3 fields can't be used",
        "  schedule_in/1: unknown unit, use seconds",
        "  request: one thing too many",
        "  request: is not accepted",
    ]


def test_a_refusal_of_one_field_that_says_it_already_does_not_say_it_twice(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = [{"pointer": "/timeout", "detail": "0 is not a number from 1 to 900"}]
    api.refuse(400, title="Invalid input", detail="timeout: 0 is not a number from 1 to 900", errors=errors)
    assert cli.main(["run", "POST", URL]) == 1

    assert capsys.readouterr().err == "booper: 400 Invalid input: timeout: 0 is not a number from 1 to 900\n"


def test_a_refusal_of_one_field_is_one_line_with_its_pointer(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    errors = [{"pointer": "/schedule_in/1", "detail": "unknown unit, use seconds"}]
    api.refuse(400, title="Bad input", detail="1 field can't be used", errors=errors)
    assert cli.main(["run", "POST", URL]) == 1

    said = capsys.readouterr().err
    assert said == "booper: 400 Bad input: 1 field can't be used; schedule_in/1: unknown unit, use seconds\n"


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (401, {}, "set BOOPER_API_KEY or `booper login`"),
        (404, {}, "404 Not Found"),
        (409, {}, "409 Conflict"),
        (429, {"Retry-After": "12"}, "try again in 12 s"),
        (500, {}, "500 Internal Server Error"),
        (302, {"Location": "https://elsewhere.example"}, "https://elsewhere.example"),
        (200, {}, "is it a Booper server?"),
    ],
)
def test_each_refusal_says_what_to_do(
    api: FakeApi, capsys: pytest.CaptureFixture[str], status: int, headers: dict[str, str], words: str
) -> None:
    api.answers.extend([Answer(status, b"<html>", headers)] * 3)
    assert cli.main(["jobs", "get", "7"]) == 1

    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


def test_no_connection_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as gone:
        url = gone.url
    assert cli.main(["jobs", "list", "--api-url", url, "--api-key", API_KEY]) == 3

    said = capsys.readouterr().err
    assert f"cannot reach {url}: Connection refused" in said
    assert len(said.splitlines()) == 1


def test_a_connection_that_breaks_ends_with_3(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.hang_up()
    assert cli.main(["run", "POST", URL]) == 3

    assert "may have been carried out" in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_no_word(
    api: FakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(io.StringIO):
        def read(self, *_: Any) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Interrupted())
    assert cli.main(["run", "POST", URL, "--json", "-"]) == 130

    assert capsys.readouterr() == ("", "")
    assert api.calls == []


def test_a_reader_that_goes_away_ends_it_quietly(api: FakeApi) -> None:
    api.answer([{**JOB, "name": "x" * 1000}] * 1000)
    with subprocess.Popen(
        [sys.executable, "-m", "booper", "jobs", "list"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


def test_python_m_booper_is_the_command(api: FakeApi) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "booper", "jobs", "get", "73496"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, JOB, b"")


def test_version_and_help_end_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"booper {__version__}\n"

    for arguments in (["--help"], ["run", "--help"], ["jobs", "--help"], ["jobs", "list", "--help"]):
        assert cli.main(arguments) == 0
        assert "usage: booper" in capsys.readouterr().out
