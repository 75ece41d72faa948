"""A client of the HTTP API that shows what a client would see: the status, the JSON, how long it took."""

import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

# Shorter than a server keeps an idle connection open.
_KEPT_SECONDS = 1.0


class NoAnswer(Exception):
    """The connection was refused, broken or silent: nobody knows whether the request was carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    seconds: float

    @property
    def data(self) -> Any:
        return self.body["data"]


class Api:
    """Connections are kept, one for each thread, until `close`. Nothing is tried a second time."""

    def __init__(self, port: int, key: str, *, timeout_seconds: float = 30.0) -> None:
        self._port = port
        self.key = key
        self._timeout_seconds = timeout_seconds
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, payload: dict[str, Any] | None = None, **more_headers: str) -> Answer:
        return self.request("POST", path, payload, **more_headers)

    def request(self, method: str, path: str, payload: dict[str, Any] | None = None, **more_headers: str) -> Answer:
        """NoAnswer when there is none within the time-out."""
        body = None if payload is None else json.dumps(payload).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **more_headers}
        began = time.monotonic()
        connection = self._fresh_connection()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswer(f"{method} {path}: {error!r}") from error
        return Answer(response.status, _parsed(content), time.monotonic() - began)

    def create_job(self, **fields: Any) -> Any:
        """The job, as the API shows it. AssertionError unless the answer is 201."""
        answer = self.post("/api/jobs", fields)
        assert answer.status == 201, f"POST /api/jobs: {answer.status} {answer.body}"
        return answer.data

    def job(self, job_id: int) -> Any:
        answer = self.get(f"/api/jobs/{job_id}")
        assert answer.status == 200, f"GET /api/jobs/{job_id}: {answer.status} {answer.body}"
        return answer.data

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _fresh_connection(self) -> http.client.HTTPConnection:
        """This thread's, opened anew where it was idle: the server may have closed its end by now."""
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout_seconds)
            self._connections.append(self._local.connection)
        connection: http.client.HTTPConnection = self._local.connection
        if time.monotonic() - getattr(self._local, "used_at", 0.0) > _KEPT_SECONDS:
            connection.close()
        self._local.used_at = time.monotonic()
        return connection


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode(errors="replace")
