"""The wheel holds the client, the command and what they need, and works with its declared dependencies alone."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHOLE = ("cli", "client", "mcp", "testing", "timing")
ALONE = (
    "__init__.py", "__main__.py", "django_tasks.py", "py.typed", "webhooks.py",
    "content/__init__.py", "content/redaction.py", "content/signatures.py",
)  # fmt: skip

# Each module of the wheel is loaded: one that needs what only the server installs fails here. The server for assistants
# and the backend for Django need extras, and nothing else loads them.
LOAD_ALL = """
import importlib, pkgutil, booper
for module in pkgutil.walk_packages(booper.__path__, "booper."):
    if module.name not in ("booper.__main__", "booper.django_tasks", "booper.mcp.server"):
        importlib.import_module(module.name)
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """What came of the build: the wheel, and the programs of the environment that it was installed into."""

    wheel: Path
    programs: Path
    folder: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _run(str(self.programs / program), *arguments, folder=self.folder)


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("BOOPER_", "PYTHON"))}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=bare)


def _must_run(*command: str, folder: Path) -> None:
    done = _run(*command, folder=folder)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check")
    declared = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"]]
    # All that an index is needed for comes first, so that what fails after it is the project's own fault.
    if _run(*pip, "download", "--only-binary=:all:", "-d", "index", *declared, folder=folder).returncode != 0:
        pytest.skip("pip reaches no package index that has what pyproject.toml declares")
    # A copy, as setuptools leaves its own files beside what it builds.
    source = folder / "source"
    shutil.copytree(ROOT / "booper", source / "booper", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    offline = ("--no-index", "--find-links", str(folder / "index"))
    _must_run(*pip, "wheel", *offline, "--no-deps", "-w", "built", str(source), folder=folder)
    [wheel] = (folder / "built").glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    programs = folder / "venv" / "bin"
    _must_run(*pip, "--python", str(programs / "python"), "install", *offline, str(wheel), folder=folder)
    return Installed(wheel=wheel, programs=programs, folder=folder)


def test_the_wheel_holds_the_client_the_command_and_what_they_need_and_nothing_else(installed: Installed) -> None:
    whole = [path for name in WHOLE for path in (ROOT / "booper" / name).rglob("*.py")]
    wanted = {path.relative_to(ROOT).as_posix() for path in whole} | {f"booper/{name}" for name in ALONE}
    with zipfile.ZipFile(installed.wheel) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == wanted


@pytest.mark.parametrize(
    "code",
    ["from booper import Scheduler", "import booper.content.signatures", LOAD_ALL],
    ids=["sdk", "signatures", "all"],
)
def test_the_installed_wheel_is_imported_with_its_declared_dependencies_alone(installed: Installed, code: str) -> None:
    done = installed.run("python", "-I", "-c", f"{code}\nimport booper; print(booper.__file__)")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(installed.folder / "venv"))


def test_the_installed_command_shows_its_help(installed: Installed) -> None:
    done = installed.run("booper", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "booper run POST" in done.stdout
