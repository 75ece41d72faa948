"""The map of the code names only what is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "code-map.md").read_text()


def test_every_place_on_the_map_exists() -> None:
    places = set(re.findall(r"`((?:booper|config|docs|jobs)/[\w/.-]+)`", TEXT))
    assert len(places) > 40
    missing = [place for place in places if not (ROOT / place).exists() and not (ROOT / f"{place}.py").exists()]
    assert missing == []


def test_every_file_that_a_page_names_is_there() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    named = [
        (page.name, place)
        for page in pages
        for place in re.findall(r"`((?:benchmarks|bin|booper|config|jobs|tests)/[\w/.-]+)`", page.read_text())
    ]
    assert len(named) > 100
    assert [
        (page, place) for page, place in named if not list(ROOT.glob(place)) and not (ROOT / f"{place}.py").exists()
    ] == []


def test_every_function_on_the_map_is_in_its_file() -> None:
    named = re.findall(r"`((?:booper|jobs)/[\w/]+\.py)`\s*\(`(\w+)`\)", TEXT)
    assert len(named) > 12
    for place, function in named:
        tree = ast.parse((ROOT / place).read_text())
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, (
            place,
            function,
        )


def test_every_package_is_on_the_map() -> None:
    packages = {
        str(init.parent.relative_to(ROOT))
        for root in ("booper", "jobs")
        for init in (ROOT / root).glob("*/__init__.py")
    }
    assert [package for package in sorted(packages - {"jobs/migrations"}) if f"`{package}`" not in TEXT] == []


def test_every_package_opens_with_its_promise() -> None:
    for root in ("booper", "jobs", "config"):
        for init in (ROOT / root).rglob("__init__.py"):
            if "migrations" not in init.parts and "commands" not in init.parts:
                assert ast.get_docstring(ast.parse(init.read_text())), init.relative_to(ROOT)


def test_jobs_has_at_most_28_entries_side_by_side() -> None:
    entries = [
        path
        for path in (ROOT / "jobs").iterdir()
        if path.name not in {"__init__.py", "__pycache__", "static", "templates"}
    ]
    assert len(entries) <= 28
