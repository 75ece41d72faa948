"""What the command prints: tables, details and JSON."""

import contextlib
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

from booper import cli
from tests.fake_api import DELIVERY, JOB, LOG, SCHEDULE, FakeApi


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(arguments: Sequence[str]) -> tuple[int, str]:
    with contextlib.redirect_stdout(Terminal()) as terminal:
        code = cli.main(arguments)
    return code, terminal.getvalue()


def test_a_table_has_a_line_for_each_row(api: FakeApi) -> None:
    api.answer([JOB, {**JOB, "job_id": 5, "name": None, "job": {**JOB["job"], "state": "completed"}}])

    assert on_a_terminal(["jobs", "list"])[1].splitlines() == [
        "JOB    STATE      SCHEDULED AT          NAME          METHOD  URL",
        "73496  scheduled  2026-12-01T09:00:00Z  daily report  post    https://example.com/hook",
        "5      completed  2026-12-01T09:00:00Z  -             post    https://example.com/hook",
    ]


def test_schedules_logs_and_deliveries_have_tables_too(api: FakeApi) -> None:
    assert on_a_terminal(["schedules", "list"])[1].splitlines()[1] == (
        f'{SCHEDULE["id"]}  -    {{"repeat_every": [2, "minutes"]}}  2026-12-01T09:00:00Z  -            -     get     https://example.com/poll'
    )
    assert LOG["id"] in on_a_terminal(["logs", "list"])[1]
    assert on_a_terminal(["deliveries", "list"])[1].splitlines() == [
        f"{'DELIVERY':36}  JOB    EVENT       STATE   ATTEMPT  STATUS  URL                       ERROR",
        f"{DELIVERY['id']}  73496  job.result  failed  2        -       https://example.com/done  no answer in 30 s",
    ]


def test_an_empty_list_says_so(api: FakeApi) -> None:
    api.answer([])
    assert on_a_terminal(["jobs", "list"]) == (0, "Nothing found.\n")


def test_one_job_is_shown_field_by_field(api: FakeApi) -> None:
    assert on_a_terminal(["jobs", "get", "73496"])[1].splitlines() == [
        "id                7e0ab1f6-5a3e-4a55-9a0b-6f7e1a1c2d3e",
        "job_id            73496",
        "name              daily report",
        "job.id            73496",
        "job.state         scheduled",
        "job.scheduled_at  2026-12-01T09:00:00Z",
        "job.has_conflict  false",
        'args              {"method": "post", "url": "https://example.com/hook"}',
    ]


def test_a_list_in_a_detail_has_a_line_for_each_item(api: FakeApi) -> None:
    api.answer({"words": "at 9", "runs": ["2026-12-01", "2026-12-02"]})
    assert on_a_terminal(["preview", "--cron", "0 9 * * *"])[1] == (
        "words  at 9\nruns   2026-12-01\n       2026-12-02\n"
    )


@pytest.mark.parametrize("data", [[], [1, "a"], [{"event": "job.started"}], {"events": []}, "words", 3, None])
def test_a_timeline_of_any_shape_is_shown(api: FakeApi, data: Any) -> None:
    api.answer(data)
    assert on_a_terminal(["jobs", "timeline", "7"])[0] == 0


def test_nothing_in_an_answer_drives_the_terminal(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b]0;owned\x07\r\n\u202e"
    api.answer([{**JOB, "name": hostile}])
    shown = on_a_terminal(["jobs", "list"])[1]
    assert len(shown.splitlines()) == 2
    assert "\\x1b]0;owned\\x07\\r\\n\\u202e" in shown

    api.refuse(400, title="Bad", detail=hostile, errors=[{"pointer": "/a", "detail": hostile}])
    cli.main(["jobs", "list"])
    assert not set("\x1b\x07\r\u202e") & set(capsys.readouterr().err)


@pytest.mark.parametrize("output", ["json", "table"])
def test_a_terminal_without_unicode_gets_escapes(api: FakeApi, output: str) -> None:
    api.answer([{**JOB, "name": "Zoë \U0001f600 \ud800"}])
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii")
    with contextlib.redirect_stdout(terminal):
        assert cli.main(["jobs", "list", "--output", output]) == 0

    if output == "json":
        assert json.loads(raw.getvalue())[0]["name"] == "Zoë \U0001f600 \ud800"
    else:
        assert b"Zo\\xeb \\U0001f600 \\ud800" in raw.getvalue()


def test_json_keeps_unicode_readable_where_the_terminal_has_it(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer([{**JOB, "name": "Zoë"}])
    cli.main(["jobs", "list"])

    assert "Zoë" in capsys.readouterr().out
