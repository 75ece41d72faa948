"""bin/fuzz: atheris goes through these properties by what they reach, and finds what chance would not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzing.amount import IS_LONG

pytest.importorskip("atheris", reason="bin/fuzz installs it, where there is a wheel of it")

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60 if IS_LONG else 3
NAMES = [
    "durations",
    "cron",
    "placeholders",
    "forms",
    "json",
    "urls",
    "retry_after",
    "heads_and",
    "answers_are",
    "calendars",
]


def fuzzed(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.fuzzing.guided", *arguments, "--folder", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100 + SECONDS, check=False)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", NAMES)
def test_every_parser_holds(name: str, tmp_path: Path) -> None:
    done = fuzzed(tmp_path, name, "--seconds", str(SECONDS))
    assert done.returncode == 0, done.stderr[-5000:]
    assert "Done " in done.stderr


def test_what_chance_would_not_find_is_found(tmp_path: Path) -> None:
    done = fuzzed(tmp_path, "words", "--of", "tests.fuzzing.planted_fault", "--seconds", "60")
    assert done.returncode != 0
    assert "the fault that was planted" in done.stdout + done.stderr
    assert [path.name for path in (tmp_path / "found").iterdir()]
