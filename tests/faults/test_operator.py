"""What whoever runs an instance is told while a part of it is gone: which one, until it is back."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.processes.harness.api import Api
from tests.processes.harness.fixtures import MakeStack
from tests.processes.harness.processes import ROOT
from tests.processes.harness.stack import METRICS_TOKEN, Stack
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

_LEASE_SECONDS = 5
# A dead process is one whose lease has run out; the rest is for a machine that has other things to do.
_NOTICED_SECONDS = _LEASE_SECONDS + 10


def test_each_part_that_is_killed_is_named_until_it_is_back(make_stack: MakeStack) -> None:
    stack = make_stack("postgresql-redis", settings={"LEASE_SECONDS": str(_LEASE_SECONDS)})
    stack.start()
    _until_failing(stack, [])

    stack.broker.kill()
    _until_failing(stack, ["broker"])
    stack.broker.start()
    _until_failing(stack, [])

    stack.servers.postgres.kill()
    # Of beat and workers nothing can be known then.
    _until_failing(stack, ["database", "beat", "workers"])
    assert _status(stack, "/livez") == 200
    stack.servers.postgres.start()
    _until_failing(stack, [])

    stack.beats[1].kill()
    stack.workers[1].kill()
    _until_failing(stack, ["beat", "workers"])
    assert _status(stack, "/readyz?exclude=broker,beat,workers") == 200
    stack.start_beat(waits=False)
    _until_failing(stack, ["workers"])
    assert _doctor(stack) == (1, ["workers"])
    assert 'booper_processes{role="worker"} 0' in Api(stack.port, METRICS_TOKEN).get("/metrics").body
    stack.start_worker(waits=False)
    _until_failing(stack, [])
    assert _doctor(stack) == (0, [])


def _until_failing(stack: Stack, names: list[str]) -> None:
    eventually(
        lambda: _failing(stack) == names, f"/readyz finds {names or 'nothing'} wrong", within_seconds=_NOTICED_SECONDS
    )


def _failing(stack: Stack) -> list[str]:
    answer = stack.api.get("/readyz")
    checks: dict[str, dict[str, Any]] = answer.body["checks"]
    failing = [name for name, check in checks.items() if check["status"] != "ok"]
    assert answer.status == (503 if failing else 200)
    assert all(check["age_seconds"] is not None for check in checks.values() if check["status"] == "ok")
    return failing


def _status(stack: Stack, path: str) -> int:
    return stack.api.get(path).status


def _doctor(stack: Stack) -> tuple[int, list[str]]:
    """Its exit status, and what it found to be an error."""
    command = [sys.executable, "manage.py", "doctor", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=stack.env, capture_output=True, text=True, timeout=60, check=False)
    findings = json.loads(done.stdout)["findings"]
    return done.returncode, [found["check"] for found in findings if found["level"] == "error"]
