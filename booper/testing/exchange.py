"""What a fake sends to the functions that play targets and receivers, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as a target gets it: `content` is the exact bytes, which `headers` sign, `body` their JSON."""

    method: str
    url: str
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Any
    content: bytes
    at: datetime
    job_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Any]
"""Answers a Reply, a status as an int, JSON for a 200, or None for an empty one. What it raises reaches the test."""


def reply_of(answer: Any) -> Reply:
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, int) and not isinstance(answer, bool):
        return Reply(answer)
    return Reply(200, answer)
