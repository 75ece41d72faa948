"""The example of a dashboard asks for figures that /metrics has, with the labels that they have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.telemetry import exposition
from tests.factories import NOON

DOCS = Path(__file__).resolve().parents[3] / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "examples" / "grafana.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
# What any series may be told apart by beside its own labels: who was scraped, and the bounds of a histogram.
ANYWHERE = {"job", "le"}


def _documented_labels() -> Iterator[tuple[str, set[str]]]:
    """The labels of each figure, by the table of the page on operations."""
    rows = re.findall(r"^\| (`booper_.+?`) \| (.*?) \|", (DOCS / "operations.md").read_text(), re.MULTILINE)
    for names, labels in rows:
        for name in re.findall(r"`(\w+)`", names):
            yield name, set(re.findall(r"`(\w+)`", labels))


@pytest.fixture
def figures(db: None) -> set[str]:
    text = exposition.exposition(now=NOON, stored=exposition.count_stored()).decode()
    kinds = re.findall(r"^# TYPE (booper_\w+) (\w+)$", text, re.MULTILINE)
    return {f"{name}_bucket" if kind == "histogram" else name for name, kind in kinds}


def test_every_query_asks_for_figures_that_there_are(figures: set[str]) -> None:
    asked = {name for query in QUERIES for name in re.findall(r"\bbooper_\w+", query)}
    assert len(asked) > 15
    assert asked - figures == set()


def test_every_figure_is_shown_somewhere(figures: set[str]) -> None:
    assert {name for name in figures if not any(name in query for query in QUERIES)} <= {
        "booper_build_info",
        "booper_deliveries_created_total",
    }


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_names_labels_that_its_figure_has(query: str) -> None:
    labels = dict(_documented_labels())
    [name] = re.findall(r"\bbooper_\w+", query)
    named = {*re.findall(r"(\w+)=\"", query), *re.findall(r"by \((\w+)\)", query)}
    assert "job" in named
    assert named - ANYWHERE <= labels[name.removesuffix("_bucket")]


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_adds_up_what_every_web_process_tells_alike(query: str) -> None:
    assert re.match(r"(max|histogram_quantile\([\d.]+, max by \(le\)|sum\(max by)", query)
    assert query.count("(") == query.count(")")


def test_panels_lie_side_by_side_within_the_page() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
