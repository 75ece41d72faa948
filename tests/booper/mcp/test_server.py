"""What an assistant is given: tools that only read unless it was allowed more, with secrets hidden."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, Tool

from booper import cli
from booper.client import Scheduler
from booper.mcp import server
from tests.fake_api import API_KEY, JOB, FakeApi, serve

READERS = {
    "list_jobs", "get_job", "why", "timeline", "list_logs", "list_schedules", "get_schedule", "list_deliveries",
    "preview",
}  # fmt: skip
WRITERS = {"create_job", "retry_job", "cancel_job"}


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serve() as fake:
        yield fake


def tools(api: FakeApi, *, may_write: bool) -> dict[str, Tool]:
    async def ask() -> dict[str, Tool]:
        async with Client(server.made(Scheduler(API_KEY, base_url=api.url), may_write=may_write)) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    return asyncio.run(ask())


def called(api: FakeApi, name: str, *, may_write: bool = False, **arguments: Any) -> CallToolResult:
    async def ask() -> CallToolResult:
        async with Client(server.made(Scheduler(API_KEY, base_url=api.url), may_write=may_write)) as client:
            answer = await client.call_tool(name, arguments)
            assert isinstance(answer, CallToolResult)
            return answer

    return asyncio.run(ask())


def text_of(answer: CallToolResult) -> str:
    return "\n".join(str(getattr(part, "text", "")) for part in answer.content)


def test_it_only_reads_unless_it_may_write(api: FakeApi) -> None:
    assert tools(api, may_write=False).keys() == READERS
    offered = tools(api, may_write=True)
    assert offered.keys() == READERS | WRITERS
    reading = {name for name, tool in offered.items() if tool.annotations and tool.annotations.read_only_hint}
    assert reading == READERS
    assert all(tool.description for tool in offered.values())


def test_what_it_may_not_do_is_not_done_when_it_asks_all_the_same(api: FakeApi) -> None:
    answer = called(api, "create_job", job={"url": "https://example.com/"})
    assert answer.is_error
    assert api.calls == []


def test_jobs_are_listed_by_what_was_asked(api: FakeApi) -> None:
    answer = called(api, "list_jobs", state="discarded", limit=5)
    assert json.loads(text_of(answer))["job_id"] == JOB["job_id"]
    [call] = api.calls
    assert (call.method, call.path, dict(call.query)) == ("GET", "/api/jobs", {"state": "discarded", "limit": "5"})


def test_secrets_in_what_it_is_told_are_hidden(api: FakeApi) -> None:
    secret = {"headers": {"Authorization": "Bearer abc123abc123"}, "body": {"password": "hunter2hunter2", "n": 1}}
    api.answer({**JOB, "args": {**JOB["args"], **secret}})
    told = text_of(called(api, "get_job", job_id="73496"))
    assert "abc123" not in told
    assert "hunter2" not in told
    assert json.loads(told)["args"]["body"] == {"password": "***", "n": 1}


def test_a_refusal_names_the_field(api: FakeApi) -> None:
    api.refuse(400, title="Bad request", detail="look", errors=[{"pointer": "/cron", "detail": "has no fields"}])
    answer = called(api, "preview", cron="x")
    assert answer.is_error
    assert "/cron: has no fields" in text_of(answer)


def test_arguments_out_of_range_are_refused_before_anything_is_asked(api: FakeApi) -> None:
    assert called(api, "list_jobs", limit=1000).is_error
    assert called(api, "get_job", job_id="").is_error
    assert api.calls == []


def test_a_jobs_number_is_taken_as_lists_have_it(api: FakeApi) -> None:
    answer = called(api, "get_job", job_id=JOB["job_id"])
    assert not answer.is_error
    assert [call.path for call in api.calls] == [f"/api/jobs/{JOB['job_id']}"]


def test_cancelling_the_run_of_a_schedule_leaves_the_schedule(api: FakeApi) -> None:
    api.answer({**JOB, "schedule_id": "0b5ea8b5-0d5a-4c52-9f3e-1f0a6a2f7c11"})
    called(api, "cancel_job", may_write=True, job_id="73496")
    assert [(call.method, dict(call.query)) for call in api.calls] == [("GET", {}), ("POST", {"scope": "run"})]


def test_the_command_serves_them_on_stdin_and_stdout(api: FakeApi) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "booper", "mcp"],
        env={"BOOPER_API_KEY": API_KEY, "BOOPER_API_URL": api.url},
    )

    async def ask() -> tuple[set[str], str]:
        async with Client(command) as client:
            answer = await client.call_tool("get_job", {"job_id": "73496"})
            assert isinstance(answer, CallToolResult)
            return {tool.name for tool in (await client.list_tools()).tools}, text_of(answer)

    offered, told = asyncio.run(ask())
    assert offered == READERS
    assert json.loads(told)["job_id"] == JOB["job_id"]


def test_a_wrong_key_is_told_at_the_start(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOPER_API_URL", api.url)
    monkeypatch.setenv("BOOPER_API_KEY", "sk_wrong")
    api.refuse(401, title="Unauthorized", detail="no such key")
    assert cli.main(["mcp"]) == 1
    assert "no such key" in capsys.readouterr().err
