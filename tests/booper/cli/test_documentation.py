"""What docs/sdk-and-cli.md shows of the command and the SDK works."""

import asyncio
import contextlib
import io
import json
import re
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from booper import cli
from booper.content import signatures
from tests.booper.cli.commands import ROOT
from tests.booper.cli.test_cli import COMMANDS, sent_by_run
from tests.fake_api import API_KEY, JOB, FakeApi

DOCUMENT = (ROOT / "docs" / "sdk-and-cli.md").read_text(encoding="utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, flags=re.DOTALL | re.MULTILINE)


CONSOLE_LINES = [line[2:] for block in examples("console") for line in block.splitlines() if line.startswith("$ ")]


DATA_ROWS = re.findall(r"^\| `(--(?:data|json) [^@|-][^|]*)` \| `([^`]*)`", DOCUMENT, flags=re.MULTILINE)


def interrupt(_: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("line", CONSOLE_LINES)
def test_the_command_lines_in_the_documentation_work(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("s3cr3t\n"))
    Path("jobs.jsonl").write_text('{"url": "https://example.com"}\n')
    Path("schedules.yaml").write_text("queues: {mail: {concurrency: 5, rate: {limit: 100, period: 1 minute}}}")
    monkeypatch.setattr("time.sleep", interrupt)
    program, *arguments = shlex.split(line)

    assert program == "booper"
    if "watch" in arguments:
        api.answer({**JOB, "job": {**JOB["job"], "state": "completed"}})
    assert cli.main(arguments) == (130 if "tail" in arguments else 0)
    assert len(api.calls) == (0 if "completion" in arguments else 1)


@pytest.mark.parametrize(("arguments", "body"), DATA_ROWS)
def test_the_bodies_in_the_documentation_are_what_is_sent(api: FakeApi, arguments: str, body: str) -> None:
    assert sent_by_run(api, *shlex.split(arguments)) == {
        "body": json.loads(body.replace("that JSON", '{"name": "Ada"}'))
    }


@pytest.mark.parametrize("code", examples("python"))
def test_the_python_in_the_documentation_works(api: FakeApi, code: str) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code.replace("sk_…", API_KEY), "sdk-and-cli.md", "exec"), names)
    if "remind" in names:
        asyncio.run(names["remind"](["https://example.com/hook"]))
    if "failed_jobs" in names:
        assert _asked_of_a_receiver(names["failed_jobs"]) == [7]

    tests = [each for name, each in names.items() if name.startswith("test_")]
    for test in tests:
        test()

    assert bool(tests or "failed_jobs" in names) == (api.calls == [])


def _asked_of_a_receiver(receive: Callable[[bytes, dict[str, str], str], Any]) -> Any:
    secret = signatures.new_secret()
    body = json.dumps({"type": "job.result", "data": {"state": "discarded", "job_id": 7}}).encode()
    now = int(datetime.now(UTC).timestamp())
    return receive(body, signatures.signed_headers(body, secret=secret, message_id="msg_1", timestamp=now), secret)


def test_the_documentation_has_examples_to_test() -> None:
    assert len(CONSOLE_LINES) >= 25
    assert len(DATA_ROWS) >= 4
    assert len(examples("python")) >= 4


def test_the_documentation_names_every_command_and_option() -> None:
    shown = {f"{line.split()[1]} {line.split()[2]}" for line in CONSOLE_LINES if len(line.split()) > 2}
    for line, _, _ in COMMANDS:
        verb = " ".join(line.split()[:2])
        assert (
            verb in shown
            or line.split()[0] in {"preview", "ping", "limits", "version"}
            or len(line.split()) == 1
            or "--state" in line
        ), verb
    for option in re.findall(r"--[a-z-]+", _help_of_run()):
        assert option in DOCUMENT or option == "--help", option


def _help_of_run() -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        cli.main(["run", "--help"])
    return out.getvalue()
