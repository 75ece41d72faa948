"""docs/django-tasks.md as a project: its tasks become jobs of a real instance, which calls the project's own server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import django
import pytest

from tests.processes.harness import ports
from tests.processes.harness.fixtures import running
from tests.processes.harness.processes import ROOT
from tests.processes.harness.stack import Servers, Stack
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "docs" / "django-tasks.md").read_text(), re.DOTALL | re.MULTILINE
)
SETTINGS, URLS, TASKS, USE = BLOCKS
BEFORE_SETTINGS = """
import os
SECRET_KEY = "of-a-test"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
USE_TZ = True
DATABASES = {}
"""
MORE_TASKS = """

@task
def fail():
    raise LookupError("no such user")


@task
def wait_for(path):
    open(path).close()
    return "it is there"
"""
OUTCOME = """
import time
from tasks import {task}
result = {task}.enqueue({arguments})
for _ in range(300):
    result.refresh()
    if result.is_finished:
        break
    time.sleep(0.1)
import json
print(json.dumps([str(result.status), result.attempts, result.return_value if not result.errors else
    [each.exception_class_path for each in result.errors]]))
"""


@dataclass(frozen=True, slots=True)
class Project:
    folder: Path
    env: dict[str, str]
    port: int

    def run(self, code: str) -> str:
        setup = "import django; django.setup()\n"
        done = subprocess.run(
            [sys.executable, "-c", setup + code],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def outcome_of(self, task: str, arguments: str = "") -> list[object]:
        found: list[object] = json.loads(self.run(OUTCOME.format(task=task, arguments=arguments)))
        return found


@pytest.fixture(scope="module")
def stack(servers: Servers) -> Iterator[Stack]:
    with running("sqlite-redis", servers=servers) as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def project(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project that the page describes, served by Django itself."""
    port, folder = ports.free(), tmp_path_factory.mktemp("project")
    package = "django_tasks" if django.VERSION < (6,) else "django.tasks"
    address = f"http://127.0.0.1:{port}/booper-tasks/"
    written = {
        "settings.py": BEFORE_SETTINGS
        + SETTINGS.replace("https://app.example.com/booper-tasks/", address).replace(
            '"SIGNING', '"MAX_ATTEMPTS": 2, "SIGNING'
        ),
        "urls.py": "from django.urls import path\n" + URLS,
        "tasks.py": TASKS.replace("from django.tasks", f"from {package}") + MORE_TASKS,
    }
    for name, text in written.items():
        (folder / name).write_text(text)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "DJANGO_SETTINGS_MODULE": "settings",
        "BOOPER_API_URL": f"http://127.0.0.1:{stack.port}",
        "BOOPER_API_KEY": stack.api.key,
        "BOOPER_SIGNING_SECRET": stack.api.post("/api/signing-secret/rotate").data["secret"],
    }
    made = Project(folder, env, port)
    command = [sys.executable, "-m", "django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    stack.processes.start("project", command, env=env, cwd=folder)
    eventually(lambda: _status(made, b"") == 401, "the project answers", within_seconds=30)
    return made


def _status(project: Project, body: bytes, **headers: str) -> int | None:
    request = Request(f"http://127.0.0.1:{project.port}/booper-tasks/", data=body, headers=headers)
    try:
        with urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError:
        return None


def test_tasks_run_in_the_project_and_their_results_are_read_there(stack: Stack, project: Project) -> None:
    assert project.outcome_of("send_welcome", "17") == ["SUCCESSFUL", 1, "welcome, 17"]
    status, attempts, errors = project.outcome_of("fail")
    assert (status, attempts, errors) == ("FAILED", 2, ["builtins.LookupError"])


def test_one_that_fails_at_first_is_tried_again(stack: Stack, project: Project, tmp_path: Path) -> None:
    later = tmp_path / "later"
    script = f"from tasks import wait_for\nprint(wait_for.enqueue({str(later)!r}).id)"
    job_id = int(project.run(script))
    eventually(lambda: stack.api.job(job_id)["job"]["state"] == "retryable", "it has failed once", within_seconds=30)
    later.touch()
    eventually(lambda: stack.api.job(job_id)["job"]["state"] == "completed", "it was tried again", within_seconds=60)


def test_what_the_page_enqueues_is_done_now_and_in_three_days(stack: Stack, project: Project) -> None:
    project.run(USE)
    later, now = stack.api.get("/api/jobs?limit=2").data
    assert (now["name"], later["args"]["body"]) == (
        "tasks.send_welcome",
        {"task": "tasks.send_welcome", "args": [17], "kwargs": {}},
    )
    eventually(lambda: stack.api.job(now["job_id"])["job"]["state"] == "completed", "it is done", within_seconds=30)
    assert stack.api.job(later["job_id"])["job"]["state"] == "scheduled"


def test_a_request_that_nobody_signed_runs_nothing(stack: Stack, project: Project) -> None:
    body = json.dumps({"task": "tasks.send_welcome", "args": [17], "kwargs": {}}).encode()
    assert _status(project, body, **{"Content-Type": "application/json"}) == 401
    old = {"webhook-id": "msg_1", "webhook-timestamp": "1700000000", "webhook-signature": "v1,AAAA"}
    assert _status(project, body, **old) == 401
