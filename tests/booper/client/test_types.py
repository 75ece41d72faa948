"""What a user's type checker says of code that uses the client."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

USER_CODE = """
from datetime import timedelta

from booper import AsyncScheduler, Scheduler
from booper.client import Job, JobInput

scheduler = Scheduler("sk_x")
asked: JobInput = {"url": "https://example.com", "schedule_in": timedelta(hours=1), "tags": ["red"]}
job = scheduler.jobs.create(asked)
reveal_type(job)
reveal_type(job["job"]["state"])
reveal_type(scheduler.jobs.list(state="scheduled"))
for each in scheduler.deliveries.iterate():
    reveal_type(each)
reveal_type(scheduler.schedules.get("daily-report")["next_run_at"])
for item in scheduler.jobs.create_many([asked]):
    if "job_id" in item:
        reveal_type(item)
    else:
        reveal_type(item)
reveal_type(scheduler.keys.create()["key"])
job["nope"]
wrong: JobInput = {"url": "https://example.com", "schedule_inn": 5}
error = job["error"]
error["code"]


async def remind() -> Job:
    async with AsyncScheduler() as awaited:
        reveal_type(await awaited.jobs.timeline(7))
        async for row in awaited.logs.iterate():
            reveal_type(row)
        awaited.jobs.craete(asked)
        return await awaited.jobs.create(asked)
"""

REVEALED = [
    "TypedDict(booper.client.records.Job",
    'Literal["scheduled"] | Literal["available"]',
    "list[TypedDict(booper.client.records.Job",
    "TypedDict(booper.client.records.Delivery",
    "str | None",
    "TypedDict(booper.client.records.Job",
    "TypedDict(booper.client.records.RefusedJob",
    "str",
    "TypedDict(booper.client.records.Timeline",
    "TypedDict(booper.client.records.LogEvent",
]
WRONG = [
    'TypedDict "Job" has no key "nope"',
    'Extra key "schedule_inn" for TypedDict "JobInput"',
    'Value of type "JobError | None" is not indexable',
    '"AsyncJobs" has no attribute "craete"',
]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy says, strictly and without the settings of this project."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "uses.py").write_text(USER_CODE)
    (folder / "booper").symlink_to(ROOT / "booper")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "uses.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


def test_what_is_answered_has_a_type(said: str) -> None:
    revealed = re.findall(r'Revealed type is "(.*)"$', said, re.MULTILINE)
    shown = [each.replace("'", '"') for each in revealed]
    assert len(shown) == len(REVEALED)
    for found, wanted in zip(shown, REVEALED, strict=True):
        assert found.startswith(wanted)


def test_a_slip_is_found_and_nothing_else_is_wrong(said: str) -> None:
    errors = re.findall(r": error: (.*?)  \[", said)
    assert len(errors) == len(WRONG), said
    for found, wanted in zip(errors, WRONG, strict=True):
        assert wanted in found
