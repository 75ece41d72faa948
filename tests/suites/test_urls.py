"""The URL standard's own data: no host is taken that it refuses, and no other one is contacted than it says."""

import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import pytest

from booper.targets import urls
from booper.targets.urls import InvalidTarget

EVERYTHING = ("0.0.0.0/0", "::/0")


@pytest.fixture(scope="module")
def cases(suites: Path) -> list[dict[str, Any]]:
    """Those of absolute http and https URLs."""
    [file] = suites.glob("whatwg-url-*/tests/testdata.json")
    listed = [case for case in json.loads(file.read_text()) if isinstance(case, dict)]
    found = [case for case in listed if re.match("https?://", case["input"], re.IGNORECASE)]
    assert len(found) > 100
    return found


def target_of(url: str) -> urls.Target | None:
    try:
        return urls.parse(url, allow_http=True, allowed_networks=EVERYTHING)
    except InvalidTarget:
        return None


def host_of(text: str) -> object:
    """An address however it is spelt."""
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return text.removesuffix(".")


def test_what_the_standard_refuses_is_refused(cases: list[dict[str, Any]]) -> None:
    refused = [case["input"] for case in cases if case.get("failure")]
    assert len(refused) > 50
    assert [url for url in refused if target_of(url) is not None] == []


def test_the_host_and_port_are_those_of_the_standard(cases: list[dict[str, Any]]) -> None:
    taken = 0
    for case in cases:
        target = None if case.get("failure") else target_of(case["input"])
        if target is not None:
            taken += 1
            default = 443 if target.scheme == "https" else 80
            said = (case["protocol"], host_of(case["hostname"]), int(case["port"] or default))
            assert (f"{target.scheme}:", host_of(target.host), target.port) == said, case["input"]
    assert taken > 30
