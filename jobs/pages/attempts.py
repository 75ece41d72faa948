"""A job's attempts, its request and its answer, out of its timeline: nothing is read anew, and secrets are hidden."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from jobs.explaining import history
from jobs.explaining.timeline import Entry, Timeline
from jobs.models import EventType

_TAPE_WIDTH = 160


@dataclass(slots=True)
class Attempt:
    """`waited` is from when it was due to its start; `took` on the wire, as far as the log says."""

    number: int
    began_at: datetime
    waited: timedelta = timedelta()
    status: int | None = None
    took: timedelta | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    response: Mapping[str, Any] = field(default_factory=dict)
    width: int = 0

    @property
    def is_good(self) -> bool:
        return self.status is not None and not self.error


def of(timeline: Timeline) -> list[Attempt]:
    """The latest first."""
    found: list[Attempt] = []
    for entry in timeline.entries:
        if entry.type != "log":
            continue
        if entry.name == EventType.STARTED:
            due_at = datetime.fromisoformat(entry.payload["scheduled_at"])
            found.append(Attempt(entry.attempt or 0, entry.at, max(timedelta(), entry.at - due_at)))
        elif found and entry.attempt == found[-1].number:
            _add(found[-1], entry)
    _measure(found)
    return found[::-1]


def _add(attempt: Attempt, entry: Entry) -> None:
    if entry.name == EventType.REQUEST:
        attempt.request = entry.payload
    elif entry.name == EventType.RESPONSE:
        attempt.response, attempt.status = entry.payload, entry.payload.get("status")
        attempt.took = timedelta(milliseconds=float(entry.payload.get("duration_ms") or 0))
    elif entry.name == EventType.ERROR and entry.payload.get("code") not in history.NO_FAILURES:
        attempt.error = entry.payload
        attempt.took = attempt.took or entry.at - attempt.began_at


def _measure(attempts: Sequence[Attempt]) -> None:
    """How wide the bar of each is, the longest as wide as there is room."""
    longest = max((attempt.took for attempt in attempts if attempt.took), default=timedelta())
    for attempt in attempts:
        if attempt.took and longest:
            attempt.width = max(2, round(_TAPE_WIDTH * (attempt.took / longest)))


def as_curl(request: Mapping[str, Any]) -> str:
    """The request to its target; what is hidden stays hidden."""
    lines = [f"curl -X {str(request.get('method') or 'get').upper()} {shlex.quote(_with_query(request))}"]
    headers = request.get("headers")
    for name, value in (headers if isinstance(headers, dict) else {}).items():
        lines.append(f"-H {shlex.quote(f'{name}: {value}')}")
    body = request.get("body")
    if body is not None:
        has_type = any(str(name).lower() == "content-type" for name in headers or {})
        lines += [] if has_type else ["-H 'Content-Type: application/json'"]
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        lines.append(f"-d {shlex.quote(text)}")
    return " \\\n  ".join(lines)


def _with_query(request: Mapping[str, Any]) -> str:
    url, query = str(request.get("url") or ""), request.get("query")
    if not isinstance(query, dict) or not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query, doseq=True, safe='*')}"
