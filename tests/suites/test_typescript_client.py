"""A client that openapi-typescript generates from our document compiles, and asks for what its user said."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.handlers.wsgi import WSGIHandler

from jobs.api import urls
from jobs.api.endpoints import openapi
from tests.conftest import Announced, StoppedClock
from tests.node import answers_of

SCRIPT = Path(__file__).with_name("client.ts")
STRICT = ("--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck")


@pytest.fixture(scope="module")
def compiled(suites: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script, type-checked against the generated client, as JavaScript."""
    modules = suites / "typescript" / "node_modules"
    if not modules.is_dir() or shutil.which("node") is None:
        missing = "needs node and npm on this machine, and a folder that .ci/suites has filled with them there"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "openapi.json").write_text(json.dumps(openapi.document(urls.ROUTES)))
    shutil.copy(SCRIPT, folder)
    ran(modules / ".bin" / "openapi-typescript", "openapi.json", "--output", "api.ts", folder=folder)
    ran(modules / ".bin" / "tsc", *STRICT, SCRIPT.name, folder=folder)
    return folder / "client.js"


def ran(program: Path, *arguments: str, folder: Path) -> None:
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_client_asks_for_is_done_and_nothing_more(
    compiled: Path, wsgi_application: WSGIHandler, token: str, stopped_clock: StoppedClock, announced: Announced
) -> None:
    answers = answers_of(compiled, wsgi_application, token=token)

    assert answers["created"] == {
        "url": "https://example.com/hook",
        "method": "post",
        "query": {"page": 1},
        "body": {"content": "Hi"},
        "cron": "0 9 * * 1-5",
        "timezone": "Europe/London",
    }
    assert (answers["renamed"]["name"], answers["renamed"]["timezone"]) == ("x", "Europe/London")
    assert answers["renamed"]["args"] == answers["created"] | {"name": "x"}
    assert answers["described"]["args"]["schedule_in"] == [1, "hour"]
    assert answers["described"]["description"] == "y"
    assert answers["job_id"] in answers["listed"]
    assert (answers["cancelled"], answers["refused"]) == ("cancelled", "/url")
