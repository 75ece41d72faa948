"""A client of the HTTP API for tests, and what they expect of every refusal."""

import json
from typing import Any

from django.test import Client

from jobs.api.wire.problems import CONTENT_TYPE, KINDS
from jobs.models import Schedule

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Api:
    """Calls of one user, or of nobody. A body that is no str or bytes is sent as JSON."""

    def __init__(self, client: Client, *, token: str | None) -> None:
        self._client = client
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, *, content_type: str = JSON, **headers: str) -> Any:
        return self.call("POST", path, body, content_type=content_type, **headers)

    def patch(self, path: str, body: Any) -> Any:
        return self.call("PATCH", path, body)

    def call(self, method: str, path: str, body: Any = None, *, content_type: str = JSON, **headers: str) -> Any:
        content = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        sent = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.generic(method, path, content, content_type=content_type, headers=sent)


def data_of(response: Any, *, status: int = 200) -> Any:
    """The content of `data` in an answer that is as it should be."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == JSON
    answer = response.json()
    assert list(answer) == ["data"]
    return answer["data"]


def bare_of(response: Any) -> Any:
    """The whole answer of one of the three calls that answer without `data`."""
    assert response.status_code == 200, response.content
    assert response.headers["Content-Type"] == JSON
    return response.json()


def problem_of(response: Any, *, status: int) -> dict[str, Any]:
    """The problem in a refusal that is as it should be."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == CONTENT_TYPE
    problem: dict[str, Any] = response.json()
    kind, title = KINDS[status]
    assert (problem["type"], problem["title"], problem["status"]) == (f"urn:booper:problem:{kind}", title, status)
    assert problem["detail"]
    assert ("errors" in problem) == (status == 400)
    return problem


def schedule_by(api: Api, **fields: Any) -> Schedule:
    """A schedule made as clients make one: it runs once a year, unless `fields` say otherwise."""
    wanted = {"url": "https://example.com/hook", "cron": "0 0 1 1 *", **fields}
    return Schedule.objects.get(id=data_of(api.post("/api/jobs", wanted), status=201)["schedule_id"])


def pointers_of(response: Any) -> list[str]:
    """Where the input was refused."""
    return [error["pointer"] for error in problem_of(response, status=400)["errors"]]
