"""`booper mcp` as an assistant starts it: the protocol's own client on its stdin and stdout, a real instance behind."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult

from tests.processes.harness.fixtures import running
from tests.processes.harness.processes import ROOT
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.target import Reply, in_turn
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

Talk = Callable[["Assistant"], Coroutine[Any, Any, None]]


class Assistant:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def tools(self) -> set[str]:
        return {tool.name for tool in (await self._client.list_tools()).tools}

    async def asks(self, tool: str, **arguments: Any) -> Any:
        """What the tool answers, as JSON; of a list its items."""
        answer = await self._client.call_tool(tool, arguments)
        assert isinstance(answer, CallToolResult)
        assert not answer.is_error, answer.content
        found = [json.loads(str(getattr(part, "text", ""))) for part in answer.content]
        return found if tool.startswith("list_") else found[0]

    async def is_refused(self, tool: str, **arguments: Any) -> str:
        answer = await self._client.call_tool(tool, arguments)
        assert isinstance(answer, CallToolResult)
        assert answer.is_error
        return "\n".join(str(getattr(part, "text", "")) for part in answer.content)


def talk(stack: Stack, key: str, conversation: Talk, *options: str) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "booper", "mcp", *options],
        env={"BOOPER_API_KEY": key, "BOOPER_API_URL": f"http://127.0.0.1:{stack.port}"},
        cwd=str(ROOT),
    )

    async def speak() -> None:
        async with Client(command) as client:
            await conversation(Assistant(client))

    asyncio.run(speak())


@pytest.fixture(scope="module")
def stack(servers: Servers) -> Iterator[Stack]:
    with running("sqlite-redis", servers=servers) as made:
        made.start()
        yield made


def test_one_that_only_reads_finds_out_why_a_job_failed(stack: Stack) -> None:
    url = stack.target.answer("/broken", in_turn(Reply(status=404, body=b'{"password": "planted-secret"}')))
    job_id = stack.api.create_job(url=url, max_attempts=1, headers={"Authorization": "Bearer planted-secret"})["job_id"]
    eventually(lambda: stack.api.job(job_id)["job"]["state"] == "discarded", "it is discarded", within_seconds=30)
    schedule_id = stack.api.create_job(url=url, cron="0 9 * * 1-5", name="report")["schedule_id"]
    read_key = stack.api.post("/api/keys", {"name": "assistant", "scope": "read"}).data["key"]

    async def conversation(assistant: Assistant) -> None:
        assert "create_job" not in await assistant.tools()
        [failed] = await assistant.asks("list_jobs", state="discarded")
        assert failed["job_id"] == job_id
        assert (await assistant.asks("why", job_id=job_id))["reason"]["code"]
        told = [
            await assistant.asks("get_job", job_id=job_id),
            await assistant.asks("timeline", job_id=str(job_id)),
            await assistant.asks("list_logs", job_id=job_id, limit=50),
        ]
        assert "planted-secret" not in json.dumps(told)
        assert told[0]["error"]["code"] == "http_status"
        [schedule] = await assistant.asks("list_schedules")
        assert (await assistant.asks("get_schedule", schedule_id=schedule_id)) == schedule
        assert len((await assistant.asks("preview", cron="0 9 * * 1-5", count=3))["runs"]) == 3
        assert await assistant.asks("list_deliveries") == []
        assert "there is no job '99999999' of yours" in await assistant.is_refused("get_job", job_id=99999999)

    talk(stack, read_key, conversation)


def test_one_that_may_write_makes_a_job_and_retries_it_and_no_more_than_its_key_may(stack: Stack) -> None:
    url = stack.target.answer("/mended", in_turn(Reply(status=404), Reply(body=b"{}")))
    read_key = stack.api.post("/api/keys", {"name": "assistant", "scope": "read"}).data["key"]
    made: list[int] = []

    async def writes(assistant: Assistant) -> None:
        wanted = {"url": url, "max_attempts": 1, "idempotency_key": "once", "schedule_in": "1 second"}
        first = await assistant.asks("create_job", job=wanted)
        assert (await assistant.asks("create_job", job=wanted))["job_id"] == first["job_id"]
        made.append(first["job_id"])
        eventually(lambda: stack.api.job(made[0])["job"]["state"] == "discarded", "discarded", within_seconds=30)
        await assistant.asks("retry_job", job_id=made[0])
        later = await assistant.asks("create_job", job={"url": url, "schedule_in": "1 hour"})
        assert (await assistant.asks("cancel_job", job_id=later["job_id"]))["job"]["state"] == "cancelled"
        assert "/cron" in await assistant.is_refused("create_job", job={"url": url, "cron": "nonsense"})

    talk(stack, stack.api.key, writes, "--write")
    eventually(lambda: stack.api.job(made[0])["job"]["state"] == "completed", "completed", within_seconds=30)

    async def may_not(assistant: Assistant) -> None:
        assert "403" in await assistant.is_refused("create_job", job={"url": url})

    talk(stack, read_key, may_not, "--write")
