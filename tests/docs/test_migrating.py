"""docs/migrating.md: what it says to write is taken, and what it says is refused is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.api import Api, data_of, pointers_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")
RIGHT = [row.split(" | ", 1)[1] for row in re.findall(r"^\| (.+) \|$", PAGE, re.MULTILINE) if " | " in row]
SNIPPETS = sorted({found for cell in RIGHT for found in re.findall(r'`("\w+": [^`]+)`', cell)})


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_what_is_to_be_written_is_taken(snippet: str, api: Api) -> None:
    fields: dict[str, Any] = json.loads(f"{{{snippet}}}")
    data_of(api.post("/api/preview", {"url": "https://example.com/", **fields}))


def test_a_moment_may_be_seconds_since_1970(api: Api) -> None:
    job = data_of(api.post("/api/jobs", {"url": "https://example.com/", "scheduled_at": 1_893_456_000}), status=201)
    assert job["job"]["scheduled_at"] == "2030-01-01T00:00:00Z"


def test_six_fields_of_cron_are_refused_with_the_nearest_right_ones(api: Api) -> None:
    answer = api.post("/api/preview", {"url": "https://example.com/", "cron": "0 9 ? * MON-FRI *"})
    assert pointers_of(answer) == ["/cron"]
    assert "0 9 * * MON-FRI" in answer.json()["detail"]


def test_there_are_enough_of_them_to_mean_something() -> None:
    assert len(SNIPPETS) > 8
