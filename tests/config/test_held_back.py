"""An answer that asks to be held back waits without a thread, and nobody is told that it asked."""

import asyncio
from typing import Any

import pytest

from config.web.door import Door, Rules

RULES = Rules(
    at_once=frozenset(), apart=frozenset(), longest_body=lambda path: 1024, threads=1, caller_of=lambda environ: "one"
)


def application(environ: Any, start_response: Any) -> list[bytes]:
    """Of a path that is a number, holds its answer back for so many milliseconds."""
    milliseconds = environ["PATH_INFO"].strip("/")
    start_response("200 OK", [("Booper-Hold", milliseconds)] if milliseconds != "0" else [])
    return [milliseconds.encode()]


def scope(path: str) -> dict[str, Any]:
    common = {"type": "http", "method": "GET", "query_string": b"", "headers": [], "http_version": "1.1"}
    addresses = {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http"}
    return common | addresses | {"path": path, "raw_path": path.encode(), "root_path": ""}


async def ask(door: Door, path: str) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await door(scope(path), receive, send)
    return sent


def test_others_are_answered_meanwhile_by_the_only_thread() -> None:
    async def both() -> None:
        door = Door(application, RULES)
        held = asyncio.create_task(ask(door, "/60000"))
        while door._held_back == 0:
            await asyncio.sleep(0.01)
        _, body = await ask(door, "/0")
        assert body["body"] == b"0"
        assert not held.done()
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
        assert door._held_back == 0

    asyncio.run(both())


def test_the_header_that_asks_goes_nowhere() -> None:
    start, body = asyncio.run(ask(Door(application, RULES), "/1"))
    assert body["body"] == b"1"
    assert not [name for name, _ in start["headers"] if name.lower() == b"booper-hold"]


@pytest.mark.parametrize(("status", "length"), [(204, None), (304, None), (205, b"0")])
def test_an_answer_that_has_no_content_takes_none_from_the_application(status: int, length: bytes | None) -> None:
    def talkative(environ: Any, start_response: Any) -> list[bytes]:
        start_response(f"{status} Said", [("Content-Length", "7"), ("X-Kept", "yes")])
        return [b'{"a":1}']

    start, body = asyncio.run(ask(Door(talkative, RULES), "/"))
    headers = {name.lower(): value for name, value in start["headers"]}
    assert (body["body"], headers.get(b"content-length"), headers[b"x-kept"]) == (b"", length, b"yes")
