"""docs/threat-model.md names a test for each line, and each is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
LINES = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| tries to")]
NAMED = sorted({name for line in LINES for name in re.findall(r"`(test[\w/.]+)`", line)})


def defined() -> set[str]:
    paths = (ROOT / "tests").rglob("test_*.py")
    return {name for path in paths for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}


def test_every_line_names_a_test() -> None:
    assert len(LINES) > 20
    assert [line for line in LINES if not re.search(r"`test[\w/.]+` ?[,|]", line)] == []


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_is_there(name: str) -> None:
    assert (ROOT / name).is_file() if "/" in name else name in defined()
