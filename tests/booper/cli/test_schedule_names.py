"""A schedule is found by its name too: one call more, never the wrong one of several."""

import json

import pytest

from booper import cli
from tests.fake_api import SCHEDULE, FakeApi

ID = SCHEDULE["id"]
DAILY = {**SCHEDULE, "name": "daily report"}
OTHER = {**DAILY, "id": "1c5ea8b5-0d5a-4c52-9f3e-1f0a6a2f7c22", "disabled_at": "2026-12-01T09:00:00Z"}


def asked(api: FakeApi) -> list[tuple[str, str, dict[str, str]]]:
    return [(call.method, call.path, call.query) for call in api.calls]


@pytest.mark.parametrize(
    ("line", "method", "path"),
    [
        (["get"], "GET", ""),
        (["pause"], "POST", "/disable"),
        (["disable"], "POST", "/disable"),
        (["resume"], "POST", "/enable"),
        (["trigger"], "POST", "/trigger"),
        (["skip"], "POST", "/skip"),
        (["backfill", "--from", "2026-11-01", "--to", "2026-11-02"], "POST", "/backfill"),
        (["delete"], "DELETE", ""),
    ],
)
def test_each_verb_takes_a_name(api: FakeApi, line: list[str], method: str, path: str) -> None:
    api.answer([DAILY])
    assert cli.main(["schedules", line[0], "daily report", *line[1:]]) == 0
    assert asked(api) == [
        ("GET", "/api/schedules", {"name": "daily report", "limit": "20"}),
        (method, f"/api/schedules/{ID}{path}", {}),
    ]


@pytest.mark.parametrize("identity", [ID, "daily-report"])
def test_an_id_and_a_key_count_first_and_cost_one_call(api: FakeApi, identity: str) -> None:
    assert cli.main(["schedules", "get", identity]) == 0
    assert asked(api) == [("GET", f"/api/schedules/{identity}", {})]


def test_what_could_be_a_key_is_looked_for_by_name_where_nothing_has_that_key(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.refuse(404, title="Not found", detail="there is no schedule 'nightly' of yours")
    api.answer([{**DAILY, "name": "nightly"}])
    assert cli.main(["schedules", "disable", "nightly", "--reason", "moving"]) == 0
    assert [call.path for call in api.calls] == [
        "/api/schedules/nightly/disable",
        "/api/schedules",
        f"/api/schedules/{ID}/disable",
    ]
    assert api.last.body == {"reason": "moving"}
    assert json.loads(capsys.readouterr().out)["id"] == ID


@pytest.mark.parametrize("named", ["", " "])
def test_a_blank_names_nothing(api: FakeApi, capsys: pytest.CaptureFixture[str], named: str) -> None:
    """As with a variable of a shell that is not set."""
    api.answer([{**DAILY, "name": named}])
    assert cli.main(["schedules", "delete", named]) == 2
    assert api.calls == []
    assert "names no schedule" in capsys.readouterr().err


def test_a_key_that_is_gone_deletes_no_other_schedule_of_that_name(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.refuse(404)
    api.answer([{**OTHER, "name": "daily"}])
    assert cli.main(["schedules", "delete", "daily"]) == 1
    assert [call.method for call in api.calls] == ["DELETE", "GET"]
    assert capsys.readouterr().err.splitlines() == [
        "booper: no schedule of yours has the id or key 'daily'; of what has that name, say which by its id",
        f"  {OTHER['id']}  every 2 minutes, disabled",
    ]


def test_of_several_of_one_name_none_is_touched_and_each_is_listed(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer([DAILY, OTHER])
    assert cli.main(["schedules", "delete", "daily report"]) == 1
    assert [call.method for call in api.calls] == ["GET"]
    assert capsys.readouterr().err.splitlines() == [
        "booper: 2 schedules have the name 'daily report': say which by its id",
        f"  {ID}  every 2 minutes",
        f"  {OTHER['id']}  every 2 minutes, disabled",
    ]


def test_where_there_is_none_the_nearest_is_suggested(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.answer([])
    api.answer([DAILY, {**OTHER, "name": "hourly"}])
    assert cli.main(["schedules", "get", "dialy report"]) == 1
    assert capsys.readouterr().err == (
        "booper: there is no schedule of yours with the id, key or name 'dialy report': did you mean 'daily report'?\n"
    )


def test_what_no_key_can_be_goes_into_no_path(api: FakeApi) -> None:
    for name in ("a/trigger", "../jobs", "x" * 129, "ä", ".", ".."):
        api.answer([])
        api.answer([])
        assert cli.main(["schedules", "enable", name]) == 1
    assert {(call.method, call.path) for call in api.calls} == {("GET", "/api/schedules")}


@pytest.mark.parametrize("name", [".", "..", "a/b", "../jobs", "%2e%2e", "?", "#"])
def test_a_name_that_a_path_would_take_for_something_else_reaches_its_schedule(api: FakeApi, name: str) -> None:
    for line in (["get"], ["delete"], ["trigger"]):
        api.answer([{**DAILY, "name": name}])
        api.answer(DAILY)
        assert cli.main(["schedules", *line, name]) == 0
    paths = [(path, query) for _, path, query in asked(api)]
    looked, reached = ("/api/schedules", {"name": name, "limit": "20"}), f"/api/schedules/{ID}"
    assert paths == [looked, (reached, {}), looked, (reached, {}), looked, (f"{reached}/trigger", {})]


def test_another_refusal_is_no_reason_to_look_for_a_name(api: FakeApi) -> None:
    api.refuse(409, title="Conflict", detail="no run is left")
    assert cli.main(["schedules", "enable", "nightly"]) == 1
    assert len(api.calls) == 1


def test_a_name_with_something_in_it_that_drives_a_terminal_is_shown_without(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**DAILY, "frequency": {"cron": "\x1b[2J"}}, {**OTHER, "frequency": {"cron": "\x1b[2J"}}]
    api.answer(rows)
    assert cli.main(["schedules", "get", "\x1b[31m"]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_a_page_is_opened_by_name(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    api.refuse(404, title="Not found", detail="there is no job")
    api.answer([DAILY])
    assert cli.main(["open", "daily report"]) == 0
    assert opened == [f"{api.url}/schedules/{ID}"]
