"""A server on loopback that plays Booper's API: it records what it is asked and answers as it is told."""

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

API_KEY = "sk_test"

JOB: dict[str, Any] = {
    "id": "7e0ab1f6-5a3e-4a55-9a0b-6f7e1a1c2d3e",
    "job_id": 73496,
    "schedule_id": None,
    "name": "daily report",
    "job": {
        "id": 73496,
        "state": "scheduled",
        "scheduled_at": "2026-12-01T09:00:00Z",
        "attempted_at": None,
        "has_conflict": False,
    },
    "args": {"method": "post", "url": "https://example.com/hook"},
}
SCHEDULE: dict[str, Any] = {
    "id": "0b5ea8b5-0d5a-4c52-9f3e-1f0a6a2f7c11",
    "key": None,
    "managed_by": None,
    "name": None,
    "disabled_at": None,
    "next_run_at": "2026-12-01T09:00:00Z",
    "frequency": {"repeat_every": [2, "minutes"]},
    "args": {"method": "get", "url": "https://example.com/poll"},
}
LOG: dict[str, Any] = {
    "id": "3f0c7a52-8a54-4f0e-9a3c-54a1b6a0a9d2",
    "event": "job.started",
    "inserted_at": "2026-12-01T09:00:00Z",
    "job_id": 73496,
    "payload": {"url": "https://example.com/hook"},
}
DELIVERY: dict[str, Any] = {
    "id": "5e1f4a8e-0a0f-4a57-8f4f-0f5b9a6c1d22",
    "job_id": 73496,
    "event": "job.result",
    "url": "https://example.com/done",
    "state": "failed",
    "attempt": 2,
    "response_status": None,
    "error": {"code": "timeout", "message": "no answer in 30 s"},
}

QUEUE: dict[str, Any] = {
    "name": "mail",
    "concurrency": 5,
    "rate": {"limit": 100, "period": [1, "minute"]},
    "paused": False,
    "waiting": 1204,
    "running": 5,
}

CALENDAR: dict[str, Any] = {
    "name": "closed",
    "dates": ["2026-12-24"],
    "country": "GB",
    "subdivision": None,
    "ics": None,
    "day_count": 81,
    "next_days": ["2026-12-24", "2026-12-25"],
    "used_by": [],
}

RECEIVER: dict[str, Any] = {
    "id": "9b2c1d44-7a10-4f0e-8d7e-2f5b9a6c1d22",
    "origin": "https://example.com",
    "state": "failing",
    "failing_since": "2026-12-01T09:00:00Z",
    "response_status": None,
    "error": {"code": "timeout", "message": "no answer in 30 s"},
}

KEY: dict[str, Any] = {
    "id": "4c1d9b2c-7a10-4f0e-8d7e-2f5b9a6c1d22",
    "name": "deployer",
    "scope": "write",
    "hint": "x7Qz",
    "last_used_at": None,
    "expires_at": None,
    "revoked_at": None,
}

SIGNING_SECRET: dict[str, Any] = {
    "inserted_at": "2026-12-01T09:00:00Z",
    "in_force": [{"hint": "x7Qz", "inserted_at": "2026-12-01T09:00:00Z", "until": None}],
}

SECRET: dict[str, Any] = {
    "name": "CRM_TOKEN",
    "hosts": ["crm.example.com"],
    "inserted_at": "2026-12-01T09:00:00Z",
    "updated_at": "2026-12-01T09:00:00Z",
    "used_by": {"schedules": [], "jobs": [73496]},
}

LIMIT: dict[str, Any] = {"name": "waiting_jobs", "allowed": 5000000, "used": 12, "resets_at": None}

ARRIVED: dict[str, Any] = {
    "id": "1d224c1d-7a10-4f0e-8d7e-9b2c9a6c1d22",
    "inserted_at": "2026-12-01T09:00:00Z",
    "method": "POST",
    "path": "/hook",
    "query": "a=1",
    "headers": {"Content-Type": "application/json"},
    "body": "{}",
    "body_base64": "e30=",
    "truncated": False,
    "address": "127.0.0.1",
}

ALERT: dict[str, Any] = {
    "id": "9d1f4a8e-0a0f-4a57-8f4f-0f5b9a6c1d33",
    "name": "nightly report",
    "when": {"discarded": 3},
    "of": None,
    "to": ["https://example.com/alerts"],
    "mute_for": [1, "days"],
    "firing": 0,
}

ROWS = {
    "receivers": RECEIVER,
    "keys": KEY,
    "secrets": SECRET,
    "limits": LIMIT,
    "inbox": ARRIVED,
    "jobs": JOB,
    "schedules": SCHEDULE,
    "logs": LOG,
    "deliveries": DELIVERY,
    "queues": QUEUE,
    "calendars": CALENDAR,
    "alerts": ALERT,
}


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    """The JSON that was sent, None for none."""
    content: bytes
    """The same, byte by byte."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: Any = None
    """JSON, or the bytes themselves, or None for no body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_hung_up: bool = False
    """True: read the request, then close the connection without a word."""


@dataclass(slots=True)
class FakeApi:
    url: str
    calls: list[Call] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    """Given in turn; when they have run out, each call is answered as a server in good health would."""

    def refuse(self, status: int, **problem: Any) -> None:
        headers = {"Content-Type": "application/problem+json"}
        self.answers.append(Answer(status, {"status": status, **problem}, headers))

    def answer(self, data: Any, *, status: int = 200) -> None:
        self.answers.append(Answer(status, {"data": data}))

    def answer_page(self, ids: Iterable[str], *, cursor: str | None) -> None:
        self.answers.append(Answer(200, {"data": [{"id": each} for each in ids], "cursor": cursor}))

    def hang_up(self) -> None:
        self.answers.append(Answer(is_hung_up=True))

    @property
    def last(self) -> Call:
        return self.calls[-1]


@contextmanager
def serve() -> Iterator[FakeApi]:
    """A FakeApi that listens until the block ends."""
    api = FakeApi(url="")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(api))
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler_for(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            call = self._call()
            api.calls.append(call)
            answer = api.answers.popleft() if api.answers else _healthy(call)
            if not answer.is_hung_up:
                self._send(answer)
            self.close_connection = True

        def _call(self) -> Call:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(content) if content else None
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            return Call(self.command, parts.path, query, headers, body, content)

        def _send(self, answer: Answer) -> None:
            content = b"" if answer.body is None else answer.body
            if not isinstance(content, bytes):
                content = json.dumps(content).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing: the test reads `calls`."""

    return Handler


_ON_MANY = {
    "/api/jobs/cancel": "cancelled",
    "/api/jobs/retry": "retried",
    "/api/jobs/run": "run",
    "/api/jobs/delete": "deleted",
    "/api/deliveries/resend": "resent",
}

_SINGLE = {"signing-secret": SIGNING_SECRET, "version": {"version": "0.2.0", "api": "1"}}

_TOLD_ONCE: dict[tuple[str, str, str], dict[str, Any]] = {
    ("POST", "keys", "keys"): {**KEY, "key": "sk_new"},
    ("POST", "keys", "rotate"): {**KEY, "key": "sk_new"},
    ("POST", "signing-secret", "rotate"): {**SIGNING_SECRET, "secret": "whsec_new"},
    ("POST", "inbox", "rotate"): {"address": "https://booper.example.com/in/new"},
}


def _healthy(call: Call) -> Answer:
    steps = call.path.split("/")[2:]  # /api/jobs/7/cancel -> jobs, 7, cancel
    if call.method == "DELETE" and steps == ["inbox"]:
        return Answer(200, {"data": {"deleted": 2}})
    if call.path == "/api/jobs/batch":
        return Answer(201, {"data": [JOB for _ in call.body["jobs"]]})
    if call.path in _ON_MANY:
        return Answer(200, {"data": {"matched": 3, _ON_MANY[call.path]: 3}})
    if call.path == "/api/inbox/address":
        return Answer(200, {"data": {"address": "https://booper.example.com/in/1d22"}})
    if call.path == "/api/apply-check":
        return Answer(200, {"data": {"schedules": [], "queues": [QUEUE], "calendars": [], "alerts": []}})
    if call.path.endswith("/backfill"):
        return Answer(201, {"data": [JOB]})
    if told := _TOLD_ONCE.get((call.method, steps[0], steps[-1])):
        return Answer(201, {"data": told})
    row = _SINGLE.get(steps[0]) or ROWS.get(steps[0], {"noun": steps[0]})
    is_list = call.method == "GET" and steps[0] in ROWS and (len(steps) == 1 or steps[-1] == "incidents")
    answer = {"data": [row] if is_list else row} | ({"cursor": None} if "cursor" in call.query else {})
    return Answer(201 if call.path == "/api/jobs" else 200, answer)
