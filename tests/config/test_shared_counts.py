"""What one web process counts, the others see; what one that has died had counted, nobody does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.web.shared_counts import SharedCounts

KEY = b"secret"
_DIES = """
import os, signal, sys
from pathlib import Path
from config.web.shared_counts import SharedCounts
SharedCounts(Path(sys.argv[1]), key=b"secret").add("a", 5)
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "connections"


def test_all_see_what_each_has_counted(folder: Path) -> None:
    first, second = SharedCounts(folder, key=KEY), SharedCounts(folder, key=KEY)
    first.refresh()
    first.add("a", 2)
    second.add("a", 3)
    first.add("b", 1)
    assert [counts.total("a") for counts in (first, second)] == [5, 5]
    assert [counts.total("b") for counts in (first, second)] == [1, 1]
    first.add("a", -2)
    assert second.total("a") == 3
    for counts in (first, second):
        counts.close()


def test_one_that_has_ended_counts_no_longer(folder: Path) -> None:
    first, second = SharedCounts(folder, key=KEY), SharedCounts(folder, key=KEY)
    second.add("a", 3)
    first.refresh()
    assert first.total("a") == 3
    second.close()
    first.refresh()
    assert first.total("a") == 0
    first.close()
    assert list(folder.iterdir()) == []


def test_nor_does_one_that_was_killed(folder: Path) -> None:
    command = [sys.executable, "-c", _DIES, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"counted\n"
        counts = SharedCounts(folder, key=KEY)
        assert counts.total("a") == 5
        os.kill(process.pid, signal.SIGKILL)
    counts.refresh()
    assert counts.total("a") == 0
    counts.close()


def test_what_is_no_such_file_is_passed_over(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("hello")
    counts = SharedCounts(folder, key=KEY)
    counts.add("a", 1)
    assert counts.total("a") == 1
    counts.close()
    assert (folder / "notes.txt").read_text() == "hello"


def test_the_files_are_for_their_owner_alone(folder: Path) -> None:
    counts = SharedCounts(folder, key=KEY)
    [path] = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    counts.close()
