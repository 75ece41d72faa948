"""Batches for tests, and what they cost."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api import Api

URL = "https://example.com/hook"


SECOND = timedelta(seconds=1)


def batch(api: Api, *jobs: Any, **headers: str) -> Any:
    return api.post("/api/jobs/batch", {"jobs": list(jobs)}, **headers)


def job_of(number: int, **fields: Any) -> dict[str, Any]:
    return {"method": "post", "url": f"{URL}/{number}", "body": {"n": number}, **fields}


def cost(api: Api, *jobs: Any) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        assert batch(api, *jobs).status_code in (201, 207)
    return [verb for query in queries if (verb := query["sql"].split()[0]) not in ("SAVEPOINT", "RELEASE")]
