"""The links of the README and of docs lead somewhere, and the settings page has every setting."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_READERS = "text|boolean|integer|seconds|share|url|networks|names|choice|ports|proxy|kept_secret"
_READING = rf"environment\.(?:{_READERS})\(\s*\"(\w+)\""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


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
