"""An answer's head waits for its body, and for nothing else."""

import asyncio
from typing import Any, cast

from config.web.corked import Corked


class Transport:
    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def write(self, data: bytes) -> None:
        self.calls.append(("write", data))

    def writelines(self, data: list[bytes]) -> None:
        self.calls.append(("write", b"".join(data)))

    def close(self) -> None:
        self.calls.append(("close", None))

    def is_closing(self) -> bool:
        return False


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def test_head_and_body_go_together() -> None:
    transport = Transport()
    corked = Corked(cast(asyncio.Transport, transport))
    corked.write(HEAD)
    assert transport.calls == []
    corked.write(b"body")
    corked.write(b"more")
    assert transport.calls == [("write", HEAD + b"body"), ("write", b"more")]


def test_a_head_alone_goes_when_it_is_asked_for_or_the_connection_ends() -> None:
    transport = Transport()
    corked = Corked(cast(asyncio.Transport, transport))
    corked.write(HEAD)
    corked.flush()
    corked.flush()
    corked.write(HEAD)
    corked.close()
    assert transport.calls == [("write", HEAD), ("write", HEAD), ("close", None)]


def test_an_interim_answer_does_not_wait() -> None:
    transport = Transport()
    corked = Corked(cast(asyncio.Transport, transport))
    corked.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert transport.calls == [("write", b"HTTP/1.1 100 Continue\r\n\r\n")]
    assert not corked.is_closing()
