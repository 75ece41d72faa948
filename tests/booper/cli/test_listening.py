"""An inbox in the terminal, and pages in the browser."""

import base64
import json
from typing import Any

import pytest

from booper import cli
from tests.fake_api import ARRIVED, JOB, Answer, FakeApi, serve


def stop_after(monkeypatch: pytest.MonkeyPatch, sleeps: int) -> None:
    """Ctrl-C during the sleep after those."""
    left = [None] * sleeps

    def sleep(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop()

    monkeypatch.setattr("time.sleep", sleep)


def arrived(number: int, **more: Any) -> dict[str, Any]:
    content = f'{{"n":{number}}}'.encode()
    body = {"body": content.decode(), "body_base64": base64.b64encode(content).decode()}
    return {**ARRIVED, "id": f"id-{number}", "query": f"n={number}", **body, **more}


def page(*rows: dict[str, Any]) -> Answer:
    return Answer(200, {"data": list(rows), "cursor": None})


def test_what_arrives_is_handed_on_as_it_came_each_once_and_in_order(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_after(monkeypatch, 2)
    headers = {
        "Content-Type": "text/plain",
        "Webhook-Id": "é",
        "Host": "x",
        "Content-Length": "9",
        "Connection": "close",
    }
    api.answer([arrived(1)])
    api.answer({"address": "https://booper.example.com/in/1d22"})
    api.answers.append(page(arrived(3, headers=headers), arrived(2, method="PUT"), arrived(1)))
    api.answers.append(page(arrived(3), arrived(2), arrived(1)))
    with serve() as local:
        local.answers.extend([Answer(201, b"ok"), Answer(500, b"no")])
        assert cli.main(["listen", "--forward-to", f"{local.url}/app", "--output", "table"]) == 130

    assert [(call.method, call.path, call.query, call.content) for call in local.calls] == [
        ("PUT", "/app/hook", {"n": "2"}, b'{"n":2}'),
        ("POST", "/app/hook", {"n": "3"}, b'{"n":3}'),
    ]
    assert local.last.headers["content-type"] == "text/plain"
    assert local.last.headers["host"].startswith("127.0.0.1")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("What arrives at https://booper.example.com/in/1d22 is shown here, and goes on to http")
    assert [line.split(" in ")[0] for line in lines[1:]] == [
        "2026-12-01 09:00:00Z  PUT /hook?n=2  -> 201 Created",
        "2026-12-01 09:00:00Z  POST /hook?n=3  -> 500 Internal Server Error",
    ]


def test_nobody_listening_there_is_told_and_it_goes_on(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_after(monkeypatch, 1)
    with serve() as gone:
        url = gone.url
    api.answer([])
    api.answers.append(page(arrived(1)))
    assert cli.main(["listen", "--forward-to", url]) == 130
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] == {"status": None, "error": "Connection refused"}
    assert told["id"] == "id-1"


def test_what_arrives_is_shown_where_it_is_not_handed_on_and_drives_no_terminal(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_after(monkeypatch, 1)
    api.answer([])
    api.answer({"address": "https://booper.example.com/in/1d22"})
    api.answers.append(page(arrived(1, path="/\x1b[2J")))
    assert cli.main(["listen", "--output", "table"]) == 130
    assert capsys.readouterr().out.splitlines()[1] == "2026-12-01 09:00:00Z  POST /\\x1b[2J?n=1"


def test_an_address_that_is_none_is_a_mistake(api: FakeApi) -> None:
    assert cli.main(["listen", "--forward-to", "localhost:3000"]) == 2
    assert api.calls == []


@pytest.mark.parametrize(("line", "page"), [("open", "/home"), ("open 73496", "/jobs/73496")])
def test_a_page_is_opened_and_its_address_told(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, page: str
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert cli.main(line.split()) == 0
    assert opened == [f"{api.url}{page}"] == [capsys.readouterr().out.strip()]


def test_what_is_no_job_is_a_schedule(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    api.answers.append(Answer(404, {}))
    assert cli.main(["open", "daily-report"]) == 0
    assert opened[0].startswith(f"{api.url}/schedules/")
    assert JOB["id"] not in opened[0]


def test_the_address_of_the_inbox_is_a_bare_line_to_put_into_another_command(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["inbox", "address"]) == 0
    assert capsys.readouterr().out == "https://booper.example.com/in/1d22\n"
    assert cli.main(["inbox", "address", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"address": "https://booper.example.com/in/1d22"}
    assert {call.path for call in api.calls} == {"/api/inbox/address"}
