"""No file of code is so long that a reader loses the thread."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40
_FOLDERS = ("booper", "config", "jobs", "tests", "benchmarks")
_SCRIPTS = ("bin/bench", "bin/booper", "bin/test", "bin/up")
FILES = [
    *(path for folder in _FOLDERS for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts),
    *(ROOT / name for name in _SCRIPTS),
]


def test_no_file_of_code_is_longer_than_400_lines() -> None:
    assert len(FILES) > 500
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    long: dict[str, int] = {}
    for path in FILES:
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > MOST_LINES_OF_A_FUNCTION:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = length
    assert long == {}
