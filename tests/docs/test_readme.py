"""What the README and the settings page claim is so."""

import json
import re
import shlex
from pathlib import Path

import pytest

from booper.cli import main
from jobs.models import Job
from tests.api import Api, data_of
from tests.fake_api import API_KEY, serve

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
_READERS = "text|boolean|integer|seconds|share|url|networks|names|choice|ports|proxy|kept_secret"
_READING = rf"environment\.(?:{_READERS})\(\s*\"(\w+)\""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_first_job_of_the_readme_is_taken(api: Api, settings, announced):
    settings.BOOPER_ALLOW_HTTP_TARGETS = True
    settings.BOOPER_ALLOWED_TARGET_NETWORKS = ["127.0.0.0/8"]
    [body] = re.findall(r"-d '(\{.*?\n      \})'", README, re.DOTALL)
    job = data_of(api.post("/api/jobs", json.loads(body)), status=201)
    assert job["job"]["state"] == "scheduled"
    assert Job.objects.get().url == "http://127.0.0.1:8000/api/broadcast"


def test_the_command_lines_of_the_readme_are_understood(monkeypatch):
    lines = re.findall(r"^    bin/booper (.+)$", README, re.MULTILINE)
    assert len(lines) == 3
    with serve() as fake:
        monkeypatch.setenv("BOOPER_API_URL", fake.url)
        monkeypatch.setenv("BOOPER_API_KEY", API_KEY)
        assert [main(shlex.split(line, comments=True)) for line in lines] == [0, 0, 0]


def test_the_python_of_the_readme_compiles():
    [code] = re.findall(r"    (from booper import.*?)\n\n[^ ]", README, re.DOTALL)
    compile(code.replace("\n    ", "\n"), "README.md", "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_the_settings_page_has_every_variable_that_is_read():
    page = (ROOT / "docs" / "settings.md").read_text()
    read = set()
    for source in [*(ROOT / "config").glob("*.py"), *(ROOT / "jobs").rglob("*.py")]:
        read.update(re.findall(_READING, source.read_text()))
    missing = sorted(name for name in read if f"`{name}`" not in page)
    assert not missing, f"docs/settings.md lacks {missing}"
