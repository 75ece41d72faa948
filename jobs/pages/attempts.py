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

WIDTH = 240
_LABELS = {
    "queued": "queued", "dns": "DNS", "connect": "connect", "tls": "TLS", "first_byte": "first byte", "body": "body",
    "whole": "on the wire",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """A part of an attempt: how long it took, and where it is drawn in a box of WIDTH."""

    name: str
    label: str
    took: timedelta
    x: float
    width: float


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
    times_ms: Mapping[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

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
    attempt.times_ms = attempt.times_ms or entry.payload.get("times_ms") or {}
    if entry.name == EventType.REQUEST:
        attempt.request = entry.payload
    elif entry.name == EventType.RESPONSE:
        attempt.response, attempt.status = entry.payload, entry.payload.get("status")
        attempt.took = timedelta(milliseconds=float(entry.payload.get("duration_ms") or 0))
    elif entry.name == EventType.ERROR and entry.payload.get("code") not in history.NO_FAILURES:
        attempt.error = entry.payload
        attempt.took = attempt.took or entry.at - attempt.began_at


def _measure(attempts: Sequence[Attempt]) -> None:
    """Where the bar of each step begins and how wide it is, the longest attempt as wide as there is room."""
    longest = max((attempt.took for attempt in attempts if attempt.took), default=timedelta())
    if not longest:
        return
    # A wait that is longer than anything on the wire is drawn as long as that.
    most = longest + min(longest, max(attempt.waited for attempt in attempts))
    for attempt in attempts:
        steps = [("queued", min(attempt.waited, longest), attempt.waited), *_on_the_wire(attempt)]
        x = 0.0
        for name, drawn, took in steps:
            width = WIDTH * (drawn / most)
            if took:
                attempt.steps.append(Step(name, _LABELS[name], took, round(x, 1), round(max(width, 1.5), 1)))
            x += width


def _on_the_wire(attempt: Attempt) -> list[tuple[str, timedelta, timedelta]]:
    """As the log says; of what was logged before it said so, and of what has no steps, the whole as one."""
    times = attempt.times_ms
    known = [
        (name, timedelta(milliseconds=times[name])) for name in _LABELS if isinstance(times.get(name), int | float)
    ]
    if not known and attempt.took:
        known = [("whole", attempt.took)]
    return [(name, took, took) for name, took in known]


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
