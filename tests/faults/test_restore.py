"""The backup that docs/operations.md describes, made and restored by its own commands: what comes of it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.trial import IS_LONG, QUICK
from tests.processes.harness.fixtures import running
from tests.processes.harness.processes import ROOT
from tests.processes.harness.record import Database
from tests.processes.harness.servers import require
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.target import Reply
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

_RESTORED = "booper_restored"


@pytest.fixture(params=("sqlite-redis", "postgresql-redis") if IS_LONG else ("sqlite-redis",))
def stack(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Stack]:
    with running(request.param, servers=servers, settings=QUICK) as stack:
        stack.start()
        yield stack


def test_what_was_due_since_the_backup_runs_again_under_the_same_key_and_nothing_is_lost(
    stack: Stack, tmp_path: Path
) -> None:
    target = stack.target
    backup, *restore = _commands(stack)
    wire_url = target.answer("/wire", lambda arrival: Reply(delay_seconds=None if arrival.attempt == 1 else 0.0))
    on_the_wire = stack.api.create_job(url=wire_url, timeout=900)["job_id"]
    ended = stack.api.create_job(url=target.url("/ended"))["job_id"]
    schedule = stack.api.create_job(url=target.url("/tick"), repeat_every=1)["schedule_id"]
    eventually(lambda: {on_the_wire, ended} <= target.count_by_job().keys(), "both are sent", within_seconds=10)
    eventually(lambda: stack.api.job(ended)["job"]["state"] == "completed", "one has ended", within_seconds=10)
    due_since = stack.api.create_job(url=target.url("/due-since"), schedule_in=3)["job_id"]
    _run(stack, backup, tmp_path)
    created_since = stack.api.create_job(url=target.url("/created-since"))
    eventually(lambda: target.at("/due-since") and target.at("/created-since"), "both are sent", within_seconds=10)

    _stop(stack)
    for command in restore:
        _run(stack, command, tmp_path)
    if stack.kind != "sqlite-redis":
        _move_to(stack, stack.servers.postgres.url(_RESTORED))
    ticks = len(target.at("/tick"))
    stack.start()

    sent = target.count_by_job
    eventually(lambda: sent()[due_since] == sent()[on_the_wire] == 2, "both are sent again", within_seconds=20)
    eventually(lambda: len(target.at("/tick")) > ticks, "the schedule goes on", within_seconds=20)
    keys = {arrival.headers["idempotency-key"] for arrival in target.at("/due-since")}
    assert len(keys) == 1
    assert sent()[ended] == 1
    # Its number may have been given to another one by now.
    assert created_since["id"] not in {str(job.uuid) for job in stack.database.read().jobs.values()}
    assert stack.database.schedules_without_one_upcoming_run() == 0
    assert stack.api.post(f"/api/schedules/{schedule}/disable").status == 200
    stack.wait_until_done(within_seconds=10)


def _commands(stack: Stack) -> list[str]:
    """Of the section on the stack's database: first the one that makes the backup, then those that restore it."""
    name = "SQLite" if stack.kind == "sqlite-redis" else "PostgreSQL"
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("## Backup and restore")[2].partition(f"### {name}\n")[2].partition("\n### ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    commands = "".join(blocks).replace("\\\n", " ").splitlines()
    return [command for command in commands if "manage.py doctor" not in command]


def _run(stack: Stack, command: str, folder: Path) -> None:
    """With the names and the place of this instance."""
    url = urlsplit(stack.database.url)
    program = re.match(r"\w+", command)
    assert program is not None
    require(program[0], is_here=shutil.which(program[0]) is not None)
    place = {"PGHOST": url.hostname or "", "PGPORT": str(url.port or ""), "PGUSER": url.username or ""}
    here = command.replace(".booper/booper.sqlite3", url.path).replace("python3 ", f"{sys.executable} ")
    variables = dict(os.environ) | place | {"DATABASE_URL": stack.database.url}
    done = subprocess.run(
        ["sh", "-ec", here], cwd=folder, env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _stop(stack: Stack) -> None:
    assert stack.web is not None
    for process in (stack.web, *stack.workers.values(), *stack.beats.values()):
        process.kill()


def _move_to(stack: Stack, url: str) -> None:
    stack.database = Database(url)
    stack.env |= {"DATABASE_URL": url}
