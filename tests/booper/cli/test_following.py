"""Commands that go on: a job until it ends, the log as it grows."""

import contextlib
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

from booper import cli
from booper.cli import following
from tests.fake_api import JOB, LOG, Answer, FakeApi


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(arguments: Sequence[str]) -> tuple[int, list[str]]:
    with contextlib.redirect_stdout(Terminal()) as terminal:
        code = cli.main(arguments)
    return code, terminal.getvalue().splitlines()


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")


def in_state(state: str, **more: Any) -> dict[str, Any]:
    return {**JOB, "job": {**JOB["job"], "state": state}, **more}


def entry(text: str, kind: str = "log") -> dict[str, Any]:
    return {"at": "2026-12-01T09:00:00.5Z", "type": kind, "name": "x", "text": text, "attempt": 1}


@pytest.mark.parametrize(("state", "code"), [("completed", 0), ("discarded", 5), ("cancelled", 6)])
def test_a_job_is_watched_until_it_ends_and_the_code_says_how(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, state: str, code: int
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    api.answer(in_state("scheduled"))
    api.answer({"entries": [entry("waiting", "wait")]})
    api.answer(in_state("executing"))
    api.answer({"entries": [entry("waited", "wait"), entry("began")]})
    api.answer(in_state(state, error={"code": "timeout", "message": "no answer in 30 s"}))
    api.answer({"entries": [entry("waited", "wait"), entry("began"), entry("ended")]})
    ended, lines = on_a_terminal(["jobs", "watch", "73496", "--interval", "3s"])

    assert ended == code
    assert [line.split("  ")[-1].strip() for line in lines[:-1]] == ["began", "ended"]
    assert lines[-1] == f"Job 73496: {state}" + (", no answer in 30 s" if state == "discarded" else "")
    assert slept == [3, 3]
    assert [call.path for call in api.calls] == ["/api/jobs/73496", "/api/jobs/73496/timeline"] * 3


def test_a_watched_job_is_told_once_as_json_where_no_terminal_is(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer(in_state("executing"))
    api.answer(in_state("completed"))
    assert cli.main(["jobs", "watch", "73496"]) == 0
    assert json.loads(capsys.readouterr().out)["job"]["state"] == "completed"


def event(number: int, **payload: Any) -> dict[str, Any]:
    return {**LOG, "id": f"log-{number}", "job_id": number, "payload": payload}


def stop_after(monkeypatch: pytest.MonkeyPatch, sleeps: int) -> None:
    """Ctrl-C during the sleep after those."""
    left = [None] * sleeps

    def sleep(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop()

    monkeypatch.setattr("time.sleep", sleep)


def test_the_tail_of_the_log_shows_what_there_is_and_then_what_comes_each_once(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(monkeypatch, 2)
    api.answer([event(2, url="https://b"), event(1, url="https://a")])
    api.answers.append(answer_page([event(4, message="no answer"), event(3, status=503), event(2), event(1)]))
    api.answers.append(answer_page([event(4), event(3)]))
    code, lines = on_a_terminal(["logs", "tail", "--event", "job.error"])

    assert code == 130
    assert [line.split() for line in lines] == [
        ["2026-12-01", "09:00:00Z", "1", "job.started", "https://a"],
        ["2026-12-01", "09:00:00Z", "2", "job.started", "https://b"],
        ["2026-12-01", "09:00:00Z", "3", "job.started", "status", "503"],
        ["2026-12-01", "09:00:00Z", "4", "job.started", "no", "answer"],
    ]
    assert {call.query["event"] for call in api.calls} == {"job.error"}


def answer_page(rows: list[dict[str, Any]]) -> Answer:
    return Answer(200, {"data": rows, "cursor": None})


def test_the_tail_of_the_log_is_an_object_a_line_where_no_terminal_is(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_after(monkeypatch, 0)
    api.answer([event(2), event(1)])
    assert cli.main(["logs", "tail", "--lines", "2"]) == 130

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["job_id"] for line in lines] == [1, 2]
    assert api.calls[0].query == {"limit": "2"}


def test_a_line_of_the_log_is_no_wider_than_the_terminal(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stop_after(monkeypatch, 0)
    api.answer([event(1, message="m" * 300)])
    _, lines = on_a_terminal(["logs", "tail"])

    assert [len(line) for line in lines] == [60]
    assert lines[0].endswith("…")


def test_what_an_event_is_about_is_shown_in_few_words() -> None:
    assert following.what(event(1, message="refused", url="https://a")) == "refused"
    assert following.what({"payload": None}) == ""
    assert following.what(event(1, url="\x1b[2J")) == "\\x1b[2J"
