"""Which of Celery's pools a worker runs in: one whose threads share the engine, or it does not run at all."""

import subprocess
from pathlib import Path

import pytest

from tests.processes.harness.processes import ROOT
from tests.processes.harness.stack import environment

pytestmark = pytest.mark.processes


def test_a_pool_of_other_processes_stops_the_boot(tmp_path: Path) -> None:
    env = environment(tmp_path, database_url=f"sqlite:///{tmp_path}/booper.sqlite3", broker_url="memory://")
    command = ["celery", "-A", "config", "worker", "--pool", "prefork"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "the worker's pool is celery.concurrency.prefork.TaskPool: start it with --pool threads" in done.stderr
