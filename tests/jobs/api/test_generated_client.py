"""A client that openapi-python-client generates from our document asks for what its user said, and for nothing else."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler

from jobs.api import urls
from jobs.api.endpoints import openapi
from jobs.models import Job, Schedule
from tests.conftest import Announced, StoppedClock

PACKAGE = "generated_from_the_document"
URL = "https://example.com/hook"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("client")
    document, config = folder / "openapi.json", folder / "config.json"
    document.write_text(json.dumps(openapi.document(urls.ROUTES)))
    config.write_text('{"post_hooks": []}')
    asked = ("generate", f"--path={document}", f"--config={config}", "--meta=none", f"--output-path={folder / PACKAGE}")
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", *asked, "--fail-on-warning"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    assert Path(folder, PACKAGE).is_dir()


@pytest.fixture
def client(
    generated: None,
    wsgi_application: WSGIHandler,
    token: str,
    stopped_clock: StoppedClock,
    announced: Announced,
) -> Any:
    client = import_module(PACKAGE).AuthenticatedClient(base_url="http://testserver", token=token)
    transport = httpx.WSGITransport(app=wsgi_application)
    headers = {"Authorization": f"Bearer {token}"}
    return client.set_httpx_client(httpx.Client(base_url="http://testserver", transport=transport, headers=headers))


def model(name: str) -> Any:
    return getattr(import_module(f"{PACKAGE}.models"), name)


def call(client: Any, tag: str, name: str, *arguments: Any, status: int = 200, **named: Any) -> Any:
    response = import_module(f"{PACKAGE}.api.{tag}.{name}").sync_detailed(*arguments, client=client, **named)
    assert response.status_code == status, response.content
    return response.parsed.data


def test_a_job_has_what_its_user_gave_it_and_nothing_more(client: Any) -> None:
    created = call(client, "jobs", "create_job", body=model("JobInput")(url=URL), status=201)
    assert created.args.to_dict() == {"url": URL}
    job = Job.objects.get(id=created.job_id)
    assert (job.method, job.timeout_seconds, job.max_attempts) == ("get", 30, 5)


def test_a_null_is_a_field_that_is_left_out(client: Any) -> None:
    wanted = model("JobInput")(url=URL, name=None, cron=None, schedule_in=[1, "hour"], body=None)
    assert call(client, "jobs", "create_job", body=wanted, status=201).schedule_id is None


def test_a_change_changes_what_it_names_and_nothing_more(client: Any) -> None:
    wanted = model("JobInput").from_dict(
        {"url": URL, "method": "post", "cron": "0 9 * * 1-5", "timezone": "Europe/London", "overlap": "skip"}
    )
    job = call(client, "jobs", "create_job", body=wanted, status=201)
    before = Schedule.objects.get()
    changes = model("ScheduleChanges")(name="x")
    changed = call(client, "schedules", "change_schedule", job.schedule_id, body=changes)
    assert (changed.name, changed.timezone, changed.overlap) == ("x", "Europe/London", "skip")
    after = Schedule.objects.get()
    assert {name for name in vars(before) if getattr(before, name) != getattr(after, name) and name[0] != "_"} == {
        "name",
        "args",
    }
    edited = call(client, "jobs", "change_job", job.job_id, body=model("JobChanges")(description="y"))
    assert edited.args.to_dict() == wanted.to_dict() | {"name": "x", "description": "y"}


def test_lists_are_read_page_by_page(client: Any) -> None:
    for number in range(3):
        wanted = model("JobInput")(url=f"{URL}/{number}")
        call(client, "jobs", "create_job", body=wanted, status=201)
    assert len(call(client, "jobs", "list_jobs")) == 3
    assert len(call(client, "jobs", "list_jobs", limit=2, cursor="")) == 2


def test_a_job_is_cancelled_and_a_schedule_deleted(client: Any) -> None:
    job = call(client, "jobs", "create_job", body=model("JobInput")(url=URL, schedule_in=60), status=201)
    assert call(client, "jobs", "cancel_job", job.job_id).job.state == "cancelled"
    wanted = model("JobInput")(url=URL, repeat_every=[2, "minutes"])
    run = call(client, "jobs", "create_job", body=wanted, status=201)
    assert call(client, "schedules", "delete_schedule", run.schedule_id).disabled_at is not None


def test_an_error_is_read_as_one(client: Any) -> None:
    module = import_module(f"{PACKAGE}.api.jobs.create_job")
    response = module.sync_detailed(client=client, body=model("JobInput")(url="nonsense"))
    assert response.status_code == 400
    assert response.parsed.errors[0].pointer == "/url"
