"""What the command prints: tables, details and JSON."""

import contextlib
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from booper import cli
from booper.cli import paint, tables
from tests.fake_api import DELIVERY, JOB, LOG, ROWS, SCHEDULE, FakeApi


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(arguments: Sequence[str]) -> tuple[int, str]:
    with contextlib.redirect_stdout(Terminal()) as terminal:
        code = cli.main(arguments)
    return code, terminal.getvalue()


NOW = datetime(2026, 12, 1, 8, 55, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now_and_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Five minutes before the moments of the answers, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    with time_machine.travel(NOW, tick=False):
        yield


def test_a_table_has_a_line_for_each_row(api: FakeApi) -> None:
    failed = {
        **JOB,
        "job_id": 5,
        "name": None,
        "job": {**JOB["job"], "state": "discarded", "scheduled_at": "2026-12-01T08:52:00.123456Z"},
        "error": {"code": "timeout", "message": "no answer in 30 s", "response_status": None, "at": "x"},
    }
    api.answer([JOB, failed])

    assert on_a_terminal(["jobs", "list"])[1].splitlines() == [
        "JOB    STATE      DUE        REQUEST                        NAME          LAST ERROR",
        "73496  scheduled  in 5 min   POST https://example.com/hook  daily report  -",
        "5      discarded  3 min ago  POST https://example.com/hook  -             no answer in 30 s",
    ]


def test_schedules_say_how_often_and_when_next_in_words(api: FakeApi) -> None:
    cron = {**SCHEDULE, "key": "report", "frequency": {"cron": "0 9 * * 1-5"}, "timezone": "Europe/London"}
    api.answer([SCHEDULE, cron])
    assert [line.rstrip() for line in on_a_terminal(["schedules", "list"])[1].splitlines()] == [
        f"{'SCHEDULE':36}  NAME  {'FREQUENCY':35}  NEXT RUN  REQUEST                       DISABLED",
        f"{SCHEDULE['id']}  -     {'every 2 minutes':35}  in 5 min  GET https://example.com/poll  -",
        f"{'report':36}  -     at 09:00 on weekdays, Europe/London  in 5 min  GET https://example.com/poll  -",
    ]


def test_one_schedule_says_so_in_its_own_zone(api: FakeApi) -> None:
    api.answer({**SCHEDULE, "frequency": {"cron": "0 9 * * 1-5"}, "timezone": "Europe/London"})
    assert "frequency    at 09:00 on weekdays, Europe/London" in on_a_terminal(["schedules", "get", "report"])[1]


def test_logs_deliveries_and_queues_have_tables_too(api: FakeApi) -> None:
    assert LOG["id"] in on_a_terminal(["logs", "list"])[1]
    assert [line.split() for line in on_a_terminal(["deliveries", "list"])[1].splitlines()] == [
        ["DELIVERY", "STATE", "JOB", "EVENT", "ATTEMPT", "URL", "STATUS", "NEXT", "ERROR"],
        f"{DELIVERY['id']} failed 73496 job.result 2 https://example.com/done - - no answer in 30 s".split(),
    ]
    assert "100/minute" in on_a_terminal(["queues", "list"])[1]


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
@pytest.mark.parametrize("noun", ["jobs", "schedules", "logs", "deliveries", "queues", "keys", "secrets", "inbox"])
def test_a_table_is_as_wide_as_the_terminal_at_most(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, noun: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    long: dict[str, Any] = {
        "payload": {"url": "u" * 300},
        "name": "日本語の名前" * 20,
        "url": "https://example.com/" + "a" * 300,
        "body": "b" * 500,
    }
    api.answer([{**ROWS[noun], **long, "args": {"method": "post", "url": long["url"]}}])
    lines = on_a_terminal([noun, "list"])[1].splitlines()

    assert max(map(tables.columns_of, lines)) <= columns
    assert all(len(line) > 20 for line in lines)
    assert "…" in lines[1] or noun != "jobs"


def test_a_table_that_goes_elsewhere_than_to_a_terminal_is_not_cut(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    api.answer([{**JOB, "name": "n" * 300}])
    assert cli.main(["jobs", "list", "--output", "table"]) == 0
    assert "n" * 300 in capsys.readouterr().out


def test_states_are_coloured_on_a_terminal_unless_that_is_not_wanted(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer([{**JOB, "job": {**JOB["job"], "state": "discarded"}}])
    assert "\x1b[" not in on_a_terminal(["jobs", "list"])[1]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm-256color")
    api.answer([{**JOB, "job": {**JOB["job"], "state": "discarded"}}])
    shown = on_a_terminal(["jobs", "list"])[1]
    assert "\x1b[1;31mdiscarded" in shown
    assert "\x1b[1mJOB" in shown
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in on_a_terminal(["jobs", "list"])[1]
    monkeypatch.setenv("TERM", "xterm-256color")
    cli.main(["jobs", "list", "--output", "table"])
    assert "\x1b[" not in capsys.readouterr().out


def test_without_rich_there_is_no_colour_and_the_same_table(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = on_a_terminal(["jobs", "list"])[1]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(paint, "find_spec", lambda _: None)
    assert on_a_terminal(["jobs", "list"])[1] == plain


def test_an_empty_list_says_so(api: FakeApi) -> None:
    api.answer([])
    assert on_a_terminal(["jobs", "list"]) == (0, "Nothing found.\n")


def test_one_job_is_shown_field_by_field(api: FakeApi) -> None:
    error = {"code": "timeout", "message": "no answer in 30 s", "response_status": None}
    job = {**JOB["job"], "has_confict": False, "scheduled_at": "2026-12-01T09:00:00.123456Z"}
    api.answer({**JOB, "job": job, "error": error})
    assert on_a_terminal(["jobs", "get", "73496"])[1].splitlines() == [
        "id                7e0ab1f6-5a3e-4a55-9a0b-6f7e1a1c2d3e",
        "job_id            73496",
        "name              daily report",
        "job.id            73496",
        "job.state         scheduled",
        "job.scheduled_at  2026-12-01T09:00:00Z  in 5 min",
        "job.has_conflict  no",
        "args.method       post",
        "args.url          https://example.com/hook",
        "error.code        timeout",
        "error.message     no answer in 30 s",
    ]


def test_a_list_in_a_detail_has_a_line_for_each_item(api: FakeApi) -> None:
    api.answer({"words": "at 9", "runs": ["2026-12-01", "2026-12-02"]})
    assert on_a_terminal(["preview", "--cron", "0 9 * * *"])[1] == (
        "words  at 9\nruns   2026-12-01\n       2026-12-02\n"
    )


def test_objects_and_durations_in_a_list_are_shown_without_their_json(api: FakeApi) -> None:
    run = {"at": "2026-12-01T09:00:00Z", "local": "2026-12-01T10:00:00+01:00", "note": None}
    api.answer({"runs": [run], "wait": [3, "seconds"], "deep": [{"a": {"b": 1}}]})
    assert on_a_terminal(["preview", "--cron", "0 9 * * *"])[1].splitlines() == [
        "runs  2026-12-01T09:00:00Z  2026-12-01T10:00:00+01:00  in 5 min",
        "wait  3 seconds",
        'deep  {"a": {"b": 1}}',
    ]


def test_a_timeline_has_a_line_for_each_entry(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        {"at": "2026-12-01T08:50:00.123456Z", "type": "log", "name": "job.started", "text": "attempt 1", "attempt": 1},
        {"at": "2026-12-01T08:50:01Z", "type": "wait", "name": "retryable", "text": "waited " * 30, "attempt": None},
    ]
    reason = {"code": "on_time", "message": "it was on time", "until": None}
    spent = {"scheduled": 0.0, "executing": 1.2}
    monkeypatch.setenv("COLUMNS", "60")
    api.answer({"job_id": 7, "state": "completed", "reason": reason, "seconds_in_states": spent, "entries": entries})
    assert on_a_terminal(["jobs", "timeline", "7"])[1].splitlines() == [
        "Job 7: completed, it was on time (executing 1.2 s)",
        "2026-12-01 08:50:00Z  #1   attempt 1",
        "2026-12-01 08:50:01Z       waited waited waited waited",
        *["                           waited waited waited waited"] * 6,
        "                           waited waited",
    ]


def test_what_is_too_wide_goes_on_in_the_next_line_and_nothing_of_it_is_lost() -> None:
    assert tables.wrapped("a bb ccc", 4) == ["a bb", "ccc"]
    assert tables.wrapped("no https://example.com/a", 10) == ["no", "https://ex", "ample.com/", "a"]
    assert tables.wrapped("日本語", 4) == ["日本", "語"]
    assert tables.wrapped("", 4) == [""]


@pytest.mark.parametrize("data", [{}, {"events": []}, {"entries": [1]}, {"entries": [{}], "reason": 3, "state": None}])
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
